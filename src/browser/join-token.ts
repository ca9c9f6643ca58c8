// Join tokens of clusters (A): their text, and the description that goes to a registry, which learns the hash only.

import { JOIN_TOKEN_BYTES_MAX, JOIN_TOKEN_BYTES_MIN } from '../limits.ts';
import { type Bytes, sha256 } from './bytes.ts';
import type { TokenSpec } from './messages.ts';

/** The text of a token begins so, as those of the command line. */
const PREFIX = 'xlj_';

/** A join token to be added to a cluster. */
export interface JoinTokenSpec {
  /** The text of createJoinToken(). */
  readonly token: string;
  /** SigKeys that it admits, 1 to 1,024. Default: the size of the cluster. */
  readonly uses?: number | undefined;
  /** Milliseconds until it expires, at most ten years. Default: it does not. */
  readonly ttlMs?: number | undefined;
  /** Admits only a member of this name, and keeps the name for it. */
  readonly forName?: string | undefined;
  /** With `forName`: its Join takes the seat of that name from whoever has it. */
  readonly replace?: boolean | undefined;
  /** Admits to rosters only. */
  readonly observer?: boolean | undefined;
}

/**
 * Makes a join token of 128 random bits.
 *
 * @example
 * ```ts
 * const token = createJoinToken();
 * console.log(token.startsWith('xlj_'));
 * ```
 */
export function createJoinToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(JOIN_TOKEN_BYTES_MIN));
  const base64 = btoa(String.fromCharCode(...bytes));
  return PREFIX + base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** The bytes of a token's text. Throws TypeError, without the text, if it is none. */
export function joinTokenBytes(text: string): Bytes {
  const encoded = /^xlj_([A-Za-z0-9_-]+)$/.exec(text)?.[1];
  if (encoded !== undefined && encoded.length % 4 !== 1) {
    const bytes = Uint8Array.from(atob(encoded.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
    if (bytes.length >= JOIN_TOKEN_BYTES_MIN && bytes.length <= JOIN_TOKEN_BYTES_MAX) return bytes;
  }
  throw new TypeError('this is no join token: createJoinToken() and xlreg token make them');
}

/** The description of a token. Rejects with TypeError. */
export async function specOf({ token, ...spec }: JoinTokenSpec): Promise<TokenSpec> {
  return { hash: await sha256(joinTokenBytes(token)), ...spec };
}
