// The static key s of the sealed dialect, shared by all workers of a process. The main thread makes it, certifies it
// with sk and replaces it daily; it is never stored. Workers read it from shared memory before each Hello. Open sessions do
// not depend on it.
//
//   memory = generation(4) certLength(4) secret(32) cert(certLength)
//
// A seqlock: the writer makes the generation odd, writes, and makes it even again. A reader that sees an odd generation,
// or another one after its copy, copies again. There is one writer, which writes for some microseconds a day.
import { type KeyObject, randomFillSync } from 'node:crypto';
import {
  SEAL_CERT_BACKDATE_SECONDS,
  SEAL_CERT_SECONDS,
  SEAL_KEY_AGE_MS_MAX,
  SEALED_REQUEST_BYTES_MAX,
} from '../limits.ts';
import { KEY_BYTES, type KeyPair, keyPairOf } from '../noise/key-pair.ts';
import { encodeSealCert, OLD_DIALECTS_CLOSED } from '../wire/sealed-hello.ts';

const [GENERATION, CERT_LENGTH] = [0, 1];
const SECRET_AT = 8;
const CERT_AT = SECRET_AT + KEY_BYTES;
/** A certificate has 30 bytes and a signature of at most 4,096 bits. */
const CERT_BYTES_MAX = 30 + 512;

/** Memory for one key. */
export function newSealKeyMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(CERT_AT + CERT_BYTES_MAX + 6);
}

/** Facts about the registry that a certificate states. */
export interface SealKeyFacts {
  readonly registryId: Uint8Array;
  /** The private key sk. */
  readonly sigKey: KeyObject;
  readonly oldDialectsClosed: boolean;
  /** Longest wait of a GetCluster in milliseconds; 0, the default, if none waits. */
  readonly maxWaitMs?: number | undefined;
}

/** The main thread's side: makes keys. */
export class SealKeyWriter {
  readonly memory: SharedArrayBuffer = newSealKeyMemory();
  readonly #words = new Int32Array(this.memory, 0, 2);
  readonly #bytes = new Uint8Array(this.memory);
  readonly #facts: SealKeyFacts;
  readonly #timer: NodeJS.Timeout;

  /** Makes the first key, and another one every SEAL_KEY_AGE_MS_MAX until close(). */
  constructor(facts: SealKeyFacts) {
    this.#facts = facts;
    this.replace();
    this.#timer = setInterval(() => this.replace(), SEAL_KEY_AGE_MS_MAX).unref();
  }

  /** Replaces the key. Hellos from now on get the new one. */
  replace(): void {
    const { registryId, sigKey, oldDialectsClosed, maxWaitMs = 0 } = this.#facts;
    const secret = randomFillSync(Buffer.alloc(KEY_BYTES));
    const now = Math.floor(Date.now() / 1000);
    const cert = encodeSealCert(
      {
        flags: oldDialectsClosed ? OLD_DIALECTS_CLOSED : 0,
        notBefore: now - SEAL_CERT_BACKDATE_SECONDS,
        notAfter: now - SEAL_CERT_BACKDATE_SECONDS + SEAL_CERT_SECONDS,
        maxMessage: SEALED_REQUEST_BYTES_MAX,
        maxWaitMs,
      },
      keyPairOf(secret).publicKey,
      registryId,
      sigKey,
    );
    Atomics.add(this.#words, GENERATION, 1);
    Atomics.store(this.#words, CERT_LENGTH, cert.length);
    this.#bytes.set(secret, SECRET_AT);
    this.#bytes.set(cert, CERT_AT);
    Atomics.add(this.#words, GENERATION, 1);
    secret.fill(0);
  }

  /** Overwrites the key. */
  close(): void {
    clearInterval(this.#timer);
    this.#bytes.fill(0, SECRET_AT);
  }
}

/** A worker's side. */
export class SealKeyReader {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  #generation = 0;
  #current: { readonly s: KeyPair; readonly cert: Uint8Array } | undefined;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, 2);
    this.#bytes = new Uint8Array(memory);
  }

  /** The present key with its certificate. Imports the key when it has changed. */
  get current(): { readonly s: KeyPair; readonly cert: Uint8Array } {
    const generation = Atomics.load(this.#words, GENERATION);
    if (this.#current && generation === this.#generation) return this.#current;
    for (;;) {
      const before = Atomics.load(this.#words, GENERATION);
      const length = Atomics.load(this.#words, CERT_LENGTH);
      const secret = Uint8Array.from(this.#bytes.subarray(SECRET_AT, CERT_AT));
      const cert = Uint8Array.from(this.#bytes.subarray(CERT_AT, CERT_AT + length));
      const whole = before % 2 === 0 && Atomics.load(this.#words, GENERATION) === before;
      if (whole) this.#current = { s: keyPairOf(secret), cert };
      secret.fill(0);
      if (!whole) continue;
      this.#generation = before;
      return this.#current!;
    }
  }
}
