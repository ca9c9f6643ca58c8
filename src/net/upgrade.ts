// Admission of WebSocket upgrades, the same for both engines.
import type { Admission } from '../admission/admission.ts';
import type { ConnectionPermit } from '../admission/connection-permit.ts';
import type { AcceptConnection } from './connection.ts';
import { type ForwardedTrust, forwardedFor } from './forwarded.ts';

/** Functions with which a listener admits and serves WebSocket connections. */
export interface WebSessions {
  readonly accept: AcceptConnection;
  readonly admission: Admission;
  readonly trust: ForwardedTrust;
  /** Values of the Origin header whose pages may connect. */
  readonly allowedOrigins: readonly string[];
}

/** The parts of an upgrade request that admission needs. */
export interface UpgradeRequest {
  /** Normalized address of the socket's other end; undefined if the peer is gone. */
  readonly peer: string | undefined;
  /** Returns all lines of a header, joined by commas; empty if there is none. */
  header(name: string): string;
}

/**
 * Returns the permit that `permitFor` gives the client's address, or how to refuse the upgrade: with a reply for a page
 * of a forbidden origin, silently for an address over a limit.
 */
export function admitUpgrade(
  sessions: WebSessions,
  request: UpgradeRequest,
  permitFor: (address: string) => ConnectionPermit | undefined,
): ConnectionPermit | 'origin' | 'silent' {
  // A foreign page must not use its visitor's address. Browsers send Origin, clients of the protocol do not.
  const origin = request.header('origin');
  if (origin !== '' && !sessions.allowedOrigins.includes(origin)) return 'origin';
  if (request.peer === undefined) return 'silent';
  const address = forwardedFor(request.peer, sessions.trust, (name) => request.header(name));
  return permitFor(address) ?? 'silent';
}

/** Returns whether `address` is a trusted proxy's. The client's address is then unknown before the upgrade. */
export function isProxy({ trust }: WebSessions, address: string): boolean {
  return trust.forwarded.has(address) || trust.xForwardedFor.has(address);
}
