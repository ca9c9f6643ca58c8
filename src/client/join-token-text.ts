// The text of join tokens (A), and their description. A registry knows their hash only. Free of Node, for browsers.
import { JOIN_TOKEN_BYTES_MAX, JOIN_TOKEN_BYTES_MIN } from '../limits.ts';

/** A token of the text begins so, so that scanners for secrets find it, and that no flag looks like one. */
const PREFIX = 'xlj_';

/** A join token to be added to a cluster. */
export interface JoinTokenSpec {
  /** The text of createJoinToken(). Only its hash goes to the registry. */
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
 * await session.create('guarded', { size: 2, joinTokens: [{ token, uses: 2, ttlMs: 86_400_000 }] });
 * ```
 */
export function createJoinToken(): string {
  return PREFIX + base64url(crypto.getRandomValues(new Uint8Array(JOIN_TOKEN_BYTES_MIN)));
}

/** The bytes of a token's text; undefined if it is none. */
export function joinTokenBytes(text: string): ReturnType<typeof Uint8Array.from> | undefined {
  const encoded = /^xlj_([A-Za-z0-9_-]+)$/.exec(text)?.[1];
  if (encoded === undefined || encoded.length % 4 === 1) return undefined;
  const binary = atob(encoded.replaceAll('-', '+').replaceAll('_', '/'));
  const bytes = Uint8Array.from(binary, (char) => char.charCodeAt(0));
  // The last character of another text may have bits that make no byte.
  const isCanonical = base64url(bytes) === encoded;
  return isCanonical && bytes.length >= JOIN_TOKEN_BYTES_MIN && bytes.length <= JOIN_TOKEN_BYTES_MAX
    ? bytes
    : undefined;
}

/** The bytes of a token's text. Throws TypeError, without the text, if it is none. */
export function requireJoinToken(text: string): ReturnType<typeof Uint8Array.from> {
  const bytes = joinTokenBytes(text);
  if (bytes) return bytes;
  throw new TypeError('this is no join token: createJoinToken() and xlreg token make them');
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}
