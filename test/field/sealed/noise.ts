// Noise_NX and Noise_IK over 25519, AES-256-GCM and SHA-256, written a second time from the Noise specification
// (revision 34) alone, to test the registry and its own client against it.

import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  randomBytes,
} from 'node:crypto';

const PKCS8_HEAD = Buffer.from('302e020100300506032b656e04220420', 'hex');
const SPKI_HEAD = Buffer.from('302a300506032b656e032100', 'hex');
const TAG_BYTES = 16;

/** An X25519 key pair, both as 32 raw bytes. */
export interface CurvePair {
  readonly secret: Buffer;
  readonly public: Buffer;
}

/** The key pair of a secret; a random one by default. */
export function curvePair(secret: Buffer = randomBytes(32)): CurvePair {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, secret]), format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return { secret, public: spki.subarray(-32) };
}

/** X25519. Throws on an all-zero result. */
export function curve(secret: Buffer, theirs: Buffer): Buffer {
  const shared = diffieHellman({
    privateKey: createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, secret]), format: 'der', type: 'pkcs8' }),
    publicKey: createPublicKey({ key: Buffer.concat([SPKI_HEAD, theirs]), format: 'der', type: 'spki' }),
  });
  if (shared.every((byte) => byte === 0)) throw new Error('an all-zero shared secret');
  return shared;
}

/** SHA-256 of the parts, one after the other. */
export function sha256(...parts: readonly (Uint8Array | string)[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** The first two outputs of Noise's HKDF. */
function hkdf(chainingKey: Buffer, input: Buffer): [Buffer, Buffer] {
  const hmac = (key: Buffer, ...data: Buffer[]): Buffer =>
    createHmac('sha256', key).update(Buffer.concat(data)).digest();
  const temporary = hmac(chainingKey, input);
  const first = hmac(temporary, Buffer.from([1]));
  return [first, hmac(temporary, first, Buffer.from([2]))];
}

/** A key with its counter. */
export class Cipher {
  /** The nonce of the next message. Tests may set it. */
  n = 0n;
  key: Buffer;

  constructor(key: Buffer) {
    this.key = key;
  }

  #nonce(n: bigint): Buffer {
    const nonce = Buffer.alloc(12);
    nonce.writeBigUInt64BE(n, 4);
    return nonce;
  }

  #encryptAt(n: bigint, ad: Buffer, plain: Uint8Array): Buffer {
    const cipher = createCipheriv('aes-256-gcm', this.key, this.#nonce(n)).setAAD(ad);
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  }

  /** Encrypts; the result is 16 bytes longer. */
  encrypt(plain: Uint8Array, ad: Buffer = Buffer.alloc(0)): Buffer {
    return this.#encryptAt(this.n++, ad, plain);
  }

  /** Decrypts; throws, and keeps the counter, if the tag does not fit. */
  decrypt(sealed: Buffer, ad: Buffer = Buffer.alloc(0)): Buffer {
    if (sealed.length < TAG_BYTES) throw new Error('shorter than a tag');
    const decipher = createDecipheriv('aes-256-gcm', this.key, this.#nonce(this.n), { authTagLength: TAG_BYTES });
    decipher.setAAD(ad).setAuthTag(sealed.subarray(-TAG_BYTES));
    const plain = Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]);
    this.n++;
    return plain;
  }

  /** Noise's REKEY: the key becomes the encryption of 32 zero bytes under the highest nonce. */
  rekey(): void {
    this.key = this.#encryptAt(2n ** 64n - 1n, Buffer.alloc(0), Buffer.alloc(32)).subarray(0, 32);
  }
}

type Word = 'e' | 's' | 'ee' | 'es' | 'se' | 'ss';

const PATTERNS: Readonly<Record<'NX' | 'IK', readonly (readonly Word[])[]>> = {
  NX: [['e'], ['e', 'ee', 's', 'es']],
  IK: [
    ['e', 'es', 's', 'ss'],
    ['e', 'ee', 'se'],
  ],
};

