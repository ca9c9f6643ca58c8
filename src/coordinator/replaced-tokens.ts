// Tokens that their clients have replaced, to notice one that comes again: its owner has switched back to it, or somebody
// replays it. Nothing on the wire tells which. Holds digests only, of those replaced last.
import { REPLACED_TOKEN_CLIENTS_MAX, REPLACED_TOKENS_PER_CLIENT } from '../limits.ts';

export class ReplacedTokens {
  readonly #digestOf: (token: Uint8Array) => string;
  readonly #clientsMax: number;
  /** Digests by client ID, the oldest first, REPLACED_TOKENS_PER_CLIENT at most; clients as they last replaced one. */
  readonly #digests = new Map<string, readonly string[]>();

  /** `digestOf` identifies what a token's signature is over. */
  constructor(digestOf: (token: Uint8Array) => string, clientsMax = REPLACED_TOKEN_CLIENTS_MAX) {
    this.#digestOf = digestOf;
    this.#clientsMax = clientsMax;
  }

  /** A client has replaced a token by another. Whether that one had been replaced before. */
  replace(clientId: string, before: Uint8Array, after: Uint8Array): boolean {
    const [gone, come] = [this.#digestOf(before), this.#digestOf(after)];
    const known = this.#digests.get(clientId) ?? [];
    if (gone === come) return false;
    const others = known.filter((digest) => digest !== gone);
    this.#digests.delete(clientId);
    this.#digests.set(clientId, [...others, gone].slice(-REPLACED_TOKENS_PER_CLIENT));
    if (this.#digests.size > this.#clientsMax) {
      const [oldest] = this.#digests.keys();
      this.#digests.delete(oldest!);
    }
    return known.includes(come);
  }
}
