// Join tokens of clusters (A): their hash, and what a registry says of them.
import { createHash } from 'node:crypto';
import { bigintOf, longOf, type TokenSpec } from '../wire/message.ts';
import { ProtocolError } from './errors.ts';
import { type JoinTokenSpec, requireJoinToken } from './join-token-text.ts';

const HASH_BYTES = 32;

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
