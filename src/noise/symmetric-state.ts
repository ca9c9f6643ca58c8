// SymmetricState of Noise (revision 34, section 5.2) with SHA-256. Noise's `ck` is called chainingKey here: in this
// project ck is the registry's comms key.
import { hash } from 'node:crypto';
import { CipherState } from './cipher-state.ts';

const HASH_BYTES = 32;
const ONE = Uint8Array.of(1);
const TWO = Uint8Array.of(2);
const NOTHING = new Uint8Array(0);

export class SymmetricState {
  #chainingKey: Uint8Array;
  #h: Uint8Array;
  readonly #cipher = new CipherState();

  /** InitializeSymmetric. */
  constructor(protocolName: string) {
    const name = Buffer.from(protocolName);
    this.#h = name.length <= HASH_BYTES ? Buffer.concat([name], HASH_BYTES) : sha256(name);
    this.#chainingKey = Uint8Array.from(this.#h);
  }

  get hasKey(): boolean {
    return this.#cipher.hasKey;
  }

  /** The handshake hash h; final once the handshake is complete (section 11.2). Never changed in place. */
  get h(): Uint8Array {
    return this.#h;
  }

  mixKey(inputKeyMaterial: Uint8Array): void {
    const [chainingKey, key] = hkdf(this.#chainingKey, inputKeyMaterial);
    this.#chainingKey.fill(0);
    this.#cipher.wipe();
    this.#chainingKey = chainingKey;
    this.#cipher.initializeKey(key);
  }

  mixHash(data: Uint8Array): void {
    this.#h = sha256(Buffer.concat([this.#h, data]));
  }

  encryptAndHash(plain: Uint8Array): Buffer {
    const bytes = this.#cipher.encryptWithAd(this.#h, [plain]);
    this.mixHash(bytes);
    return bytes;
  }

  decryptAndHash(bytes: Uint8Array): Buffer {
    const plain = this.#cipher.decryptWithAd(this.#h, bytes);
    this.mixHash(bytes);
    return plain;
  }

  /** Split: the initiator's sending CipherState, then the responder's. Wipes the chaining key. */
  split(): [CipherState, CipherState] {
    const [one, two] = hkdf(this.#chainingKey, NOTHING);
    this.wipe();
    return [new CipherState(one), new CipherState(two)];
  }

  wipe(): void {
    this.#chainingKey.fill(0);
    this.#cipher.wipe();
  }
}

/** By way of a string, the fastest way to a short digest. */
function sha256(data: Uint8Array): Buffer {
  return Buffer.from(hash('sha256', data, 'binary'), 'binary');
}

/** HKDF of Noise (section 4.3) with two outputs. */
function hkdf(chainingKey: Uint8Array, inputKeyMaterial: Uint8Array): [Buffer, Buffer] {
  const temporaryKey = hmac(chainingKey, inputKeyMaterial);
  const one = hmac(temporaryKey, ONE);
  const two = hmac(temporaryKey, Buffer.concat([one, TWO]));
  temporaryKey.fill(0);
  return [one, two];
}

/** Bytes of a block of SHA-256, and of the longest data that HKDF authenticates. */
const [BLOCK_BYTES, DATA_BYTES_MAX] = [64, HASH_BYTES + 1];
const inner = Buffer.alloc(BLOCK_BYTES + DATA_BYTES_MAX);
const outer = Buffer.alloc(BLOCK_BYTES + HASH_BYTES);

/**
 * HMAC-SHA-256 with a key of 32 bytes and at most 33 bytes of data. createHmac takes three times as long for so few.
 */
function hmac(key: Uint8Array, data: Uint8Array): Buffer {
  inner.fill(0x36, 0, BLOCK_BYTES);
  outer.fill(0x5c, 0, BLOCK_BYTES);
  for (let at = 0; at < HASH_BYTES; at++) {
    inner[at]! ^= key[at]!;
    outer[at]! ^= key[at]!;
  }
  inner.set(data, BLOCK_BYTES);
  outer.write(hash('sha256', inner.subarray(0, BLOCK_BYTES + data.length), 'binary'), BLOCK_BYTES, 'binary');
  const mac = Buffer.from(hash('sha256', outer, 'binary'), 'binary');
  inner.fill(0);
  outer.fill(0);
  return mac;
}
