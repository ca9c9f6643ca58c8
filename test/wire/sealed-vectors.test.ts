// The sealed dialect's code against the project's vectors, which the second implementation made (test/field/sealed).

import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import Long from 'long';
import { describe, expect, it } from 'vitest';
import { counted } from '../../src/client/streams/handshake.ts';
import { FrameReader, sealFrame } from '../../src/client/streams/stream-frames.ts';
import { CipherState } from '../../src/noise/cipher-state.ts';
import { HandshakeState } from '../../src/noise/handshake-state.ts';
import { keyPairOf } from '../../src/noise/key-pair.ts';
import { isLabels } from '../../src/wire/labels.ts';
import type { Token } from '../../src/wire/message.ts';
import { verifyPss } from '../../src/wire/pss.ts';
import { encryptFrames, encryptRequest, FrameAssembly } from '../../src/wire/sealed-frame.ts';
import { isMac1, mac1, mac1Key, readSealCert, SEALED_PROLOGUE } from '../../src/wire/sealed-hello.ts';
import { certifiedId, clientProof, returnProof, statementBytes, statementDigest } from '../../src/wire/statement.ts';
import { sha256 } from '../field/sealed/noise.ts';
import type * as made from '../field/sealed/vectors.ts';

const file = JSON.parse(
  readFileSync(new URL('../vectors/sealed/sealed.json', import.meta.url), 'utf8'),
) as made.Vectors;
const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const pair = (secret: string) => keyPairOf(hex(secret));

function publicKey(pkcs8: string): KeyObject {
  return createPublicKey(createPrivateKey({ key: hex(pkcs8), format: 'der', type: 'pkcs8' }));
}

describe('Hello and Reply (sections 1 and 2)', () => {
  const { hello, reply } = file;
  const sk = publicKey(hello.skPkcs8);

  it('computes mac1', () => {
    const key = mac1Key(sk);
    expect(text(key)).toBe(hello.mac1Key);
    const e = pair(hello.clientEphemeralSecret);
    expect(text(mac1(key, e.publicKey))).toBe(hello.mac1);
    expect(isMac1(key, e.publicKey, hex(hello.mac1))).toBe(true);
    const wrong = hex(hello.mac1);
    wrong[15]! ^= 1;
    expect(isMac1(key, e.publicKey, wrong)).toBe(false);
  });

  it('makes the Hello, makes the Reply, and reads both', () => {
    const client = new HandshakeState('NX', 'initiator', {
      ...{ prologue: SEALED_PROLOGUE, e: pair(hello.clientEphemeralSecret) },
    });
    const message1 = client.writeMessage(hex(hello.mac1));
    expect(text(Buffer.concat([SEALED_PROLOGUE, message1]))).toBe(hello.hello);
    const server = new HandshakeState('NX', 'responder', {
      ...{ prologue: SEALED_PROLOGUE, s: pair(reply.registryStaticSecret), e: pair(reply.registryEphemeralSecret) },
    });
    expect(text(server.readMessage(message1))).toBe(hello.mac1);
    const message2 = server.writeMessage(hex(reply.sealCert));
    expect(text(message2)).toBe(reply.message2);
    expect(text(client.readMessage(message2))).toBe(reply.sealCert);
    expect(text(client.rs!)).toBe(reply.registryStaticPublic);
    const transport = client.split();
    expect(text(transport.h)).toBe(reply.handshakeHash);
    expect(text(transport.send.key!)).toBe(file.transport.clientSends);
    expect(text(transport.receive.key!)).toBe(file.transport.clientReceives);
  });

  it('checks the certificate: signature, registry, key and times', () => {
    const registry = { id: hex(hello.registryId), sigKey: sk };
    const [cert, s] = [hex(reply.sealCert), hex(reply.registryStaticPublic)];
    const now = reply.notBefore + 1;
    const { flags, notBefore, notAfter, maxMessage, maxWaitMs } = reply;
    expect(readSealCert(cert, s, registry, now)).toEqual({
      cert: { flags, notBefore, notAfter, maxMessage, maxWaitMs },
    });
    const day = 86_400;
    expect(readSealCert(cert, s, registry, notBefore - day).fault).toBeUndefined();
    expect(readSealCert(cert, s, registry, notBefore - day - 1).fault).toBe('clock');
    expect(readSealCert(cert, s, registry, notAfter + day).fault).toBeUndefined();
    expect(readSealCert(cert, s, registry, notAfter + day + 1).fault).toBe('clock');
    expect(readSealCert(cert, s, { ...registry, id: Buffer.alloc(32) }, now).fault).toBe('signature');
    expect(readSealCert(cert, Buffer.alloc(32, 9), registry, now).fault).toBe('signature');
    for (const at of [1, 5, 12, 20, 25, 29, 30, cert.length - 1]) {
      const other = Buffer.from(cert);
      other[at]! ^= 1;
      expect(readSealCert(other, s, registry, now).fault, `byte ${at}`).toBe('signature');
    }
  });
});

describe('Transport (section 3)', () => {
  it('seals and opens each message', () => {
    const { clientSends, clientReceives, messages } = file.transport;
    const keys = { client: hex(clientSends), registry: hex(clientReceives) };
    const send = { client: new CipherState(keys.client), registry: new CipherState(keys.registry) };
    const receive = { client: new CipherState(keys.client), registry: new CipherState(keys.registry) };
    for (const one of messages) {
      const plain = one.message === undefined ? Buffer.alloc(one.count!, one.byte) : hex(one.message);
      const frames =
        one.from === 'client'
          ? [encryptRequest(send.client, plain, true)]
          : encryptFrames(send.registry, [plain], true);
      expect(frames.map(({ length }) => length)).toEqual(one.frames);
      const wire = Buffer.concat(frames);
      if (one.wireOnTcp === undefined) expect(text(sha256(wire))).toBe(one.wireSha256);
      else expect(text(wire)).toBe(one.wireOnTcp);
      const assembly = new FrameAssembly();
      const parts = frames.map((frame) => assembly.add(receive[one.from].decrypt(frame.subarray(2))));
      const last = parts.pop();
      expect(parts.every((part) => part === 'more')).toBe(true);
      expect(Buffer.compare(last as Uint8Array, plain)).toBe(0);
    }
  });
});

