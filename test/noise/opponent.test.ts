// src/noise against noise-c, a library written by others: both patterns, both roles, messages both ways.
// noise-c.wasm has no Rekey; the project's own vectors cover it.

import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CipherState } from '../../src/noise/cipher-state.ts';
import { HandshakeState } from '../../src/noise/handshake-state.ts';
import { keyPairOf } from '../../src/noise/key-pair.ts';
import { loadOpponent, type OpponentCipher } from '../field/sealed/noise-c.ts';

const NOTHING = new Uint8Array(0);
const PROLOGUE = Buffer.from('opponents');

let opponent: Awaited<ReturnType<typeof loadOpponent>>;
beforeAll(async () => {
  opponent = await loadOpponent();
});

/** A key pair that both libraries can load. */
function staticKey() {
  const secret = randomBytes(32);
  return { secret, pair: keyPairOf(Buffer.from(secret)) };
}

/** Sends messages each way. */
function exchange(ours: { send: CipherState; receive: CipherState }, theirs: [OpponentCipher, OpponentCipher]): void {
  for (let round = 0; round < 3; round++) {
    const plain = randomBytes(1 + 1_000 * round);
    expect(theirs[1].DecryptWithAd(NOTHING, ours.send.encryptWithAd(NOTHING, plain))).toEqual(new Uint8Array(plain));
    expect(ours.receive.decrypt(theirs[0].EncryptWithAd(NOTHING, plain))).toEqual(plain);
  }
}

describe.each(['NX', 'IK'] as const)('%s', (pattern) => {
  it('completes as initiator', () => {
    const theirStatic = staticKey();
    const ourStatic = staticKey();
    const ik = pattern === 'IK';
    const ours = new HandshakeState(pattern, 'initiator', {
      prologue: PROLOGUE,
      ...(ik ? { s: ourStatic.pair, rs: theirStatic.pair.publicKey } : {}),
    });
    const theirs = opponent(pattern, 'responder');
    theirs.Initialize(PROLOGUE, theirStatic.secret);
    expect(Buffer.from(theirs.ReadMessage(ours.writeMessage(Buffer.from('one')), true)).toString()).toBe('one');
    expect(ours.readMessage(theirs.WriteMessage(Buffer.from('two'))).toString()).toBe('two');
    expect(Buffer.from(ours.rs!)).toEqual(Buffer.from(theirStatic.pair.publicKey));
    const { h, ...ciphers } = ours.split();
    expect(Buffer.from(h)).toEqual(Buffer.from(theirs.GetHandshakeHash()));
    exchange(ciphers, theirs.Split());
  });

  it('completes as responder', () => {
    const theirStatic = staticKey();
    const ourStatic = staticKey();
    const ik = pattern === 'IK';
    const ours = new HandshakeState(pattern, 'responder', { prologue: PROLOGUE, s: ourStatic.pair });
    const theirs = opponent(pattern, 'initiator');
    theirs.Initialize(PROLOGUE, ik ? theirStatic.secret : null, ik ? ourStatic.pair.publicKey : null);
    expect(ours.readMessage(theirs.WriteMessage(Buffer.from('one'))).toString()).toBe('one');
    expect(Buffer.from(theirs.ReadMessage(ours.writeMessage(Buffer.from('two')), true)).toString()).toBe('two');
    if (ik) expect(Buffer.from(ours.rs!)).toEqual(Buffer.from(theirStatic.pair.publicKey));
    const { h, ...ciphers } = ours.split();
    expect(Buffer.from(h)).toEqual(Buffer.from(theirs.GetHandshakeHash()));
    exchange(ciphers, theirs.Split());
  });
});
