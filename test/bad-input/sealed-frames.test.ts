// Bad frames of the sealed dialect, forged, cut, repeated and sent back: rows B144 to B155.

import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Fault } from '../../src/errors.ts';
import { encodeMessage, type MessageInput, OP } from '../field/protobuf.ts';
import type { SealedClient } from '../field/sealed/sealed-client.ts';
import { THOROUGH } from '../support/thorough.ts';
import { bye, cat, hex, unknown } from './field-samples.ts';
import { BYE, bitsOf, type Case, describeEachWay, flipped, printedRandom, range } from './sealed-target.ts';

const random = printedRandom();

const FRAME = { min: 18, max: 16_384 };
const TAG_BYTES = 16;
/** Bits of each longer frame that are flipped, each on a connection of its own. */
const SAMPLES = THOROUGH ? 16 : 6;
const NAMES = ['RegCredRequest', 'Client', 'Create', 'Join', 'GetCluster', 'Bye'];

describeEachWay((target, transport, share) => {
  const isTcp = transport === 'tcp';
  const headBytes = isTcp ? 2 : 0;

  /** Sends bytes in a session that has sent the first `after` messages of the recorded one. */
  const sends = (
    make: (client: SealedClient) => Uint8Array | readonly Uint8Array[],
    fault: Fault,
    after = 0,
  ): Case => ({
    fault,
    client: async () => {
      const client = await target.converse(transport, after);
      const made = make(client);
      for (const bytes of made instanceof Uint8Array ? [made] : made) await client.sendRaw(bytes);
      return client;
    },
  });

  /** The fault of a frame that was changed somewhere. */
  function faultOf(frame: Buffer): Fault {
    const length = isTcp ? frame.readUInt16BE(0) : frame.length;
    if (length < FRAME.min || length > FRAME.max) return 'frame-length';
    return length > frame.length - headBytes ? 'message-timeout' : 'frame-forged';
  }

  /** Flips a bit of a frame, in a session that begins with the recorded one. */
  function flip(bit: number, frameBytes: number, after: number, message: (client: SealedClient) => MessageInput): Case {
    const length = Buffer.alloc(frameBytes);
    if (isTcp) length.writeUInt16BE(frameBytes - headBytes);
    return sends((client) => flipped(client.encrypt(message(client)), bit), faultOf(flipped(length, bit)), after);
  }

  it('closes in silence at Bye with any one bit flipped (B144)', async () => {
    const bytes = headBytes + 1 + encodeMessage(BYE).length + TAG_BYTES;
    await target.refuse(bitsOf(bytes, share, random).map((bit) => flip(bit, bytes, 0, () => BYE)));
  });

  it.each([...NAMES.entries()])(
    'closes in silence at a flipped bit in message %i of a session, %s (B145)',
    async (at) => {
      const client = await target.connect(transport);
      const bytes = client.encrypt(target.messages(client)[at]!).length;
      const bits = range(SAMPLES * share).map(() => Math.floor(random() * bytes * 8));
      await target.refuse(bits.map((bit) => flip(bit, bytes, at, (session) => target.messages(session)[at]!)));
    },
  );

  describe('a frame that is cut', () => {
    const bytes = 1 + encodeMessage(BYE).length + TAG_BYTES;

    it.runIf(isTcp)('at any byte of the wire ends in silence at its deadline (B146)', async () => {
      await target.refuse(
        range(headBytes + bytes - 1).map((at) =>
          sends((client) => client.encrypt(BYE).subarray(0, at + 1), 'message-timeout'),
        ),
      );
    });

    it.runIf(isTcp)('by a FIN ends in silence (B146)', async () => {
      const cases = range(headBytes + bytes).map(
        (at): Case => ({
          fault: undefined,
          client: async () => {
            const client = await target.connect(transport);
            const sent = at > 0 ? client.sendRaw(client.encrypt(BYE).subarray(0, at)) : undefined;
            // At once: the deadline of the bytes must not pass before the FIN.
            client.halfClose();
            await sent;
            return client;
          },
        }),
      );
      await target.refuse(cases);
    });

    it('under a length that fits ends in silence at once, with any part of its tag (B147)', async () => {
      const cases = range(bytes).map((length) =>
        sends(
          (client) => client.frame(client.encrypt(BYE).subarray(headBytes, headBytes + length)),
          length < FRAME.min ? 'frame-length' : 'frame-forged',
        ),
      );
      await target.refuse(cases);
    });
  });

  it('closes in silence at a frame that overtakes another, and at one left out (B148)', async () => {
    const swapped = (client: SealedClient) =>
      [BYE, { op: OP.RegCredRequest }].map((one) => client.encrypt(one)).reverse();
    await target.refuse(
      [0, 2].flatMap((after) => [
        sends(swapped, 'frame-forged', after),
        sends((client) => [BYE, BYE].map((one) => client.encrypt(one))[1]!, 'frame-forged', after),
      ]),
    );
  });

  it('closes in silence at a repeated frame of its session (B149)', async () => {
    const cases = range(5).map(
      (at): Case => ({
        fault: 'frame-forged',
        client: async () => {
          const frames: Buffer[] = [];
          const client = await target.converse(transport, 5, (frame) => frames.push(frame));
          await client.sendRaw(frames[at]!);
          return client;
        },
      }),
    );
    await target.refuse(cases);
  });

  it('answers a replayed Hello with other keys, and closes in silence at each recorded frame (B150)', async () => {
    const recorder = await target.open(transport);
    const hello = recorder.buildHello();
    await recorder.sendRaw(hello);
    await recorder.receiveReply();
    const frames: Buffer[] = [];
    for (const message of target.messages(recorder)) {
      frames.push(recorder.encrypt(message));
      await recorder.sendRaw(frames.at(-1)!);
      await recorder.receive();
    }
    const replies = new Set<string>();
    const cases = frames.map(
      (frame): Case => ({
        fault: 'frame-forged',
        client: async () => {
          const client = await target.open(transport);
          await client.sendRaw(hello);
          replies.add((await client.receiveFrame()).toString('hex'));
          await client.sendRaw(frame);
          return client;
        },
      }),
    );
    await target.refuse(cases);
    expect(replies.size).toBe(frames.length);
    // On TCP the whole session in one write has bytes behind its Hello.
    const fault = isTcp ? 'hello-length' : 'hello-early-bytes';
    const all: Case = {
      fault,
      client: async () => {
        const client = await target.open(transport);
        client.socket.cork();
        const sent = isTcp
          ? [client.sendRaw(Buffer.concat([hello, ...frames]))]
          : [hello, ...frames].map((one) => client.sendRaw(one));
        client.socket.uncork();
        await Promise.all(sent);
        return client;
      },
    };
    await target.refuse([all]);
  });

  it("closes in silence at the registry's own bytes sent back (B151)", async () => {
    const reflectedReply: Case = {
      fault: 'hello-length',
      client: async () => {
        const from = await target.open(transport);
        await from.sendRaw(from.buildHello());
        const client = await target.open(transport);
        await client.sendRaw(await from.receiveFrame());
        return client;
      },
    };
    const reflected = (after: number): Case => ({
      fault: 'frame-forged',
      client: async () => {
        const client = await target.converse(transport, after);
        await client.sendRaw(client.encrypt(target.messages(client)[after]!));
        await client.sendRaw(await client.receiveFrame());
        return client;
      },
    });
    await target.refuse([reflectedReply, ...range(5).map(reflected)]);
  });

  it.runIf(isTcp)('closes in silence at an impossible length before its bytes come (B152)', async () => {
    const lengths = [...range(FRAME.min), FRAME.max + 1, 0x7fff, 0x8000, 0xffff];
    const head = (length: number) => Buffer.of(length >> 8, length & 0xff);
    await target.refuse(lengths.map((length) => sends(() => head(length), 'frame-length')));
  });

  it('closes in silence at 0 to 17 bytes, and at 18 to 16,384 random ones (B152)', async () => {
    // An empty frame on WebSocket is a message without bytes.
    await target.refuse([
      ...range(FRAME.min).map((length) => sends((client) => client.frame(randomBytes(length)), 'frame-length')),
      ...[18, 19, 1_000, 16_383, 16_384].map((length) =>
        sends((client) => client.frame(randomBytes(length)), 'frame-forged'),
      ),
    ]);
  });

  it('closes in silence at a flag other than 0 (B153)', async () => {
    await target.refuse([
      ...[1, 2, 0x80, 0xff].map((flag) => sends((client) => client.encrypt(BYE, flag), 'message-undecodable')),
      sends((client) => client.encrypt(encodeMessage({ op: OP.RegCredRequest }), 1), 'message-undecodable'),
    ]);
  });

  it('closes in silence at an empty part and at an empty plaintext (B154)', async () => {
    const empty = (client: SealedClient) => client.frame(client.session.ciphers.send.encrypt(Buffer.alloc(0)));
    await target.refuse([
      sends((client) => client.encrypt(Buffer.alloc(0)), 'frame-length'),
      sends(empty, 'frame-length'),
    ]);
  });

  it('closes in silence at a plaintext without Op, and at one that is no message (B154)', async () => {
    const plains = [
      encodeMessage({ clusterName: 'x' }),
      hex('00'),
      hex('08'),
      cat(bye, hex('00')),
      cat(bye, unknown(17)),
      cat(hex('0b'), bye),
      bye.subarray(0, 1),
      randomBytes(64).fill(0xff, 0, 12),
    ];
    await target.refuse(plains.map((plain) => sends((client) => client.encrypt(plain), 'message-undecodable')));
  });

  it('closes in silence at a frame under any key but its own (B155)', async () => {
    const withCipher = (change: (client: SealedClient) => void) =>
      sends((client) => {
        change(client);
        return client.encrypt(BYE);
      }, 'frame-forged');
    const other = await target.connect(transport);
    const isOf = (client: SealedClient) => client.session.ciphers.send;
    await target.refuse([
      withCipher((client) => isOf(client).rekey()),
      withCipher((client) => (isOf(client).key = client.session.ciphers.receive.key)),
      withCipher((client) => (isOf(client).key = isOf(other).key)),
      withCipher((client) => (isOf(client).key = Buffer.alloc(32))),
      withCipher((client) => (isOf(client).n = 2n ** 32n)),
      withCipher((client) => (isOf(client).n = 2n ** 64n - 1n)),
      sends(() => other.encrypt(BYE), 'frame-forged'),
      sends((client) => client.frame(isOf(client).encrypt(cat(hex('00'), bye), Buffer.from('x'))), 'frame-forged'),
    ]);
  });
});