describe('Statements and proofs (sections 4 and 5)', () => {
  const registryId = hex(file.statements.registryId);
  const h = hex(file.statements.handshakeHash);

  function tokenOf(token: made.VectorToken): Token {
    return {
      Name: token.name,
      Attrs: Long.fromString(token.attrs, true),
      ID: hex(token.id),
      CommsKey: hex(token.commsKey),
      SigKey: hex(token.sigKey),
      MyEnds: token.myEnds,
      SealKey: token.sealKey === null ? null : hex(token.sealKey),
      Seq: Long.fromString(token.seq, true),
      Labels: token.labels,
    };
  }

  const keyOf = ({ sigKey }: made.VectorToken): KeyObject =>
    createPublicKey({ key: hex(sigKey), format: 'der', type: 'spki' });

  it.each(file.statements.tokens)('states $case', (one) => {
    const token = tokenOf(one.token);
    const statement = statementBytes(registryId, token);
    expect(text(statement)).toBe(one.statementBytes);
    expect(text(statementDigest(statement))).toBe(one.statementSha256);
    const key = keyOf(one.token);
    expect(verifyPss(key, statement, hex(one.statement))).toBe(true);
    const proof = clientProof(h, statementDigest(statement));
    expect(text(proof)).toBe(one.clientProofBytes);
    expect(verifyPss(key, proof, hex(one.clientProof))).toBe(true);
    const returning = returnProof(h, token.ID!);
    expect(text(returning)).toBe(one.returnProofBytes);
    expect(verifyPss(key, returning, hex(one.returnProof))).toBe(true);
    // None of the three passes for another.
    expect(verifyPss(key, statement, hex(one.clientProof))).toBe(false);
    expect(verifyPss(key, proof, hex(one.returnProof))).toBe(false);
  });

  it('derives the ID that certifies a SigKey', () => {
    const [{ token }] = file.statements.tokens as [made.VectorStatement];
    expect(text(certifiedId(hex(token.sigKey)))).toBe(token.id);
  });

  it('holds labels to their grammar', () => {
    for (const labels of file.statements.labels.good) expect(isLabels(labels), JSON.stringify(labels)).toBe(true);
    for (const labels of file.statements.labels.bad) expect(isLabels(labels), JSON.stringify(labels)).toBe(false);
  });

  it.each(file.rosters.entries)('verifies a roster entry: $case', ({ changes, verified }) => {
    const [first] = file.statements.tokens as [made.VectorStatement];
    const { statement = first.statement, ...fields } = changes;
    const token = tokenOf({ ...first.token, ...fields });
    const signature = statement === null ? Buffer.alloc(0) : hex(statement);
    expect(verifyPss(keyOf(first.token), statementBytes(registryId, token), signature)).toBe(verified);
  });
});

describe('Streams (section 6)', () => {
  const { stream } = file;

  it('makes and reads both messages, and every frame, through both changes of the key', () => {
    const prologue = hex(stream.prologue);
    const responder = pair(stream.responderStaticSecret);
    const dialler = new HandshakeState('IK', 'initiator', {
      ...{ prologue, s: pair(stream.initiatorStaticSecret), rs: responder.publicKey },
      e: pair(stream.initiatorEphemeralSecret),
    });
    const listener = new HandshakeState('IK', 'responder', {
      ...{ prologue, s: responder, e: pair(stream.responderEphemeralSecret) },
    });
    const message1 = dialler.writeMessage(counted(hex(stream.initiatorId)));
    expect(text(Buffer.concat([prologue.subarray(0, 16), counted(message1)]))).toBe(stream.message1OnWire);
    expect(text(listener.readMessage(message1).subarray(2))).toBe(stream.initiatorId);
    const message2 = listener.writeMessage(new Uint8Array(0));
    expect(text(counted(message2))).toBe(stream.message2OnWire);
    dialler.readMessage(message2);
    const [ours, theirs] = [dialler.split(), listener.split()];
    expect(text(ours.h)).toBe(stream.handshakeHash);
    for (const [send, receive, frames] of [
      [ours.send, theirs.receive, stream.fromInitiator],
      [theirs.send, ours.receive, stream.fromResponder],
    ] as const) {
      expectFrames(send.key!, receive.key!, frames);
    }
  });

  /** The vectors jump in the counter, so each frame gets ciphers of its own, with the key of before. */
  function expectFrames(sendKey: Uint8Array, receiveKey: Uint8Array, frames: readonly made.VectorFrame[]): void {
    let [forSend, forReceive] = [text(sendKey), text(receiveKey)];
    for (const frame of frames) {
      const cipher = new CipherState(hex(forSend), frame.n);
      expect(text(sealFrame(cipher, frame.type, hex(frame.data)))).toBe(frame.wire);
      expect(text(cipher.key!)).toBe(frame.key);
      const reader = new FrameReader(new CipherState(hex(forReceive), frame.n), hex(frame.wire));
      expect(reader.next()).toEqual({ type: frame.type, data: hex(frame.data) });
      forSend = forReceive = frame.key;
    }
  }
});
