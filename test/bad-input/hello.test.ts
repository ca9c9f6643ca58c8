// Bad Hellos: rows B34 to B43. A dialect is known only after decryption, so undecryptable Hellos differ by transport
// alone. timing.test.ts has the rows about time.

import { constants, createPublicKey, randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import type { Fault } from '../../src/errors.ts';
import { encryptHello, type FieldClient, type HelloOptions } from '../field/field-client.ts';
import type { Transport } from '../field/field-connection.ts';
import { WIRES } from '../field/field-registry.ts';
import { makeMemberKeys, signedToken } from '../field/member-keys.ts';
import { OP } from '../field/protobuf.ts';
import { rsaNumbers } from '../field/rsa-der.ts';
import { onWires, type Target, useTarget, withEach } from './bad-input-harness.ts';
import { expectClosed } from './endings.ts';

const HELLO_MS = 200;
const target = useTarget();
const impatient = useTarget(['--hello-timeout-ms', `${HELLO_MS}`]);

const many = <T>(make: () => T): T[] => Array.from({ length: 16 }, make);

/** The modulus of the registry's ck. */
function modulus(of: Target): bigint {
  return rsaNumbers(of.registry.file.commsKey.export({ type: 'spki', format: 'der' })).n;
}

const bytes256 = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(512, '0'), 'hex');

/** Random bytes below the modulus. */
const randomBelow = (): Buffer => Buffer.concat([Buffer.from([randomBytes(1)[0]! & 0x7f]), randomBytes(255)]);

/** An OAEP ciphertext of a plaintext of this length, with the options given. */
function hello(plaintextBytes: number, options: HelloOptions = {}): Buffer {
  return encryptHello(randomBytes(plaintextBytes), target.registry.file.commsKey, options);
}

/** Sends each Hello, and asserts that each ends in a silent close and counts this fault. */
async function refuse(of: Target, transport: Transport, hellos: readonly Buffer[], fault: Fault): Promise<void> {
  const counted = await of.countedDuring(() =>
    withEach(hellos, async (bytes) => {
      const client = await of.registry.open({ dialect: 'prefixed', transport });
      await client.sendRaw(bytes);
      await expectClosed(client, true);
      client.close();
    }),
  );
  expect(counted).toEqual({ [`fault ${fault}`]: hellos.length });
}

describe.each(['tcp', 'ws'] as const)('over %s', (transport) => {
  it(`closes in silence at 256 random bytes below the modulus (${transport}) (B34)`, async () => {
    await refuse(target, transport, many(randomBelow), 'hello-undecryptable');
  });

  it(`closes in silence at integers from the modulus up (${transport}) (B35)`, async () => {
    const n = modulus(target);
    const numbers = [n, n + 1n, 2n ** 2048n - 1n];
    await refuse(target, transport, numbers.map(bytes256), 'hello-out-of-range');
  });

  it(`closes in silence at the integers 0, 1 and n-1 (${transport}) (B35)`, async () => {
    const numbers = [0n, 1n, modulus(target) - 1n];
    await refuse(target, transport, numbers.map(bytes256), 'hello-undecryptable');
  });

  it(`closes in silence after 255 bytes (${transport}) (B36)`, async () => {
    const started = performance.now();
    const fault = transport === 'tcp' ? 'hello-timeout' : 'hello-length';
    const hellos = many(() => randomBelow().subarray(1));
    await refuse(impatient, transport, hellos, fault);
    if (transport === 'tcp') expect(performance.now() - started).toBeGreaterThan(HELLO_MS * 0.9);
  });

  it(`closes in silence after 257 bytes (${transport}) (B36)`, async () => {
    const good = hello(44);
    const hellos = [Buffer.concat([good, Buffer.alloc(1)]), Buffer.concat([Buffer.alloc(1), good])];
    await refuse(target, transport, hellos, 'hello-length');
  });

  it.each([0, 43, 45, 59, 61, 86])(
    `closes in silence at a valid OAEP plaintext of %i bytes (${transport}) (B37)`,
    async (length) => {
      const hellos = many(() => hello(length));
      await refuse(target, transport, hellos, 'hello-plaintext-length');
    },
  );

  it.each([
    ['a label', { oaepLabel: Buffer.from('xlReg') }],
    ['SHA-256', { oaepHash: 'sha256' }],
    ['PKCS#1 v1.5 padding', { padding: constants.RSA_PKCS1_PADDING }],
  ])(`closes in silence at a good plaintext with %s (${transport}) (B38)`, async (_, options) => {
    const hellos = [...many(() => hello(44, options)), ...many(() => hello(60, options))];
    await refuse(target, transport, hellos, 'hello-undecryptable');
  });

  it(`closes in silence at a Hello encrypted to another key (${transport}) (B43)`, async () => {
    const oldKey = createPublicKey(makeMemberKeys().commsPrivate);
    const hellos = [44, 60].flatMap((length) => many(() => encryptHello(randomBytes(length), oldKey)));
    const n = bytes256(modulus(target));
    const below = hellos.filter((bytes) => Buffer.compare(bytes, n) < 0);
    const above = hellos.filter((bytes) => Buffer.compare(bytes, n) >= 0);
    await refuse(target, transport, below, 'hello-undecryptable');
    if (above.length > 0) await refuse(target, transport, above, 'hello-out-of-range');
  });
});

