// Who may have a WebSocket: one answer for both engines.
import type { Admission, ConnectionPermit } from '../admission/admission.ts';
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
  /** In its one spelling; undefined if the peer is gone. */
  readonly peer: string | undefined;
  /** All lines of a header, joined by commas; empty if there is none. */
  header(name: string): string;
}

/**
 * A seat, which `seatFor` has for an address, or how it is refused: a page of an origin that is not allowed is told, who is
 * over a limit is not.
 */
export function admitUpgrade(
  sessions: WebSessions,
  request: UpgradeRequest,
  seatFor: (address: string) => ConnectionPermit | undefined,
): ConnectionPermit | 'origin' | 'silent' {
  // No page of another origin may speak for its visitor: browsers send Origin, clients of the protocol do not.
  const origin = request.header('origin');
  if (origin !== '' && !sessions.allowedOrigins.includes(origin)) return 'origin';
  if (request.peer === undefined) return 'silent';
  const address = forwardedFor(request.peer, sessions.trust, (name) => request.header(name));
  return seatFor(address) ?? 'silent';
}

/** Whether connections from an address are those of others, who are known at their upgrade only. */
export function isProxy({ trust }: WebSessions, address: string): boolean {
  return trust.forwarded.has(address) || trust.xForwardedFor.has(address);
}
