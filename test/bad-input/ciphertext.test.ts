// Bad ciphertext and padding, rows B44 to B51. What can be told of such bytes on TCP is only that no message has ended
// yet, so there they end at the deadline of a partial message; a WebSocket frame is a message or it is none.

import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { expect } from 'vitest';
import type { FieldClient } from '../field/field-client.ts';
import { signedToken } from '../field/member-keys.ts';
import { encodeMessage, OP } from '../field/protobuf.ts';
import { encrypted, onWires, type Row, type Sends, testRows, useTarget } from './bad-input-harness.ts';
import { expectEnding, NEVER_WHOLE, silent, told } from './endings.ts';

const target = useTarget();

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const bye = encodeMessage({ op: OP.Bye });
const client = encodeMessage({ op: OP.Client, clientSpecs: signedToken({ name: 'peer' }) });

/** Whole blocks: a message and padding of the test's own making. */
const padded = (message: Uint8Array, padding: Uint8Array): Sends => encrypted(message, { padding });

/** The first bytes of a good message. */
const cut =
  (message: Uint8Array, length: number): Sends =>
  (session: FieldClient) =>
    session.encrypt(message).subarray(0, length);

const rows: readonly Row[] = [
  {
    row: '1 to 15 bytes, random or of a good message (B44)',
    sends: range(1, 15).flatMap((length) => [() => randomBytes(length), cut(client, length)]),
    ends: NEVER_WHOLE,
  },
  {
    row: '16 bytes only: an IV and no block (B45)',
    sends: [() => randomBytes(16), () => Buffer.alloc(16), cut(bye, 16)],
    ends: NEVER_WHOLE,
    dialects: ['prefixed'],
  },
  {
    row: '16 bytes only: a block that is no message (B45)',
    sends: [() => randomBytes(16), () => Buffer.alloc(16), cut(client, 16)],
    ends: NEVER_WHOLE,
    dialects: ['chained'],
  },
  {
    row: '33 bytes, random or of a good message (B46)',
    sends: [() => randomBytes(33), () => Buffer.alloc(33), cut(client, 33)],
    ends: NEVER_WHOLE,
  },
  {
    row: 'pad byte 0, 17..255, in all places of the padding (B47)',
    sends: [0, ...range(17, 255)].map((pad) => padded(bye, Buffer.alloc(14, pad))),
    ends: NEVER_WHOLE,
  },
  {
    row: 'pad byte 0, 17..255, in the last place only (B47)',
    sends: [0, ...range(17, 255)].map((pad) => padded(bye, Buffer.from([...Array(13).fill(14), pad]))),
    ends: NEVER_WHOLE,
  },
  {
    row: 'pad byte 1 to 16 where another is right (B47)',
    sends: range(1, 16)
      .filter((pad) => pad !== 14 && pad !== 8)
      .map((pad) => padded(bye, Buffer.alloc(14, pad))),
    ends: NEVER_WHOLE,
  },
  {
    row: 'pad byte 8 in all 14 places, which is three Ops of JoinReply and eight bytes of padding (B47)',
    sends: [padded(bye, Buffer.alloc(14, 8))],
    ends: told('unexpected message type'),
  },
  {
    row: 'last pad byte right, others garbage (B48)',
    sends: [
      ...range(0, 12).map((at) => padded(bye, Buffer.alloc(14, 14).fill(13, at, at + 1))),
      ...range(0, 12).map((at) => padded(bye, Buffer.alloc(14, 14).fill(0, at, at + 1))),
      padded(bye, Buffer.concat([randomBytes(13).map((byte) => byte | 0x80), Buffer.from([14])])),
    ],
    ends: NEVER_WHOLE,
  },
  {
    row: 'random 48 bytes (B49)',
    sends: range(1, 32).map(() => () => randomBytes(48)),
    ends: NEVER_WHOLE,
  },
  {
    row: 'encrypted under key1 (B50)',
    sends: [bye, client].map((message) => (session) => session.encrypt(message, { key: session.session.key1 })),
    ends: NEVER_WHOLE,
  },
  {
    row: "the other dialect's IV rule: an IV in front (B50)",
    // What this IV decrypts to begins like no field: 16 random bytes in front of a message are, once in a while, a part of it.
    sends: [bye, client].map((message) => (session) => {
      const noField = Buffer.concat([Buffer.of(7), randomBytes(15)]);
      const iv = session.encrypt(noField, { padding: Buffer.alloc(0), keepChain: true });
      return session.encrypt(message, { ivRule: 'prefixed', iv });
    }),
    ends: NEVER_WHOLE,
    dialects: ['chained'],
  },
  {
    row: "the other dialect's IV rule: no IV in front (B50)",
    sends: [bye, client].map((message) => encrypted(message, { ivRule: 'chained' })),
    ends: NEVER_WHOLE,
    dialects: ['prefixed'],
  },
];

testRows(target, rows);

/** A session with two replies behind it, and what has been sent and received in it, oldest first. */
async function spoken(session: FieldClient): Promise<Buffer[]> {
  const wires = [session.session.replyWire];
  for (const message of [{ op: OP.RegCredRequest }, { op: OP.Client, clientSpecs: signedToken({ name: 'peer' }) }]) {
    wires.push(await session.send(message));
    await session.receive();
    wires.push(session.received.at(-1)!.wire);
  }
  return wires;
}

/** Plays something that has been said before, as it was or as the IV of a message of its own. */
for (const [what, replay] of [
  ['a message or a reply of this session again, whole', (wire: Buffer) => wire],
  [
    'a new message under an IV of this session, sent by either side',
    (wire: Buffer, session: FieldClient) => session.encrypt({ op: OP.Bye }, { iv: wire.subarray(0, 16) }),
  ],
] as const) {
  onWires(
    target,
    `${what} (B51)`,
    async (wire) => {
      const ending = wire.dialect === 'prefixed' ? silent('iv-repeated') : NEVER_WHOLE;
      for (let at = 0; at < 5; at++) {
        const session = await target.registry.connect(wire);
        const heard = await spoken(session);
        const started = performance.now();
        await expectEnding(session, replay(heard[at]!, session), ending);
        if (wire.dialect === 'prefixed') expect(performance.now() - started).toBeLessThan(5_000);
      }
    },
    ({ dialect, transport }) => {
      const never = transport === 'tcp' ? 'message-timeout' : 'message-undecodable';
      return { [`fault ${dialect === 'prefixed' ? 'iv-repeated' : never}`]: 5 };
    },
  );
}
