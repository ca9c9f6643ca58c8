// What can go wrong between a client and its registry. Invariant: a message is one printable line without secrets;
// whatever others chose of it is escaped. An aborted signal is none of these: it rejects with the signal's own reason.
import { REFUSAL_TEXT } from '../errors.ts';
import { escapeText } from './escape-text.ts';

/** What all errors of this library have in common. */
export class XlRegError extends Error {
  override readonly name: string = 'XlRegError';
}

/** The registry said no, and has ended the session (E2). */
export class RegistryRefused extends XlRegError {
  override readonly name = 'RegistryRefused';
  /** As the registry told it, unescaped; the message has it escaped and cut at 256 characters. */
  readonly text: string;

  constructor(text: string) {
    super(escapeText(text));
    this.text = text;
  }

  /** Whether it was said because that server stops, not because of what was asked (S7): another may do it. */
  get stopping(): boolean {
    return this.text === REFUSAL_TEXT['shutting-down'];
  }

  /** Whether there is no such cluster (R5, R7), or none any more. */
  get clusterUnknown(): boolean {
    return this.text === REFUSAL_TEXT['cluster-name-unknown'] || this.text === REFUSAL_TEXT['cluster-id-unknown'];
  }
}

/** No connection, no answer in time, or the connection went away. `cause` is the system's error, if there was one. */
export class RegistryUnreachable extends XlRegError {
  override readonly name = 'RegistryUnreachable';
}

/** The time was up. */
export class NoAnswerInTime extends RegistryUnreachable {}

/** Whether a session ended with its server, so that another server of the registry may go on with what it was for. */
export function isServerGone(error: unknown): boolean {
  return error instanceof RegistryUnreachable || (error instanceof RegistryRefused && error.stopping);
}

/** Whether the same request may succeed later: its server is gone, or its store has no room or is out of reach (E5). */
export function mayPass(error: unknown): boolean {
  return isServerGone(error) || (error instanceof RegistryRefused && error.text === REFUSAL_TEXT['cannot-store']);
}

/** The reason of a signal that is aborted at a deadline. Not an XlRegError: nobody takes it for a failure of a server. */
export class TimeUp extends Error {
  override readonly name = 'TimeUp';
}

/** The connection was closed at the Hello: another comms key, or more Hellos than it lets in. Nothing tells which. */
export class HelloRefused extends RegistryUnreachable {}

/** Whoever answers is not the registry whose credentials the client has; the message says by what that shows. */
export class RegistryUntrusted extends XlRegError {
  override readonly name = 'RegistryUntrusted';
}

/** A member that watches its cluster is not on the roster any more: evicted (R14), or the cluster is gone. */
export class NoLongerMember extends XlRegError {
  override readonly name = 'NoLongerMember';

  constructor(why: string, options?: ErrorOptions) {
    super(`no longer a member of the cluster: ${why}`, options);
  }
}

/** The registry does not keep to the protocol; the session is over. */
export class ProtocolError extends XlRegError {
  override readonly name = 'ProtocolError';
}

/** A member home is unreadable, incomplete, or open to others; the message says which file and why. */
export class MemberHomeError extends XlRegError {
  override readonly name = 'MemberHomeError';
}
