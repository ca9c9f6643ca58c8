// Sealed Hellos in a worker: s replaced while sessions go on, Hellos that are refused, dialects that are off.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { judgeHello } from '../../src/connection/hello-kind.ts';
import { HandshakeState } from '../../src/noise/handshake-state.ts';
import { generateKeyPair } from '../../src/noise/key-pair.ts';
import type { Job, JobReply, WorkerResult } from '../../src/pool/job.ts';
import { pooledRandom } from '../../src/pool/pooled-random.ts';
import { SealKeyWriter } from '../../src/pool/seal-key.ts';
import { jobContext, serveJob } from '../../src/pool/serve-job.ts';
import { sealedHelloJob } from '../../src/pool/serve-sealed.ts';
import { SESSION_RECORD_BYTES, writeSession } from '../../src/pool/session-record.ts';
import { type DialectName, sealHello } from '../../src/wire/hello.ts';
import { decodeMessage, encodeMessage, Op } from '../../src/wire/message.ts';
import { encryptRequest } from '../../src/wire/sealed-frame.ts';
import { mac1, mac1Key, readSealCert, SEALED_PROLOGUE } from '../../src/wire/sealed-hello.ts';

const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
const [ck, sk] = [rsa(), rsa()];
const registry = { id: randomBytes(32), sigKey: sk.publicKey };
const key = mac1Key(sk.publicKey);
const sealKey = new SealKeyWriter({ registryId: registry.id, sigKey: sk.privateKey, oldDialectsClosed: true });
afterAll(() => sealKey.close());
const facts = {
  ...{ commsKey: ck.privateKey, registryToken: { ID: registry.id }, version: 1 },
  ...{
    replyBytesMax: { tcp: 16_384, ws: 262_144 },
    sealed: { mac1Key: key, sealKey: sealKey.memory, sigKey: sk.privateKey },
  },
};
const context = jobContext(facts, pooledRandom());

function jobOf(kind: Job['kind'], bytes: Uint8Array, session?: Uint8Array): Job {
  return { kind, transport: 'tcp', session, scan: 0, bytes, origin: 0 };
}

/** Greets the worker. Returns the client's and the worker's side of the session. */
function greet() {
  const e = generateKeyPair();
  const handshake = new HandshakeState('NX', 'initiator', { prologue: SEALED_PROLOGUE, e });
  const hello = Buffer.concat([SEALED_PROLOGUE, handshake.writeMessage(mac1(key, e.publicKey))]);
  const result = serveJob(jobOf('sealed-hello', sealedHelloJob(hello, '::1')), context) as WorkerResult & JobReply;
  expect(result).toMatchObject({ kind: 'reply', dialect: 'sealed', op: 0, rsaOperations: 0, consumed: 64 });
  const cert = handshake.readMessage(result.bytes.subarray(2));
  const s = Buffer.from(handshake.rs!);
  expect(readSealCert(cert, s, registry, Date.now() / 1000)).toMatchObject({ cert: { flags: 1, maxMessage: 16_367 } });
  const record = Buffer.alloc(SESSION_RECORD_BYTES);
  writeSession(result.session as never, record, 0);
  return { s, record, client: handshake.split() };
}

it('replaces s for later Hellos; a session that is open goes on (Z4)', () => {
  const first = greet();
  expect(greet().s).toEqual(first.s);
  sealKey.replace();
  expect(greet().s).not.toEqual(first.s);
  const request = encryptRequest(first.client.send, encodeMessage({ Op: Op.RegCredRequest }), false);
  const reply = serveJob(jobOf('message', request, first.record), context) as WorkerResult & JobReply;
  const plain = first.client.receive.decrypt(reply.bytes.subarray(2));
  expect(decodeMessage(plain.subarray(1))).toMatchObject({ Op: Op.RegCredReply, ObservedAddress: '::1' });
});

