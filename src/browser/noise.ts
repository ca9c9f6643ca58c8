// Noise_NX_25519_AESGCM_SHA256 (revision 34) for the initiator, with WebCrypto: every step is asynchronous.
import { type Bytes, concat, sha256, utf8, viewOf } from './bytes.ts';

/** Bytes of an X25519 key. */
const KEY_BYTES = 32;
/** Bytes of an AEAD tag. */
const TAG_BYTES = 16;
/** Bound of a counter: a Number counts exactly below it. */
const COUNTER_END = Number.MAX_SAFE_INTEGER;
const NOTHING: Bytes = new Uint8Array(0);

/** CipherState: one direction's key and counter. Its owner calls it in order. */
export class CipherState {
  readonly #key: CryptoKey;
  #n = 0;

  private constructor(key: CryptoKey) {
    this.#key = key;
  }

  static async of(key: Bytes): Promise<CipherState> {
    return new CipherState(await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt', 'decrypt']));
  }

  async encrypt(plain: Bytes, additionalData: Bytes = NOTHING): Promise<Bytes> {
    const parameters = this.#parameters(additionalData);
    this.#n += 1;
    return new Uint8Array(await crypto.subtle.encrypt(parameters, this.#key, plain));
  }

  /** Rejects if the bytes do not authenticate. The counter then stays. */
  async decrypt(bytes: Bytes, additionalData: Bytes = NOTHING): Promise<Bytes> {
    const plain = await crypto.subtle.decrypt(this.#parameters(additionalData), this.#key, bytes);
    this.#n += 1;
    return new Uint8Array(plain);
  }

  #parameters(additionalData: Bytes): AesGcmParams {
    if (this.#n >= COUNTER_END) throw new Error('the message counter is exhausted');
    const iv = new Uint8Array(12);
    viewOf(iv).setUint32(4, Math.floor(this.#n / 2 ** 32));
    viewOf(iv).setUint32(8, this.#n % 2 ** 32);
    return { name: 'AES-GCM', iv, additionalData, tagLength: 8 * TAG_BYTES };
  }
}

/** Result of a handshake, shared by both sides. */
export interface Transport {
  readonly send: CipherState;
  readonly receive: CipherState;
  /** The handshake hash, to sign over. */
  readonly h: Bytes;
  /** The responder's static key. */
  readonly rs: Bytes;
  /** The payload of message 2. */
  readonly payload: Bytes;
}

/** An ephemeral X25519 key. */
interface EphemeralKey {
  readonly privateKey: CryptoKey;
  readonly publicKey: Bytes;
}

/** The initiator's side of one handshake. */
export class Handshake {
  readonly #e: EphemeralKey;
  #h: Bytes;
  #chainingKey: Bytes;
  #cipher: CipherState | undefined;

  private constructor(e: EphemeralKey, h: Bytes) {
    this.#e = e;
    this.#h = h;
    this.#chainingKey = h;
  }

  static async begin(prologue: Bytes): Promise<Handshake> {
    const pair = (await crypto.subtle.generateKey('X25519', false, ['deriveBits'])) as CryptoKeyPair;
    const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
    // Shorter than a hash, so the name itself, padded with zeros.
    const name = concat(utf8('Noise_NX_25519_AESGCM_SHA256'), new Uint8Array(32)).subarray(0, 32);
    const handshake = new Handshake({ privateKey: pair.privateKey, publicKey }, name);
    await handshake.#mixHash(prologue);
    return handshake;
  }

  /** The ephemeral public key, which message 1 begins with. */
  get e(): Bytes {
    return this.#e.publicKey;
  }

  /** Message 1: `e` and a clear payload. */
  async writeMessage1(payload: Bytes): Promise<Bytes> {
    await this.#mixHash(this.e);
    await this.#mixHash(payload);
    return concat(this.e, payload);
  }

  /** Message 2: `e, ee, s, es` and its payload. Rejects if it does not answer message 1. */
  async readMessage2(message: Bytes): Promise<Transport> {
    const end = KEY_BYTES + KEY_BYTES + TAG_BYTES;
    if (message.length < end + TAG_BYTES) throw new Error('message 2 is too short');
    const re = message.subarray(0, KEY_BYTES);
    await this.#mixHash(re);
    await this.#mixDh(re);
    const rs = await this.#decryptAndHash(message.subarray(KEY_BYTES, end));
    await this.#mixDh(rs);
    const payload = await this.#decryptAndHash(message.subarray(end));
    const [send, receive] = await hkdf(this.#chainingKey, NOTHING);
    this.#chainingKey.fill(0);
    return { send: await CipherState.of(send), receive: await CipherState.of(receive), h: this.#h, rs, payload };
  }

  async #mixHash(data: Bytes): Promise<void> {
    this.#h = await sha256(this.#h, data);
  }

  /** Mixes in the result of `e` with one of the responder's keys. Rejects on an all-zero result. */
  async #mixDh(theirs: Bytes): Promise<void> {
    const key = await crypto.subtle.importKey('raw', theirs, 'X25519', false, []);
    const parameters = { name: 'X25519', public: key };
    const shared = new Uint8Array(await crypto.subtle.deriveBits(parameters, this.#e.privateKey, 8 * KEY_BYTES));
    if (shared.every((byte) => byte === 0)) throw new Error('the key exchange has no valid result');
    const [chainingKey, cipherKey] = await hkdf(this.#chainingKey, shared);
    shared.fill(0);
    this.#chainingKey = chainingKey;
    this.#cipher = await CipherState.of(cipherKey);
  }

  async #decryptAndHash(bytes: Bytes): Promise<Bytes> {
    const plain = await this.#cipher!.decrypt(bytes, this.#h);
    await this.#mixHash(bytes);
    return plain;
  }
}

/** Noise's HKDF with two outputs: HKDF-SHA-256 with the chaining key as salt and no info. */
async function hkdf(salt: Bytes, input: Bytes): Promise<[Bytes, Bytes]> {
  const key = await crypto.subtle.importKey('raw', input, 'HKDF', false, ['deriveBits']);
  const parameters = { name: 'HKDF', hash: 'SHA-256', salt, info: NOTHING };
  const bits = new Uint8Array(await crypto.subtle.deriveBits(parameters, key, 512));
  return [bits.slice(0, 32), bits.slice(32)];
}
