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

const refusals = Object.keys(REFUSAL_TEXT) as Refusal[];
const faults = (Object.keys(FAULT_TEXT) as Fault[]).filter((fault) => FAULT_TEXT[fault] !== null);

/** Returns the code of an Error message: by its number, else by its text. Unknown ones are `REFUSED`. */
export function refusalCode(text: string, number: number | undefined): RefusalCode {
  const isIt = (why: Refusal | Fault, known: string | null) =>
    number === undefined ? known === text : ERROR_CODES[why] === number;
  const refusal = refusals.find((why) => isIt(why, REFUSAL_TEXT[why]));
  if (refusal !== undefined) return CODES[refusal];
  return faults.some((why) => isIt(why, FAULT_TEXT[why])) ? 'REFUSED_REQUEST_INVALID' : 'REFUSED';
}

/** True if a refusal of this text may pass, where the dialect does not tell. */
export function textMayPass(text: string): boolean {
  return refusals.some((why) => REFUSAL_TEXT[why] === text && RETRY_AFTER_MS[why] !== undefined);
}
