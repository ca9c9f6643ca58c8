// Bad Hellos of the sealed dialect: rows B138 to B143.

import { createHmac, createPublicKey, randomBytes } from 'node:crypto';
import { beforeAll, expect, it } from 'vitest';
import type { Fault } from '../../src/errors.ts';
import { makeMemberKeys } from '../field/member-keys.ts';
import { curve, curvePair } from '../field/sealed/noise.ts';
import { mac1, PROLOGUE } from '../field/sealed/sealed-client.ts';
import { bitsOf, type Case, describeEachWay, flipped, printedRandom, range } from './sealed-target.ts';

const HELLO_BYTES = 64;
const RSA_HELLO_BYTES = 256;
const [P, E] = [2n ** 255n - 19n, 2n ** 255n];

/** The u-coordinates of X25519 whose result is zero under every key, reduced or not. */
const SMALL_ORDER = [
  0n,
  1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
  P - 1n,
  P,
  P + 1n,
].flatMap((u) => [u, u + E].map((bits) => Buffer.from(bits.toString(16).padStart(64, '0'), 'hex').reverse()));

it('knows points of small order: the curve refuses them', () => {
  const { secret } = curvePair();
  for (const u of SMALL_ORDER) expect(() => curve(secret, u)).toThrow();
});

const random = printedRandom();

describeEachWay((target, transport, share) => {
  const isTcp = transport === 'tcp';
  /** The fault that ends a connection whose bytes are no whole Hello. */
  const unfinished: Fault = isTcp ? 'hello-timeout' : 'hello-length';

  /** Sends bytes on a connection without a Hello. */
  const sends = (bytes: Uint8Array, fault: Fault): Case => ({
    fault,
    client: async () => {
      const client = await target.open(transport);
      await client.sendRaw(bytes);
      return client;
    },
  });
  /** A Hello with this e and this mac1. */
  const forged = (e: Uint8Array, mac = mac1(target.registry.sigKey, e)) => Buffer.concat([PROLOGUE, e, mac]);
  let hello: Buffer;
  beforeAll(() => {
    hello = forged(curvePair().public);
  });

  it('closes in silence at a Hello with any one bit flipped (B138)', async () => {
    const cases = bitsOf(HELLO_BYTES, share, random).map((bit) =>
      sends(flipped(hello, bit), bit < PROLOGUE.length * 8 ? unfinished : 'hello-mac-wrong'),
    );
    await target.refuse(cases);
  });

  it('closes in silence after a Hello cut at any byte (B139)', async () => {
    await target.refuse(range(HELLO_BYTES - 1).map((length) => sends(hello.subarray(0, length + 1), unfinished)));
  });

  it.runIf(isTcp)('closes in silence at a FIN within the Hello (B139)', async () => {
    const cases = range(HELLO_BYTES).map(
      (length): Case => ({
        fault: undefined,
        client: async () => {
          const client = await target.open(transport);
          await client.sendRaw(hello.subarray(0, length));
          client.halfClose();
          return client;
        },
      }),
    );
    await target.refuse(cases);
  });

  it('takes 0 to 15 bytes of the prologue and another one for an RSA Hello (B140)', async () => {
    const cases = range(PROLOGUE.length).map((at) =>
      sends(Buffer.concat([flipped(hello, at * 8), randomBytes(192)]), 'hello-undecryptable'),
    );
    expect(HELLO_BYTES + 192).toBe(RSA_HELLO_BYTES);
    await target.refuse(cases);
  });

  it('closes in silence at bytes behind the Hello and before the Reply (B141)', async () => {
    await target.refuse(
      [1, 20, 200, 16_000].map((more) => sends(Buffer.concat([hello, randomBytes(more)]), 'hello-length')),
    );
  });

  it.runIf(!isTcp)('closes in silence at a frame behind the Hello and before the Reply (B141)', async () => {
    const cases = [1, 18, 64].map(
      (bytes): Case => ({
        fault: 'hello-early-bytes',
        client: async () => {
          const client = await target.open(transport);
          client.socket.cork();
          const sent = [client.sendRaw(hello), client.sendRaw(randomBytes(bytes))];
          client.socket.uncork();
          await Promise.all(sent);
          return client;
        },
      }),
    );
    await target.refuse(cases);
  });

  it('closes in silence at a point of small order with the right mac1 (B142)', async () => {
    await target.refuse(SMALL_ORDER.map((u) => sends(forged(u), 'hello-key-invalid')));
  });

  it('closes in silence at a mac1 of another key, of another e, or of nothing (B143)', async () => {
    const e = curvePair().public;
    const otherKey = createPublicKey(makeMemberKeys({ sig: 63 }).sigPrivate);
    const plainHmac = createHmac('sha256', target.registry.sigKey.export({ format: 'der', type: 'spki' })).update(e);
    const macs = [
      mac1(otherKey, e),
      mac1(target.registry.sigKey, curvePair().public),
      plainHmac.digest().subarray(0, 16),
      Buffer.alloc(16),
      randomBytes(16),
    ];
    await target.refuse(macs.map((mac) => sends(forged(e, mac), 'hello-mac-wrong')));
  });
});
