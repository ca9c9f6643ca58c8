// Signs roster bodies by sk (W3), when first asked for each. Part of stage 5, worker, parallel: each worker has its own.
import { createHash, type KeyObject } from 'node:crypto';
import { ROSTERS_ASKED_MAX } from '../limits.ts';
import { signRosterBody } from '../wire/roster-body.ts';

/** Signatures that a worker keeps, of up to 512 bytes each; the oldest is forgotten first. */
const SIGNATURES_MAX = 2 * ROSTERS_ASKED_MAX;

export class RosterSigner {
  readonly #sigKey: KeyObject;
  /** By SHA-256 of the body. BOUNDED: SIGNATURES_MAX. */
  readonly #signatures = new Map<string, Uint8Array>();

  constructor(sigKey: KeyObject) {
    this.#sigKey = sigKey;
  }

  sign(body: Uint8Array): Uint8Array {
    const digest = createHash('sha256').update(body).digest('base64');
    const known = this.#signatures.get(digest);
    if (known) return known;
    const signature = signRosterBody(this.#sigKey, body);
    this.#signatures.set(digest, signature);
    if (this.#signatures.size > SIGNATURES_MAX) this.#signatures.delete(this.#signatures.keys().next().value!);
    return signature;
  }
}
