// Errors of the client library. Invariant: a message is one printable line without secrets; text from other parties is
// escaped. An aborted signal causes none of these: the call rejects with the signal's own reason.
import { type RefusalCode, XlRegError, type XlRegErrorOptions } from '../xlreg-error.ts';
import { escapeText } from './escape-text.ts';
import { mayAlwaysPass, REMEDIES, refusalCode } from './refusal-codes.ts';

export { XlRegError, type XlRegErrorCode } from '../xlreg-error.ts';

/** Options of errors whose class has a code of its own. */
export type KnownErrorOptions = Partial<XlRegErrorOptions>;

/** Fields of a refusal in the sealed dialect, besides its text. */
export interface RefusalDetails {
  /** Number of the refusal, which never changes. */
  readonly code?: number | undefined;
  /** True if the registry says that the same request may succeed later. */
  readonly retryable?: boolean | undefined;
  /** Milliseconds until a retry is worthwhile. */
  readonly retryAfterMs?: number | undefined;
  /** The seq on record, where the registry refused an older statement. */
  readonly recordedSeq?: number | undefined;
}

/** The registry refused a request and ended the session (E2). */
export class RegistryRefused extends XlRegError {
  override readonly name = 'RegistryRefused';
  /** The cause, for programs to compare. */
  declare readonly code: RefusalCode;
  /** The registry's text, unescaped. The message holds it escaped and cut at 256 characters. */
  readonly text: string;
  /** Number of the refusal, and when to retry; undefined in the RSA dialects. */
  readonly details: RefusalDetails;

  constructor(text: string, details: RefusalDetails = {}) {
    const { code: number, retryable = false } = details;
    const code = refusalCode(text, number);
    super(escapeText(text), { code, retryable: retryable || mayAlwaysPass(text, number), remedy: REMEDIES[code] });
    this.text = text;
    this.details = details;
  }

  /** True if the server refused because it is stopping (S7). Another server may accept the same request. */
  get stopping(): boolean {
    return this.code === 'REFUSED_SHUTTING_DOWN';
  }

  /** True if the cluster does not exist (R5, R7). */
  get clusterUnknown(): boolean {
    return this.code === 'REFUSED_CLUSTER_UNKNOWN';
  }
}

/** No connection, no reply in time, or a lost connection. `cause` is the system's error, if there was one. */
export class RegistryUnreachable extends XlRegError {
  override readonly name = 'RegistryUnreachable';

  constructor(message: string, options?: KnownErrorOptions) {
    super(message, { code: 'UNREACHABLE', retryable: true, ...options });
  }
}

/** The registry did not reply in time. */
export class NoAnswerInTime extends RegistryUnreachable {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { code: 'NO_ANSWER', ...options });
  }
}

/** True if the session ended with its server, so that another server may continue its work. */
export function isServerGone(error: unknown): boolean {
  return error instanceof RegistryUnreachable || (error instanceof RegistryRefused && error.stopping);
}

/** True if the same request may succeed later: the server is gone, its store is full or unreachable (E5), or it says so. */
export function mayPass(error: unknown): boolean {
  return error instanceof XlRegError && error.retryable;
}

/** Reason of a signal that a deadline aborts. Not an XlRegError, because it is no failure of a server. */
export class TimeUp extends Error {
  override readonly name = 'TimeUp';
}

/** A sealed session ended without Ack or Error. Somebody on the path may have cut it. */
export class SessionCut extends RegistryUnreachable {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { code: 'SESSION_CUT', ...options });
  }
}

/**
 * The registry closed the connection at the Hello: a limit turned the client away, its key differs, or it does not know
 * the dialect. The client cannot tell these apart, because each is a silent close (E1).
 */
export class HelloRefused extends RegistryUnreachable {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { code: 'UNREACHABLE_OR_CHANGED', ...options });
  }
}

/** One possible cause of a silent close at the Hello or at the upgrade. */
export const TURNED_AWAY = 'a limit turned this client away (connections or Hellos, of its address or in all)';

/** The file of credentials is not there, is empty, or cannot be read. Only the first two are retryable. */
export class CredentialsMissing extends XlRegError {
  override readonly name = 'CredentialsMissing';

  constructor(message: string, options?: KnownErrorOptions) {
    super(message, { code: 'CREDENTIALS_MISSING', retryable: true, ...options });
  }
}

/** The peer is not the registry of the client's credentials. The message names the evidence. */
export class RegistryUntrusted extends XlRegError {
  override readonly name = 'RegistryUntrusted';

  constructor(message: string, options?: KnownErrorOptions) {
    super(message, { code: 'REGISTRY_UNTRUSTED', ...options });
  }
}

/** The registry's certificate is not valid at this time: one of the two clocks is wrong. The message shows both. */
export class ClockFault extends XlRegError {
  override readonly name = 'ClockFault';

  constructor(message: string, options?: KnownErrorOptions) {
    super(message, { code: 'CLOCK_WRONG', ...options });
  }
}

/** An `auto:` end point cannot be replaced by an address. */
export class EndPointUnknown extends XlRegError {
  override readonly name = 'EndPointUnknown';

  constructor(message: string, options?: KnownErrorOptions) {
    super(message, { code: 'END_POINT_UNKNOWN', ...options });
  }
}

/** A watching member is no longer on the roster: it was evicted (R14), or the cluster is gone. */
export class NoLongerMember extends XlRegError {
  override readonly name = 'NoLongerMember';

  constructor(why: string, options?: KnownErrorOptions) {
    super(`no longer a member of the cluster: ${why}`, { code: 'MEMBERSHIP_LOST', ...options });
  }
}

/** The registry violated the protocol. The session has ended. */
export class ProtocolError extends XlRegError {
  override readonly name = 'ProtocolError';

  constructor(message: string, options?: KnownErrorOptions) {
    super(message, { code: 'PROTOCOL_VIOLATED', ...options });
  }
}

/** A member home is unreadable, incomplete or open to other users. The message names the file and the reason. */
export class MemberHomeError extends XlRegError {
  override readonly name = 'MemberHomeError';

  constructor(message: string, options?: KnownErrorOptions) {
    super(message, { code: 'HOME_UNUSABLE', ...options });
  }
}