/** One side of a handshake before its first message. */
export interface Side {
  readonly pattern: 'NX' | 'IK';
  readonly initiator: boolean;
  readonly prologue: Uint8Array;
  /** Our static key pair, if the pattern has one for this side. */
  readonly s?: CurvePair;
  /** Our ephemeral key pair; random by default. */
  readonly e?: CurvePair;
  /** Their static key, if it is known in advance. */
  readonly rs?: Buffer;
}

/** The keys after the last message. */
export interface Ciphers {
  readonly send: Cipher;
  readonly receive: Cipher;
}

/** A handshake under way. `write` and `read` take turns, beginning with the initiator's `write`. */
export class Handshake {
  /** The handshake hash; final after the last message. */
  h: Buffer;
  /** Their static key, once known. */
  rs: Buffer | undefined;
  readonly e: CurvePair;
  readonly #side: Side;
  #chainingKey: Buffer;
  #cipher: Cipher | undefined;
  #re: Buffer | undefined;
  #step = 0;

  constructor(side: Side) {
    this.#side = side;
    this.e = side.e ?? curvePair();
    this.rs = side.rs;
    const name = Buffer.from(`Noise_${side.pattern}_25519_AESGCM_SHA256`);
    this.h = name.length <= 32 ? Buffer.concat([name], 32) : sha256(name);
    this.#chainingKey = this.h;
    this.#mixHash(Buffer.from(side.prologue));
    if (side.pattern === 'IK') this.#mixHash(side.initiator ? side.rs! : side.s!.public);
  }

  #mixHash(data: Buffer): void {
    this.h = sha256(this.h, data);
  }

  #mixKey(input: Buffer): void {
    const [chainingKey, key] = hkdf(this.#chainingKey, input);
    this.#chainingKey = chainingKey;
    this.#cipher = new Cipher(key);
  }

  #encryptAndHash(plain: Buffer): Buffer {
    const out = this.#cipher?.encrypt(plain, this.h) ?? plain;
    this.#mixHash(out);
    return out;
  }

  #decryptAndHash(bytes: Buffer): Buffer {
    const plain = this.#cipher?.decrypt(bytes, this.h) ?? bytes;
    this.#mixHash(bytes);
    return plain;
  }

  /** Mixes in the result of `es` and the like: the first letter is the initiator's key. */
  #mixDh(word: Word): void {
    const [ours, theirs] = this.#side.initiator ? [word[0], word[1]] : [word[1], word[0]];
    const secret = ours === 'e' ? this.e.secret : this.#side.s!.secret;
    this.#mixKey(curve(secret, theirs === 'e' ? this.#re! : this.rs!));
  }

  /** The next message of ours. */
  write(payload: Uint8Array = Buffer.alloc(0)): Buffer {
    const parts = PATTERNS[this.#side.pattern][this.#step++]!.map((word) => {
      if (word === 'e') {
        this.#mixHash(this.e.public);
        return this.e.public;
      }
      if (word === 's') return this.#encryptAndHash(this.#side.s!.public);
      this.#mixDh(word);
      return Buffer.alloc(0);
    });
    return Buffer.concat([...parts, this.#encryptAndHash(Buffer.from(payload))]);
  }

  /** Reads their next message and returns its payload. Throws if it does not fit. */
  read(message: Buffer): Buffer {
    let rest = message;
    const take = (length: number): Buffer => {
      if (rest.length < length) throw new Error('a handshake message is too short');
      const taken = rest.subarray(0, length);
      rest = rest.subarray(length);
      return taken;
    };
    for (const word of PATTERNS[this.#side.pattern][this.#step++]!) {
      if (word === 'e') {
        this.#re = take(32);
        this.#mixHash(this.#re);
      } else if (word === 's') this.rs = this.#decryptAndHash(take(this.#cipher === undefined ? 32 : 48));
      else this.#mixDh(word);
    }
    return this.#decryptAndHash(rest);
  }

  /** The keys for what follows the handshake. */
  split(): Ciphers {
    const [first, second] = hkdf(this.#chainingKey, Buffer.alloc(0)).map((key) => new Cipher(key));
    return this.#side.initiator ? { send: first!, receive: second! } : { send: second!, receive: first! };
  }
}
