// The base class of the client library's errors, and their codes. Free of Node, for browsers.

/**
 * Causes that a program may act on, one code each. Codes never change their meaning; a new cause gets a new code.
 * docs/reference/errors.md describes each.
 */
export type XlRegErrorCode =
  // The way to the registry.
  | 'UNREACHABLE'
  | 'NO_ANSWER'
  | 'SESSION_CUT'
  | 'UNREACHABLE_OR_CHANGED'
  | 'REGISTRY_CHANGED'
  | 'REGISTRY_UNTRUSTED'
  | 'FINGERPRINT_MISMATCH'
  | 'CLOCK_WRONG'
  | 'PROTOCOL_VIOLATED'
  // Credentials.
  | 'CREDENTIALS_INVALID'
  | 'CREDENTIALS_MISSING'
  | 'CREDENTIALS_URL_WRONG'
  // The registry's refusals.
  | RefusalCode
  // The member and its home.
  | 'HOME_UNUSABLE'
  | 'HOME_LOCKED'
  | 'HOME_OF_ANOTHER_MEMBER'
  | 'DIALECT_FORBIDDEN'
  | 'END_POINT_UNKNOWN'
  // The cluster.
  | 'MEMBERSHIP_LOST'
  | 'MEMBERSHIP_REPLACED'
  | 'CLUSTER_INCOMPLETE'
  | 'CLUSTER_CLOSED'
  | 'CLUSTER_DIFFERS'
  // Saved rosters.
  | 'ROSTER_FORMAT'
  | 'ROSTER_OF_ANOTHER'
  | 'ROSTER_SIGNATURE'
  | 'ROSTER_MEMBERS'
  | 'ROSTER_OLDER'
  | 'ROSTER_DIFFERS'
  | 'ROSTER_MEMORY'
  // Streams between members.
  | 'STREAM_PEER'
  | 'STREAM_UNREACHABLE'
  | 'STREAM_HANDSHAKE'
  | 'STREAMS_CLOSED'
  | 'STREAM_CUT'
  | 'STREAM_PEER_REMOVED';

/** Codes of refusals. The RSA dialects have texts only, so some share a code there: see docs/reference/errors.md. */
export type RefusalCode =
  | 'REFUSED'
  | 'REFUSED_REQUEST_INVALID'
  | 'REFUSED_CLIENT_UNKNOWN'
  | 'REFUSED_ID_IN_USE'
  | 'REFUSED_STATEMENT_OLDER'
  | 'REFUSED_STATEMENT_DIFFERS'
  | 'REFUSED_CLUSTER_UNKNOWN'
  | 'REFUSED_CLUSTER_FULL'
  | 'REFUSED_NAME_IN_USE'
  | 'REFUSED_END_POINTS_NEEDED'
  | 'REFUSED_REGISTRY_FULL'
  | 'REFUSED_ADDRESS_LIMIT'
  | 'REFUSED_CLIENT_LIMIT'
  | 'REFUSED_CANNOT_STORE'
  | 'REFUSED_SHUTTING_DOWN'
  | 'REFUSED_TOKEN_NEEDED'
  | 'REFUSED_TOKEN_UNKNOWN'
  | 'REFUSED_TOKEN_EXPIRED'
  | 'REFUSED_TOKEN_USED_UP'
  | 'REFUSED_TOKEN_FOR_OTHER'
  | 'REFUSED_TOKEN_DIALECT'
  | 'REFUSED_ADMITS_DIFFERENTLY'
  | 'REFUSED_NOT_OWNER'
  | 'REFUSED_MEMBER_REPLACED'
  | 'REFUSED_TOO_MANY_TOKENS'
  | 'REFUSED_TOO_MANY_MOVES'
  | 'REFUSED_CLUSTER_INCOMPLETE';

/** Fields of an error besides its message. */
export interface XlRegErrorOptions extends ErrorOptions {
  /** The cause. */
  readonly code: XlRegErrorCode;
  /** Default false. */
  readonly retryable?: boolean | undefined;
  /** Default none. */
  readonly remedy?: string | undefined;
}

/**
 * Base class of all errors of this library. A message is one printable line without secrets. An argument that breaks
 * its contract is a TypeError instead, and an aborted call rejects with its signal's own reason.
 *
 * @example
 * try {
 *   await session.join('my-cluster');
 * } catch (error) {
 *   if (error instanceof XlRegError && error.code === 'REFUSED_CLUSTER_FULL') return;
 *   throw error;
 * }
 */
export class XlRegError extends Error {
  override readonly name: string = 'XlRegError';
  /** The cause, for programs to compare. */
  readonly code: XlRegErrorCode;
  /** True if the same call can succeed later although its caller changes nothing. */
  readonly retryable: boolean;
  /** The next step, for people; the text may change. Undefined where the message says it, or nothing helps. */
  declare readonly remedy: string | undefined;

  constructor(message: string, { code, retryable = false, remedy, ...options }: XlRegErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = retryable;
    if (remedy !== undefined) this.remedy = remedy;
  }
}
