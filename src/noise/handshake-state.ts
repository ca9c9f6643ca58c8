// HandshakeState of Noise (revision 34, section 5.3), for the two patterns that xlReg uses, with 25519, AESGCM, SHA256.
//
//   NX   -> e                      client → registry
//        <- e, ee, s, es
//   IK   <- s                      known to the initiator beforehand: member → member
//        -> e, es, s, ss
//        <- e, ee, se
import type { KeyObject } from 'node:crypto';
import { type CipherState, NOISE_MESSAGE_BYTES_MAX, TAG_BYTES } from './cipher-state.ts';
import { dh, generateKeyPair, importPublic, KEY_BYTES, type KeyPair } from './key-pair.ts';
import { NoiseError } from './noise-error.ts';
import { SymmetricState } from './symmetric-state.ts';

export type PatternName = 'NX' | 'IK';
type MessageToken = 'e' | 's' | 'ee' | 'es' | 'se' | 'ss';

interface Pattern {
  /** True if the initiator knows the responder's static key beforehand. */
  readonly responderKnown: boolean;
  readonly messages: readonly (readonly MessageToken[])[];
}

const PATTERNS: Readonly<Record<PatternName, Pattern>> = {
  NX: { responderKnown: false, messages: [['e'], ['e', 'ee', 's', 'es']] },
  IK: {
    responderKnown: true,
    messages: [
      ['e', 'es', 's', 'ss'],
      ['e', 'ee', 'se'],
    ],
  },
};

/** One party's keys and the bytes that both know beforehand. */
export interface HandshakeKeys {
  readonly prologue: Uint8Array;
  /** Own static key: the responder's in NX, both parties' in IK. */
  readonly s?: KeyPair | undefined;
  /** Own ephemeral key, if made ahead. Each is used for one handshake only. */
  readonly e?: KeyPair | undefined;
  /** The other's static key, for the initiator of IK. */
  readonly rs?: Uint8Array | undefined;
}

/** The result of a handshake. */
export interface Transport {
  readonly send: CipherState;
  readonly receive: CipherState;
  /** Handshake hash: names this session, to sign over (section 11.2). */
  readonly h: Uint8Array;
}

export class HandshakeState {
  readonly #symmetric: SymmetricState;
  readonly #messages: Pattern['messages'];
  readonly #initiator: boolean;
  readonly #s: KeyPair | undefined;
  #e: KeyPair | undefined;
  #rs: Uint8Array | undefined;
  /** The other's ephemeral key, imported. */
  #re: KeyObject | undefined;
  /** Messages so far. */
  #count = 0;

  constructor(pattern: PatternName, role: 'initiator' | 'responder', keys: HandshakeKeys) {
    const { responderKnown, messages } = PATTERNS[pattern];
    this.#messages = messages;
    this.#initiator = role === 'initiator';
    this.#s = keys.s;
    this.#e = keys.e;
    this.#rs = keys.rs;
    this.#symmetric = new SymmetricState(`Noise_${pattern}_25519_AESGCM_SHA256`);
    this.#symmetric.mixHash(keys.prologue);
    if (responderKnown) this.#symmetric.mixHash(needed(this.#initiator ? keys.rs : keys.s?.publicKey));
  }

  /** The other's static key, once known. */
  get rs(): Uint8Array | undefined {
    return this.#rs;
  }

  /** True when all messages have been written and read. */
  get complete(): boolean {
    return this.#count === this.#messages.length;
  }

  /** WriteMessage: the next handshake message with its payload. */
  writeMessage(payload: Uint8Array): Buffer {
    const pieces: Uint8Array[] = [];
    for (const token of this.#nextTokens(true)) {
      if (token === 'e') {
        this.#e ??= generateKeyPair();
        this.#symmetric.mixHash(this.#e.publicKey);
        pieces.push(this.#e.publicKey);
      } else if (token === 's') pieces.push(this.#symmetric.encryptAndHash(needed(this.#s).publicKey));
      else this.#mixDh(token);
    }
    pieces.push(this.#symmetric.encryptAndHash(payload));
    const message = Buffer.concat(pieces);
    if (message.length > NOISE_MESSAGE_BYTES_MAX) throw new NoiseError('a handshake message is too long');
    return message;
  }

  /** ReadMessage: returns the payload. Throws NoiseError if the message is not the other's next one. */
  readMessage(message: Uint8Array): Buffer {
    if (message.length > NOISE_MESSAGE_BYTES_MAX) throw new NoiseError('a handshake message is too long');
    let at = 0;
    const take = (count: number) => {
      if (at + count > message.length) throw new NoiseError('a handshake message is too short');
      at += count;
      return message.subarray(at - count, at);
    };
    for (const token of this.#nextTokens(false)) {
      if (token === 'e') {
        const re = take(KEY_BYTES);
        this.#re = importPublic(re);
        this.#symmetric.mixHash(re);
      } else if (token === 's') {
        this.#rs = this.#symmetric.decryptAndHash(take(KEY_BYTES + (this.#symmetric.hasKey ? TAG_BYTES : 0)));
      } else this.#mixDh(token);
    }
    return this.#symmetric.decryptAndHash(message.subarray(at));
  }

  /** Split, after the last message. Drops the handshake's keys. */
  split(): Transport {
    if (!this.complete) throw new NoiseError('the handshake is not complete');
    const { h } = this.#symmetric;
    const [initiators, responders] = this.#symmetric.split();
    this.#e = undefined;
    return this.#initiator
      ? { send: initiators, receive: responders, h }
      : { send: responders, receive: initiators, h };
  }

  /** Overwrites the secrets of a handshake that will not be completed. */
  wipe(): void {
    this.#symmetric.wipe();
    this.#e = undefined;
  }

  /** Returns the tokens of the next message. `own` is true for one to write: the initiator's are the even ones. */
  #nextTokens(own: boolean): readonly MessageToken[] {
    const tokens = this.#messages[this.#count];
    const mine = (this.#count % 2 === 0) === this.#initiator;
    if (tokens === undefined || own !== mine) throw new NoiseError('no such message is due');
    this.#count += 1;
    return tokens;
  }

  /** Mixes a DH result. A token's first letter is the initiator's key, its second the responder's. */
  #mixDh(token: Exclude<MessageToken, 'e' | 's'>): void {
    const [own, other] = this.#initiator ? [token[0], token[1]] : [token[1], token[0]];
    const pair = needed(own === 'e' ? this.#e : this.#s);
    const shared = dh(pair, needed(other === 'e' ? this.#re : this.#rs));
    this.#symmetric.mixKey(shared);
    shared.fill(0);
  }
}

function needed<T>(key: T | undefined): T {
  if (key === undefined) throw new NoiseError('the handshake lacks a key');
  return key;
}
