// The Noise core: the public vectors of NX and IK, counters, Rekey, and refusals of bad keys and messages.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CipherState } from '../../src/noise/cipher-state.ts';
import { HandshakeState, type PatternName } from '../../src/noise/handshake-state.ts';
import { dh, generateKeyPair, keyPairOf } from '../../src/noise/key-pair.ts';
import { NoiseError } from '../../src/noise/noise-error.ts';

interface Vector {
  readonly protocol_name: string;
  readonly init_prologue: string;
  readonly init_static?: string;
  readonly init_ephemeral: string;
  readonly init_remote_static?: string;
  readonly resp_static: string;
  readonly resp_ephemeral: string;
  readonly handshake_hash: string;
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[];
}

const file = new URL('../vectors/noise/nx-ik-25519-aesgcm-sha256.json', import.meta.url);
const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: readonly Vector[] };
const NOTHING = new Uint8Array(0);
const bytes = (hex: string) => Buffer.from(hex, 'hex');
const pair = (hex: string | undefined) => (hex === undefined ? undefined : keyPairOf(bytes(hex)));

describe.each(vectors)('$protocol_name', (vector) => {
  const pattern = vector.protocol_name.split('_')[1] as PatternName;
  const prologue = bytes(vector.init_prologue);
  const rs = vector.init_remote_static === undefined ? undefined : bytes(vector.init_remote_static);

  it('writes and reads every message of the public vector', () => {
    const { init_static, init_ephemeral, resp_static, resp_ephemeral } = vector;
    const initiator = new HandshakeState(pattern, 'initiator', {
      prologue,
      s: pair(init_static),
      e: pair(init_ephemeral),
      rs,
    });
    const responder = new HandshakeState(pattern, 'responder', {
      prologue,
      s: pair(resp_static),
      e: pair(resp_ephemeral),
    });
    const [first, second, ...transport] = vector.messages.map(({ payload, ciphertext }) => {
      return { payload: bytes(payload), ciphertext: bytes(ciphertext) };
    });
    expect(initiator.writeMessage(first!.payload)).toEqual(first!.ciphertext);
    expect(responder.readMessage(first!.ciphertext)).toEqual(first!.payload);
    expect(responder.writeMessage(second!.payload)).toEqual(second!.ciphertext);
    expect(initiator.readMessage(second!.ciphertext)).toEqual(second!.payload);
    const [one, other] = [initiator.split(), responder.split()];
    for (const { h } of [one, other]) expect(Buffer.from(h).toString('hex')).toBe(vector.handshake_hash);
    for (const [place, { payload, ciphertext }] of transport.entries()) {
      const [send, receive] = place % 2 === 0 ? [one.send, other.receive] : [other.send, one.receive];
      expect(send.encryptWithAd(NOTHING, payload)).toEqual(ciphertext);
      expect(receive.decrypt(ciphertext)).toEqual(payload);
    }
  });

  it('refuses a message out of turn, one that is too short, and one with a flipped bit', () => {
    const s = generateKeyPair();
    const known = pattern === 'IK' ? s.publicKey : undefined;
    const initiator = new HandshakeState(pattern, 'initiator', { prologue, s: generateKeyPair(), rs: known });
    const responder = () => new HandshakeState(pattern, 'responder', { prologue, s });
    expect(() => responder().writeMessage(NOTHING)).toThrow(NoiseError);
    expect(() => initiator.readMessage(Buffer.alloc(100))).toThrow(NoiseError);
    expect(() => initiator.split()).toThrow(NoiseError);
    const first = initiator.writeMessage(NOTHING);
    expect(() => responder().readMessage(first.subarray(1))).toThrow(NoiseError);
    const second = (() => {
      const answering = responder();
      answering.readMessage(first);
      return answering.writeMessage(NOTHING);
    })();
    second[second.length - 1]! ^= 1;
    expect(() => initiator.readMessage(second)).toThrow(NoiseError);
  });
});

it('refuses public keys of small order, and keys of another length', () => {
  const own = generateKeyPair();
  const one = Buffer.alloc(32);
  one[0] = 1;
  for (const publicKey of [Buffer.alloc(32), one, Buffer.alloc(31)]) {
    expect(() => dh(own, publicKey)).toThrow(NoiseError);
  }
  expect(() => keyPairOf(new Uint8Array(31))).toThrow(NoiseError);
});

it('makes keys that agree', () => {
  const [one, other] = [generateKeyPair(), generateKeyPair()];
  expect(one.publicKey).not.toEqual(other.publicKey);
  expect(dh(one, other.publicKey)).toEqual(dh(other, one.publicKey));
});

describe('CipherState', () => {
  const key = () => new Uint8Array(32).fill(7);

  it('counts above 2^32 in the nonce', () => {
    const message = new CipherState(key(), 2 ** 32).encryptWithAd(NOTHING, bytes('00ff'));
    expect(new CipherState(key(), 2 ** 32).decrypt(message)).toEqual(bytes('00ff'));
    expect(() => new CipherState(key(), 0).decrypt(message)).toThrow(NoiseError);
  });

  it('does not count a message that does not authenticate', () => {
    const [send, receive] = [new CipherState(key()), new CipherState(key())];
    const message = send.encryptWithAd(NOTHING, bytes('aabb'));
    expect(() => receive.decrypt(Buffer.alloc(18))).toThrow(NoiseError);
    expect(() => receive.decrypt(Buffer.alloc(15))).toThrow(NoiseError);
    expect(receive.decrypt(message)).toEqual(bytes('aabb'));
    expect(() => receive.decrypt(message)).toThrow(NoiseError);
    expect([send.n, receive.n]).toEqual([1, 1]);
  });

  it('refuses a counter that a Number cannot count on', () => {
    const last = new CipherState(key(), Number.MAX_SAFE_INTEGER);
    expect(() => last.encryptWithAd(NOTHING, NOTHING)).toThrow(NoiseError);
    expect(() => last.decrypt(Buffer.alloc(16))).toThrow(NoiseError);
    expect(() => new CipherState(key(), -1)).toThrow(NoiseError);
    expect(() => new CipherState(key(), 2 ** 53)).toThrow(NoiseError);
  });

  it('goes on to count after Rekey, under another key', () => {
    const [send, receive, old] = [new CipherState(key()), new CipherState(key()), new CipherState(key(), 1)];
    receive.decrypt(send.encryptWithAd(NOTHING, NOTHING));
    send.rekey();
    receive.rekey();
    const message = send.encryptWithAd(NOTHING, bytes('01'));
    expect(() => old.decrypt(message)).toThrow(NoiseError);
    expect(receive.decrypt(message)).toEqual(bytes('01'));
    expect(send.n).toBe(2);
  });
});