/** A short session, which shows that its Hello was good. */
async function converse(client: FieldClient): Promise<void> {
  expect((await client.identify(signedToken({ name: 'peer' }))).clientId).toHaveLength(32);
  await client.bye();
}

it("serves both dialects' Hellos at the same time on one port (B39)", async () => {
  const counted = await target.countedDuring(() =>
    withEach([...WIRES, ...WIRES, ...WIRES], async (wire) => converse(await target.registry.connect(wire))),
  );
  expect(counted).toEqual({});
});

onWires(target, "ignores the client's version and replies with its own (B40)", async (wire) => {
  const versions = ['00000000', 'ffffffff', '01000000', '00000080', '7fffffff', '05060708'];
  await withEach(versions, async (version) => {
    const client = await target.registry.open(wire);
    const { version2 } = await client.hello({ version1: Buffer.from(version, 'hex') });
    expect(version2.toString('hex')).toBe('01000000');
    await converse(client);
  });
});

onWires(target, 'serves a session with all-zero key1, iv1 and salt1 (B41)', async (wire) => {
  const labels = `dialect="${wire.dialect}",transport="${wire.transport}"`;
  const before = await target.metric('xlreg_sessions_started_total', labels);
  const client = await target.registry.open(wire);
  const zeros = { key1: Buffer.alloc(32), iv1: Buffer.alloc(16), salt1: Buffer.alloc(8) };
  const { key2, salt2 } = await client.hello(zeros);
  expect(key2).not.toEqual(zeros.key1);
  expect(salt2).not.toEqual(zeros.salt1);
  expect(await target.metric('xlreg_sessions_started_total', labels)).toBe(before + 1);
  await converse(client);
});

onWires(target, 'starts a new session with a new key for a replayed Hello (B42)', async (wire) => {
  const parts = { key1: randomBytes(32), iv1: randomBytes(16), salt1: randomBytes(8) };
  const first = await target.registry.open(wire);
  const ciphertext = first.buildHello(parts);
  await first.sendRaw(ciphertext);
  const sessions = [await first.receiveHelloReply()];
  const again = await target.registry.open(wire);
  sessions.push(await again.hello({ ...parts, ciphertext }));
  for (const part of ['key2', 'salt2', 'iv2', 'replyWire'] as const) {
    if (sessions[0]![part] !== undefined) expect(sessions[1]![part]).not.toEqual(sessions[0]![part]);
  }
  // Messages recorded in the first session do not decrypt in the second.
  await converse(first);
  expect(await again.request({ op: OP.Bye })).toEqual({ op: OP.Ack, tokens: [] });
});
