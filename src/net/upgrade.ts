// Who may have a WebSocket: one answer for both engines.
import type { Admission, Seat } from '../admission/admission.ts';
import { normalizeAddress } from '../admission/ip-address.ts';
import type { AcceptConnection } from './connection.ts';
import { type ForwardedTrust, forwardedFor } from './forwarded.ts';

/** How WebSocket connections are let in. */
export interface WebSessions {
  readonly accept: AcceptConnection;
  readonly admission: Admission;
  readonly trust: ForwardedTrust;
  /** Origins whose pages may connect, as browsers write them. */
  readonly allowedOrigins: readonly string[];
}

/** What of an upgrade decides about it. */
export interface UpgradeRequest {
  /** As the engine has it; undefined if the peer is gone. */
  readonly peer: string | undefined;
  /** All lines of a header, joined by commas; empty if there is none. */
  header(name: string): string;
}

/** A seat, or how it is refused: a page of an origin that is not allowed is told, who is over a limit is not. */
export function admitUpgrade(sessions: WebSessions, request: UpgradeRequest): Seat | 'origin' | 'silent' {
  // No page of another origin may speak for its visitor: browsers send Origin, clients of the protocol do not.
  const origin = request.header('origin');
  if (origin !== '' && !sessions.allowedOrigins.includes(origin)) return 'origin';
  const peer = normalizeAddress(request.peer ?? '');
  if (peer === undefined) return 'silent';
  const address = forwardedFor(peer, sessions.trust, (name) => request.header(name));
  return sessions.admission.takeFor(address) ?? 'silent';
}
