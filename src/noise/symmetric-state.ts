// SymmetricState of Noise (revision 34, section 5.2) with SHA-256. Noise's `ck` is called chainingKey here: in this
// project ck is the registry's comms key.
import { CipherState } from './cipher-state.ts';
import { HASH_BYTES, hkdf, sha256 } from './short-hash.ts';

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
    const bytes = this.#cipher.encryptWithAd(this.#h, plain);
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
