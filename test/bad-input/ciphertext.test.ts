// Bad ciphertext and padding: rows B44 to B51. On TCP a later boundary may still complete a message, so such bytes end
// at the partial-message deadline. A WebSocket frame is one whole message, so there they end at once.

import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { expect } from 'vitest';
import type { FieldClient } from '../field/field-client.ts';
import { signedToken } from '../field/member-keys.ts';
import { encodeMessage, OP } from '../field/protobuf.ts';
import { encrypted, onWires, type Row, type Sends, testRows, useTarget } from './bad-input-harness.ts';
import { errorReply, expectEnding, NOT_A_MESSAGE, silent } from './endings.ts';

const target = useTarget();

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const bye = encodeMessage({ op: OP.Bye });
const client = encodeMessage({ op: OP.Client, clientSpecs: signedToken({ name: 'peer' }) });

/** Whole blocks: a message and the test's own padding. */
const padded = (message: Uint8Array, padding: Uint8Array): Sends => encrypted(message, { padding });

/** The first bytes of a good message. */
const cut =
  (message: Uint8Array, length: number): Sends =>
  (session: FieldClient) =>
    session.encrypt(message).subarray(0, length);

const rows: readonly Row[] = [
  {
    row: 'closes in silence after 1 to 15 bytes, random or of a good message (B44)',
    sends: range(1, 15).flatMap((length) => [() => randomBytes(length), cut(client, length)]),
    ends: NOT_A_MESSAGE,
  },
  {
    row: 'closes in silence after 16 bytes: an IV and no block (B45)',
    sends: [() => randomBytes(16), () => Buffer.alloc(16), cut(bye, 16)],
    ends: NOT_A_MESSAGE,
    dialects: ['prefixed'],
  },
  {
    row: 'closes in silence after 16 bytes: a block that is no message (B45)',
    sends: [() => randomBytes(16), () => Buffer.alloc(16), cut(client, 16)],
    ends: NOT_A_MESSAGE,
    dialects: ['chained'],
  },
  {
    row: 'closes in silence after 33 bytes, random or of a good message (B46)',
    sends: [() => randomBytes(33), () => Buffer.alloc(33), cut(client, 33)],
    ends: NOT_A_MESSAGE,
  },
  {
    row: 'closes in silence at a pad byte of 0 or 17 to 255 in all places of the padding (B47)',
    sends: [0, ...range(17, 255)].map((pad) => padded(bye, Buffer.alloc(14, pad))),
    ends: NOT_A_MESSAGE,
  },
  {
    row: 'closes in silence at a pad byte of 0 or 17 to 255 in the last place only (B47)',
    sends: [0, ...range(17, 255)].map((pad) => padded(bye, Buffer.from([...Array(13).fill(14), pad]))),
    ends: NOT_A_MESSAGE,
  },
  {
    row: 'closes in silence at a pad byte of 1 to 16 where another is right (B47)',
    sends: range(1, 16)
      .filter((pad) => pad !== 14 && pad !== 8)
      .map((pad) => padded(bye, Buffer.alloc(14, pad))),
    ends: NOT_A_MESSAGE,
  },
  {
    row: 'reads 14 pad bytes of 8 as three Ops of JoinReply and eight bytes of padding (B47)',
    sends: [padded(bye, Buffer.alloc(14, 8))],
    ends: errorReply('unexpected message type'),
  },
  {
    row: 'closes in silence at garbage before a right last pad byte (B48)',
    sends: [
      ...range(0, 12).map((at) => padded(bye, Buffer.alloc(14, 14).fill(13, at, at + 1))),
      ...range(0, 12).map((at) => padded(bye, Buffer.alloc(14, 14).fill(0, at, at + 1))),
      padded(bye, Buffer.concat([randomBytes(13).map((byte) => byte | 0x80), Buffer.from([14])])),
    ],
    ends: NOT_A_MESSAGE,
  },
  {
    row: 'closes in silence after 48 random bytes (B49)',
    sends: range(1, 32).map(() => () => randomBytes(48)),
    ends: NOT_A_MESSAGE,
  },
  {
    row: 'closes in silence at a message encrypted under key1 (B50)',
    sends: [bye, client].map((message) => (session) => session.encrypt(message, { key: session.session.key1 })),
    ends: NOT_A_MESSAGE,
  },
  {
    row: "closes in silence at the other dialect's IV rule: an IV in front (B50)",
    // The first block decrypts to no field. Random bytes would sometimes be a valid start of the message.
    sends: [bye, client].map((message) => (session) => {
      const noField = Buffer.concat([Buffer.of(7), randomBytes(15)]);
      const iv = session.encrypt(noField, { padding: Buffer.alloc(0), keepChain: true });
      return session.encrypt(message, { ivRule: 'prefixed', iv });
    }),
    ends: NOT_A_MESSAGE,
    dialects: ['chained'],
  },
  {
    row: "closes in silence at the other dialect's IV rule: no IV in front (B50)",
    sends: [bye, client].map((message) => encrypted(message, { ivRule: 'chained' })),
    ends: NOT_A_MESSAGE,
    dialects: ['prefixed'],
  },
];

testRows(target, rows);

/** Exchanges two requests and replies; returns every message sent and received, oldest first. */
async function exchange(session: FieldClient): Promise<Buffer[]> {
  const wires = [session.session.replyWire];
  for (const message of [{ op: OP.RegCredRequest }, { op: OP.Client, clientSpecs: signedToken({ name: 'peer' }) }]) {
    wires.push(await session.send(message));
    await session.receive();
    wires.push(session.received.at(-1)!.wire);
  }
  return wires;
}

/** Replays an earlier message, or uses its first block as the IV of a new message. */
for (const [what, replay] of [
  ['closes in silence at a replay of a whole message or reply of this session', (wire: Buffer) => wire],
  [
    'closes in silence at a new message under an IV that either side has used',
    (wire: Buffer, session: FieldClient) => session.encrypt({ op: OP.Bye }, { iv: wire.subarray(0, 16) }),
  ],
] as const) {
  onWires(
    target,
    `${what} (B51)`,
    async (wire) => {
      const ending = wire.dialect === 'prefixed' ? silent('iv-repeated') : NOT_A_MESSAGE;
      for (let at = 0; at < 5; at++) {
        const session = await target.registry.connect(wire);
        const messages = await exchange(session);
        const started = performance.now();
        await expectEnding(session, replay(messages[at]!, session), ending);
        if (wire.dialect === 'prefixed') expect(performance.now() - started).toBeLessThan(5_000);
      }
    },
    ({ dialect, transport }) => {
      const fault = transport === 'tcp' ? 'message-timeout' : 'message-undecodable';
      return { [`fault ${dialect === 'prefixed' ? 'iv-repeated' : fault}`]: 5 };
    },
  );
}
