// Join tokens in messages of the sealed dialect (A): what a Join or GetCluster claims, and the tokens that
// a message describes. Part of stages 2 and 5 of the data path. A token itself goes no further than this file: the table is
// asked by its hash.
import { hash } from 'node:crypto';
import type { Fault } from '../errors.ts';
import {
  JOIN_TOKEN_BYTES_MAX,
  JOIN_TOKEN_BYTES_MIN,
  JOIN_TOKEN_TTL_MS_MAX,
  JOIN_TOKEN_USES_MAX,
  JOIN_TOKENS_ADDED_MAX,
} from '../limits.ts';
import type { CreateCommand } from '../registry/command.ts';
import type { AdmissionClaim, TokenSpec } from '../registry/join-token-spec.ts';
import { bigintOf, type Message, type TokenSpec as SpecMessage } from '../wire/message.ts';
import { isName } from '../wire/name.ts';
import type { IdentifiedSession, SessionContext } from './session.ts';

export const HASH_BYTES = 32;

/** The claim of a message to be admitted; absent in the RSA dialects, where field 50 is unknown (M5). */
export function claimOf(
  { keys }: IdentifiedSession,
  { JoinToken }: Message,
  { now }: SessionContext,
): { readonly claim?: AdmissionClaim } {
  if (keys.dialect !== 'sealed') return {};
  return { claim: { time: now(), ...(JoinToken?.length && { token: hashOf(JoinToken) }) } };
}

/** A token of a wrong length is nobody's. */
function hashOf(token: Uint8Array): string {
  const fits = token.length >= JOIN_TOKEN_BYTES_MIN && token.length <= JOIN_TOKEN_BYTES_MAX;
  return fits ? hash('sha256', token, 'hex') : '';
}

/** The join tokens of a Create, or the fault. Absent in the RSA dialects, and without tokens. */
export function admitsOf(
  { keys }: IdentifiedSession,
  { JoinTokens }: Message,
  { now }: SessionContext,
): Pick<CreateCommand, 'admits'> | Fault {
  if (keys.dialect !== 'sealed' || !JoinTokens?.length) return {};
  const tokens = specsOf(JoinTokens);
  return typeof tokens === 'string' ? tokens : { admits: { tokens, time: now() } };
}

/** Checks all fields of the tokens. */
export function specsOf(messages: readonly SpecMessage[]): TokenSpec[] | Fault {
  if (messages.length > JOIN_TOKENS_ADDED_MAX) return 'join-tokens-invalid';
  const specs = messages.map(specOf);
  const hashes = new Set(specs.map((spec) => spec?.hash));
  if (hashes.has(undefined) || hashes.size < specs.length) return 'join-tokens-invalid';
  return specs as TokenSpec[];
}

function specOf({ Hash, Uses, TtlMs, ForName, Replace, Observer }: SpecMessage): TokenSpec | undefined {
  const forName = ForName ? ForName : undefined;
  if (Hash?.length !== HASH_BYTES || (forName !== undefined && !isName(forName))) return undefined;
  if (typeof Uses === 'number' && (Uses < 1 || Uses > JOIN_TOKEN_USES_MAX)) return undefined;
  if (Replace && (Observer || forName === undefined)) return undefined;
  return {
    hash: Buffer.from(Hash).toString('hex'),
    ...(typeof Uses === 'number' && { uses: Uses }),
    ttlMs: Math.min(Number(bigintOf(TtlMs)), JOIN_TOKEN_TTL_MS_MAX),
    ...(forName !== undefined && { forName }),
    ...(Replace && { replace: true }),
    ...(Observer && { observer: true }),
  };
}
