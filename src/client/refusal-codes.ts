// Codes of the registry's refusals: from their numbers in the sealed dialect, from their texts in the RSA dialects.
// Free of Node, for browsers.
import { ERROR_CODES, FAULT_TEXT, type Fault, REFUSAL_TEXT, RETRY_AFTER_MS, type Refusal } from '../errors.ts';
import type { RefusalCode } from '../xlreg-error.ts';

const CODES: Readonly<Record<Refusal, RefusalCode>> = {
  'client-unknown': 'REFUSED_CLIENT_UNKNOWN',
  'id-in-use': 'REFUSED_ID_IN_USE',
  'id-marked': 'REFUSED_ID_IN_USE',
  'statement-older': 'REFUSED_STATEMENT_OLDER',
  'statement-differs': 'REFUSED_STATEMENT_DIFFERS',
  'cluster-name-unknown': 'REFUSED_CLUSTER_UNKNOWN',
  'cluster-id-unknown': 'REFUSED_CLUSTER_UNKNOWN',
  'cluster-full': 'REFUSED_CLUSTER_FULL',
  'member-name-in-use': 'REFUSED_NAME_IN_USE',
  'one-end-point-needed': 'REFUSED_END_POINTS_NEEDED',
  'two-end-points-needed': 'REFUSED_END_POINTS_NEEDED',
  'join-token-needed': 'REFUSED_TOKEN_NEEDED',
  'join-token-unknown': 'REFUSED_TOKEN_UNKNOWN',
  'join-token-expired': 'REFUSED_TOKEN_EXPIRED',
  'join-token-used-up': 'REFUSED_TOKEN_USED_UP',
  'join-token-for-other': 'REFUSED_TOKEN_FOR_OTHER',
  'join-token-dialect': 'REFUSED_TOKEN_DIALECT',
  'cluster-admits-differently': 'REFUSED_ADMITS_DIFFERENTLY',
  'not-owner': 'REFUSED_NOT_OWNER',
  'member-replaced': 'REFUSED_MEMBER_REPLACED',
  'too-many-join-tokens': 'REFUSED_TOO_MANY_TOKENS',
  // Six refusals share this text; the first of them counts where there is no number.
  'registry-full': 'REFUSED_REGISTRY_FULL',
  'registrations-per-address': 'REFUSED_ADDRESS_LIMIT',
  'clusters-per-address': 'REFUSED_ADDRESS_LIMIT',
  'members-per-address': 'REFUSED_ADDRESS_LIMIT',
  'clusters-per-client': 'REFUSED_CLIENT_LIMIT',
  'seats-per-client': 'REFUSED_CLIENT_LIMIT',
  'too-many-moves': 'REFUSED_TOO_MANY_MOVES',
  'cluster-incomplete': 'REFUSED_CLUSTER_INCOMPLETE',
  'cannot-store': 'REFUSED_CANNOT_STORE',
  'shutting-down': 'REFUSED_SHUTTING_DOWN',
};

/** The next step after a refusal, for programs and for the command line. Undefined if nothing is known to help. */
export const REMEDIES: Readonly<Record<RefusalCode, string | undefined>> = {
  REFUSED: undefined,
  REFUSED_REQUEST_INVALID: undefined,
  REFUSED_CLIENT_UNKNOWN: 'identify with the whole member, not by its ID',
  REFUSED_ID_IN_USE:
    'use the store or home (--home) with the keys that registered this ID; one registered in sealed needs --dialect sealed',
  REFUSED_STATEMENT_OLDER: 'end the other process that uses these keys, or set the clock right',
  REFUSED_STATEMENT_DIFFERS: 'end the other process that uses a copy of these keys',
  REFUSED_CLUSTER_UNKNOWN: 'correct its name or ID, create it with a size, or wait for its creator',
  REFUSED_CLUSTER_FULL: 'to return as a member, use its store or home (--home); xlreg evict frees a seat',
  REFUSED_NAME_IN_USE:
    'to return as that member, use its store or home (--home); if its keys are lost, join with a replacement token, or run xlreg evict CLUSTER MEMBER first',
  REFUSED_END_POINTS_NEEDED: 'give each member more end points',
  REFUSED_REGISTRY_FULL: 'wait, or ask the operator: xlreg limits names the limit',
  REFUSED_ADDRESS_LIMIT: 'wait; xlreg limits names the limit of this address',
  REFUSED_CLIENT_LIMIT: 'leave another cluster first, or ask the operator: xlreg limits names the limit',
  REFUSED_CANNOT_STORE: "wait; the registry's log has the reason",
  REFUSED_SHUTTING_DOWN: 'wait for its restart, or use another server',
  REFUSED_TOKEN_NEEDED: 'pass joinToken, --token or XLREG_TOKEN; xlreg token add makes one',
  REFUSED_TOKEN_UNKNOWN: 'it was revoked, is of another cluster, or was mistyped',
  REFUSED_TOKEN_EXPIRED: 'xlreg token add makes another one',
  REFUSED_TOKEN_USED_UP: 'xlreg token add makes another one',
  REFUSED_TOKEN_FOR_OTHER: 'this token, or one that is outstanding for this name, was made with --for or --observer',
  REFUSED_TOKEN_DIALECT: 'only --dialect sealed carries one',
  REFUSED_ADMITS_DIFFERENTLY:
    'the cluster exists, and these keys have not made it with this token; xlreg token add makes another one',
  REFUSED_NOT_OWNER: 'use the identity that created the cluster (--home), or --admin as the operator',
  REFUSED_MEMBER_REPLACED: 'new keys have its seat; join with another name, or with a token of --replace',
  REFUSED_TOO_MANY_TOKENS: 'revoke one first, as xlreg token revoke does',
  REFUSED_TOO_MANY_MOVES: 'wait a second',
  REFUSED_CLUSTER_INCOMPLETE: 'wait until the cluster is complete',
};

const refusals = Object.keys(REFUSAL_TEXT) as Refusal[];
const faults = (Object.keys(FAULT_TEXT) as Fault[]).filter((fault) => FAULT_TEXT[fault] !== null);

/** True for an Error message of this kind: by its number, else by its text. */
function is(why: Refusal | Fault, text: string, number: number | undefined): boolean {
  if (number !== undefined) return ERROR_CODES[why] === number;
  return text === (why in REFUSAL_TEXT ? REFUSAL_TEXT[why as Refusal] : FAULT_TEXT[why as Fault]);
}

/** Returns the code of an Error message: by its number, else by its text. Unknown ones are `REFUSED`. */
export function refusalCode(text: string, number: number | undefined): RefusalCode {
  const refusal = refusals.find((why) => is(why, text, number));
  if (refusal !== undefined) return CODES[refusal];
  return faults.some((why) => is(why, text, number)) ? 'REFUSED_REQUEST_INVALID' : 'REFUSED';
}

/** True if refusals of this number or text pass without a change by the client, even if the registry does not say so. */
export function mayAlwaysPass(text: string, number: number | undefined): boolean {
  return refusals.some((why) => is(why, text, number) && RETRY_AFTER_MS[why] !== undefined);
}

/** mayAlwaysPass() for a code of this library; false for any other code. */
export function codeMayPass(code: string): boolean {
  return refusals.some((why) => CODES[why] === code && RETRY_AFTER_MS[why] !== undefined);
}
