// Remembers digests of tokens that clients replaced lately, to detect one that comes again. Either its owner switched
// back or an attacker replays it; the wire does not tell which.
import { REPLACED_TOKEN_CLIENTS_MAX, REPLACED_TOKENS_PER_CLIENT } from '../limits.ts';

export class ReplacedTokens {
  readonly #digestOf: (token: Uint8Array) => string;
  readonly #clientsMax: number;
  /**
   * Digests by client ID, oldest first. BOUNDED: REPLACED_TOKENS_PER_CLIENT each, `clientsMax` clients, least recent
   * evicted.
   */
  readonly #digests = new Map<string, readonly string[]>();

  /** `digestOf` hashes the signed content of a token. */
  constructor(digestOf: (token: Uint8Array) => string, clientsMax = REPLACED_TOKEN_CLIENTS_MAX) {
    this.#digestOf = digestOf;
    this.#clientsMax = clientsMax;
  }

  /** Records that a client replaced token `before` by `after`. Returns whether `after` had been replaced earlier. */
  replace(clientId: string, before: Uint8Array, after: Uint8Array): boolean {
    const [old, fresh] = [this.#digestOf(before), this.#digestOf(after)];
    const known = this.#digests.get(clientId) ?? [];
    if (old === fresh) return false;
    const others = known.filter((digest) => digest !== old);
    this.#digests.delete(clientId);
    this.#digests.set(clientId, [...others, old].slice(-REPLACED_TOKENS_PER_CLIENT));
    if (this.#digests.size > this.#clientsMax) {
      const [oldest] = this.#digests.keys();
      this.#digests.delete(oldest!);
    }
    return known.includes(fresh);
  }
}