describe('a Hello', () => {
  const e = generateKeyPair().publicKey;
  const hello = (ephemeral: Uint8Array, mac = mac1(key, ephemeral)) => {
    return serveJob(jobOf('sealed-hello', Buffer.concat([SEALED_PROLOGUE, ephemeral, mac])), context);
  };

  it('with a wrong mac1 is turned away (Z2)', () => {
    const wrong = mac1(key, e);
    wrong[15]! ^= 1;
    expect(hello(e, wrong)).toEqual({ kind: 'silent', why: 'hello-mac-wrong', rsaOperations: 0 });
    expect(hello(e, mac1(mac1Key(ck.publicKey), e))).toMatchObject({ why: 'hello-mac-wrong' });
  });

  it('with a key of small order is turned away (Z2)', () => {
    const one = Buffer.alloc(32);
    one[0] = 1;
    for (const weak of [Buffer.alloc(32), one]) expect(hello(weak)).toMatchObject({ why: 'hello-key-invalid' });
  });

  it.each(['chained', 'prefixed'] as const)('of the dialect %s alone is answered if the other is off (Z3)', (on) => {
    const some = jobContext({ ...facts, dialects: [on, 'sealed'] }, pooledRandom());
    for (const dialect of ['chained', 'prefixed'] satisfies DialectName[]) {
      const iv1 = dialect === 'chained' ? randomBytes(16) : undefined;
      const bytes = sealHello(ck.publicKey, {
        dialect,
        iv1,
        key1: randomBytes(32),
        salt1: randomBytes(8),
        version1: 1,
      });
      const why = dialect === on ? undefined : 'hello-plaintext-length';
      expect((serveJob(jobOf('hello', bytes), some) as WorkerResult & JobReply).why).toBe(why);
    }
  });
});

describe('judgeHello', () => {
  const sealed = Buffer.concat([SEALED_PROLOGUE, Buffer.alloc(48, 1)]);
  const old = Buffer.alloc(256, 0x55);
  const both = { rsaBytes: 256, sealed: true };

  it('waits for a sealed Hello byte by byte on TCP (Z2)', () => {
    for (let length = 1; length < 64; length++) {
      expect(judgeHello(sealed.subarray(0, length), false, 'tcp', both)).toBe('wait');
    }
    expect(judgeHello(sealed, false, 'tcp', both)).toBe('sealed-hello');
    expect(judgeHello(Buffer.concat([sealed, Buffer.of(0)]), false, 'tcp', both)).toBe('hello-length');
  });

  it('takes the first byte that differs for an RSA Hello (Z2)', () => {
    for (let at = 0; at < 16; at++) {
      const bytes = Buffer.concat([SEALED_PROLOGUE.subarray(0, at), old]).subarray(0, 256);
      expect(judgeHello(bytes.subarray(0, 255), false, 'tcp', both)).toBe('wait');
      expect(judgeHello(bytes, false, 'tcp', both)).toBe('hello');
      const closed = { rsaBytes: undefined, sealed: true };
      expect(judgeHello(bytes.subarray(0, at), false, 'tcp', closed)).toBe('wait');
      expect(judgeHello(bytes.subarray(0, at + 1), false, 'tcp', closed)).toBe('hello-dialect-off');
    }
  });

  it('judges a frame whole on WebSocket (Z2)', () => {
    expect(judgeHello(sealed, false, 'ws', both)).toBe('sealed-hello');
    for (const length of [1, 15, 16, 63]) {
      expect(judgeHello(sealed.subarray(0, length), false, 'ws', both)).toBe('hello-length');
    }
    expect(judgeHello(old, false, 'ws', both)).toBe('hello');
    expect(judgeHello(sealed, true, 'ws', both)).toBe('hello-early-bytes');
  });

  it('takes a sealed Hello for the beginning of an RSA one where sealed is off (Z3)', () => {
    const off = { rsaBytes: 256, sealed: false };
    expect(judgeHello(sealed, false, 'tcp', off)).toBe('wait');
    expect(judgeHello(sealed, false, 'ws', off)).toBe('hello-length');
  });
});
