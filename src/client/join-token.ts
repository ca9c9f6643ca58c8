// Join tokens of clusters (A): their text, their hash, and what a registry says of them. A registry knows the hash only.
import { createHash, randomBytes } from 'node:crypto';
import { JOIN_TOKEN_BYTES_MAX, JOIN_TOKEN_BYTES_MIN } from '../limits.ts';
import { bigintOf, longOf, type TokenSpec } from '../wire/message.ts';
import { ProtocolError } from './errors.ts';

/** A token of the text begins so, so that scanners for secrets find it, and that no flag looks like one. */
const PREFIX = 'xlj_';
const HASH_BYTES = 32;

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

/** A join token of a cluster. */
export interface JoinTokenState {
  /** SHA-256 of the token, 64 hex digits. */
  readonly hash: string;
  /** SigKeys that it admits in all. */
  readonly uses: number;
  /** Uses left. An observer's are never used. */
  readonly left: number;
  /** Milliseconds until it expires, 0 if it has; undefined if it does not. */
  readonly ttlMs: number | undefined;
  /** The only name that it admits; undefined if it admits any. */
  readonly forName: string | undefined;
  /** True if its Join takes the seat of `forName` from the member that has it. */
  readonly replace: boolean;
  /** True if it admits to rosters only. */
  readonly observer: boolean;
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
  return PREFIX + randomBytes(JOIN_TOKEN_BYTES_MIN).toString('base64url');
}

/** The bytes of a token's text; undefined if it is none. */
export function joinTokenBytes(text: string): Buffer | undefined {
  if (!text.startsWith(PREFIX)) return undefined;
  const encoded = text.slice(PREFIX.length);
  const bytes = Buffer.from(encoded, 'base64url');
  const isWhole = bytes.toString('base64url') === encoded;
  return isWhole && bytes.length >= JOIN_TOKEN_BYTES_MIN && bytes.length <= JOIN_TOKEN_BYTES_MAX ? bytes : undefined;
}

/**
 * SHA-256 of a token, 64 hex digits. Throws TypeError, without the text, if it is none.
 *
 * @example
 * ```ts
 * console.log(hashJoinToken(createJoinToken())); // 64 hex digits
 * ```
 */
export function hashJoinToken(text: string): string {
  return createHash('sha256').update(requireJoinToken(text)).digest('hex');
}

/** The bytes of a token's text. Throws TypeError, without the text, if it is none. */
export function requireJoinToken(text: string): Buffer {
  const bytes = joinTokenBytes(text);
  if (bytes) return bytes;
  throw new TypeError('this is no join token: createJoinToken() and xlreg token make them');
}

/** The message of a token to be added. Throws TypeError. */
export function specMessage({ token, uses, ttlMs, forName, replace, observer }: JoinTokenSpec): TokenSpec {
  if (uses !== undefined && !(Number.isInteger(uses) && uses > 0 && uses <= 0xffff_ffff))
    throw new TypeError(`${uses} is no number of uses`);
  if (ttlMs !== undefined && !(Number.isSafeInteger(ttlMs) && ttlMs > 0))
    throw new TypeError(`${ttlMs} is no number of milliseconds`);
  return {
    Hash: Buffer.from(hashJoinToken(token), 'hex'),
    ...(uses !== undefined && { Uses: uses }),
    ...(ttlMs !== undefined && { TtlMs: longOf(BigInt(ttlMs)) }),
    ...(forName !== undefined && { ForName: forName }),
    ...(replace && { Replace: true }),
    ...(observer && { Observer: true }),
  };
}

/** The state of a token in a TokensReply. Throws ProtocolError if it is invalid. */
export function stateOf({ Hash, Uses, Left, TtlMs, ForName, Replace, Observer }: TokenSpec): JoinTokenState {
  if (Hash?.length !== HASH_BYTES) throw new ProtocolError('the registry sent an invalid join token');
  return {
    hash: Buffer.from(Hash).toString('hex'),
    uses: Uses ?? 0,
    left: Left ?? 0,
    ttlMs: TtlMs === null || TtlMs === undefined ? undefined : Number(bigintOf(TtlMs)),
    forName: ForName || undefined,
    replace: Replace === true,
    observer: Observer === true,
  };
}
