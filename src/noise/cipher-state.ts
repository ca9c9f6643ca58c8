// CipherState of Noise (revision 34, sections 5.1 and 12.3): AES-256-GCM under a key and a counter nonce.
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { NoiseError } from './noise-error.ts';

/** Bytes of an AEAD tag. Fixed here: GCM accepts shorter tags by default. */
export const TAG_BYTES = 16;
/** Bytes of a Noise message at most. */
export const NOISE_MESSAGE_BYTES_MAX = 65_535;

const ALGORITHM = 'aes-256-gcm';
const OPTIONS = { authTagLength: TAG_BYTES };
const NONCE_BYTES = 12;
const NOTHING = new Uint8Array(0);
const TWO_32 = 2 ** 32;
/** Bound of a counter: a Number counts exactly below it. */
const COUNTER_END = Number.MAX_SAFE_INTEGER;

/** One direction's key and message counter. */
export class CipherState {
  #key: Uint8Array | undefined;
  /** Messages so far under this CipherState; 0 to COUNTER_END. */
  #n: number;

  /** Without a key, data passes unencrypted. Refers to `key` without a copy. */
  constructor(key?: Uint8Array, n = 0) {
    if (!Number.isSafeInteger(n) || n < 0) throw new NoiseError('a message counter is a non-negative integer');
    this.#key = key;
    this.#n = n;
  }

  /** InitializeKey: replaces the key and begins to count at zero. */
  initializeKey(key: Uint8Array): void {
    this.#key = key;
    this.#n = 0;
  }

  get hasKey(): boolean {
    return this.#key !== undefined;
  }

  /** The key, or undefined before the first one. */
  get key(): Uint8Array | undefined {
    return this.#key;
  }

  /** Counter of the next message. */
  get n(): number {
    return this.#n;
  }

  /** EncryptWithAd. Returns ciphertext and tag, or the plaintext before the first key. */
  encryptWithAd(ad: Uint8Array, plain: Uint8Array): Buffer {
    if (!this.#key) return Buffer.from(plain);
    const bytes = Buffer.allocUnsafe(plain.length + TAG_BYTES);
    bytes.set(plain);
    this.#encrypt(this.#key, ad, bytes, 0);
    return bytes;
  }

  /** Encrypts a transport message in place, from byte `from` on. The last TAG_BYTES are room for the tag. */
  encryptInPlace(bytes: Buffer, from: number): void {
    if (!this.#key) throw new NoiseError('no key to encrypt with');
    this.#encrypt(this.#key, NOTHING, bytes, from);
  }

  #encrypt(key: Uint8Array, ad: Uint8Array, bytes: Buffer, from: number): void {
    const end = bytes.length - TAG_BYTES;
    const cipher = createCipheriv(ALGORITHM, key, nonceOf(this.#next()), OPTIONS);
    if (ad.length > 0) cipher.setAAD(ad);
    // One call for the whole message: a call costs about as much as the AES of a short one.
    bytes.set(cipher.update(bytes.subarray(from, end)), from);
    cipher.final();
    bytes.set(cipher.getAuthTag(), end);
  }

  /** DecryptWithAd. Throws NoiseError, and does not count, if the message does not authenticate. */
  decryptWithAd(ad: Uint8Array, message: Uint8Array): Buffer {
    const key = this.#key;
    if (!key) return Buffer.from(message);
    const end = message.length - TAG_BYTES;
    if (end < 0) throw new NoiseError('a message is shorter than its tag');
    const decipher = createDecipheriv(ALGORITHM, key, nonceOf(this.#counter()), OPTIONS);
    decipher.setAuthTag(message.subarray(end));
    if (ad.length > 0) decipher.setAAD(ad);
    const plain = decipher.update(message.subarray(0, end));
    try {
      decipher.final();
    } catch {
      throw new NoiseError('a message does not authenticate');
    }
    this.#n += 1;
    return plain;
  }

  /** Decrypts a transport message: DecryptWithAd without associated data. */
  decrypt(message: Uint8Array): Buffer {
    return this.decryptWithAd(NOTHING, message);
  }

  /** Rekey: replaces the key by one derived from it. The counter goes on. */
  rekey(): void {
    if (!this.#key) throw new NoiseError('no key to replace');
    const cipher = createCipheriv(ALGORITHM, this.#key, REKEY_NONCE, OPTIONS);
    const key = cipher.update(new Uint8Array(32));
    cipher.final();
    this.#key.fill(0);
    this.#key = key;
  }

  /** Overwrites the key. */
  wipe(): void {
    this.#key?.fill(0);
    this.#key = undefined;
  }

  #counter(): number {
    if (this.#n >= COUNTER_END) throw new NoiseError('the message counter is exhausted');
    return this.#n;
  }

  #next(): number {
    const n = this.#counter();
    this.#n = n + 1;
    return n;
  }
}

/** Noise's nonce for AESGCM: 4 zero bytes, then the counter, big-endian. Reused: the cipher copies it. */
const nonce = new DataView(new ArrayBuffer(NONCE_BYTES));
const nonceBytes = new Uint8Array(nonce.buffer);
/** Nonce of Rekey: the counter 2^64 - 1, which no message has. */
const REKEY_NONCE = Uint8Array.of(0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255);

function nonceOf(n: number): Uint8Array {
  nonce.setUint32(4, Math.floor(n / TWO_32));
  nonce.setUint32(8, n % TWO_32);
  return nonceBytes;
}
