// The limits of admission, and the causes for which it closes connections.
import { HELLO_BURST_SECONDS, HELLO_BURST_SECONDS_PER_ADDRESS } from '../limits.ts';
import type { Limit } from './limit-ledger.ts';

/** Limits that close connections silently. Each is a metric label, so this list bounds that label. */
export const DROP_CAUSES = [
  'connections',
  'connections-per-address',
  'silent-connections',
  'displaced',
  'hellos',
  'hellos-per-address',
  'session-bytes',
  'session-messages',
  'session-time',
  'proxy-header',
] as const satisfies readonly Limit[];

export type DropCause = (typeof DROP_CAUSES)[number];

/** The configured limits. */
export interface AdmissionLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxHellosPerSecond: number;
  readonly maxHellosPerSecondPerAddress: number;
  readonly maxSessionBytes: number;
  readonly maxSessionMessages: number;
  readonly sessionTimeoutMs: number;
  /** CIDRs of addresses without limits per address. */
  readonly limitExempt: readonly string[];
}

/** Receives each refusal of a limit. `address` is the unit of limits, as `addressHolder` spells it. */
export type LimitObserver = (limit: Limit, address: string | undefined) => void;

/** Present use of limits, in their units; a used token of a bucket is a recent Hello. */
export interface AdmissionUse {
  readonly connections: number;
  readonly hellos: number;
  /** Maxima over all addresses. */
  readonly connectionsOfAddress: number;
  readonly hellosOfAddress: number;
}

/** The rates of Hellos, in all and for one address. */
export function helloRates({ maxHellosPerSecond, maxHellosPerSecondPerAddress }: AdmissionLimits) {
  const rate = (perSecond: number, seconds: number) => ({ perSecond, burst: Math.max(1, perSecond * seconds) });
  return {
    all: rate(maxHellosPerSecond, HELLO_BURST_SECONDS),
    address: rate(maxHellosPerSecondPerAddress, HELLO_BURST_SECONDS_PER_ADDRESS),
  };
}
