// Messages between the main thread and the thread of a further front end: start data, orders, reports, and the clients
// of its sessions. Jobs and counts do not pass here; they are in shared memory.
import type { MessagePort } from 'node:worker_threads';
import type { AdmissionLimits } from '../../admission/admission-limits.ts';
import type { AdmissionMemory } from '../../admission/admission-memory.ts';
import type { Limit } from '../../admission/limit-ledger.ts';
import type { OpenSession } from '../../connection/session-log.ts';
import type { TcpPort } from '../../net/tcp/tcp-listener.ts';
import type { MarkOrder } from '../../pool/pool.ts';
import type { ChannelMemory } from '../../shared-memory/worker-channel.ts';
import type { FrontSettings } from '../front-end.ts';

/** The start data that the server knows. */
export interface FrontData {
  readonly settings: FrontSettings;
  /** From newFrontStatsMemory(). */
  readonly stats: SharedArrayBuffer;
  readonly admission: AdmissionMemory;
  /** From newGrowthMemory(). */
  readonly growth: SharedArrayBuffer;
  readonly limits: AdmissionLimits;
  /** The TCP port that the front ends share. */
  readonly port: TcpPort;
  readonly logLevel: string;
  /** Memory of the coordinator's parker. */
  readonly coordinatorParker: SharedArrayBuffer;
  readonly rosterCache: SharedArrayBuffer | undefined;
}

export interface FrontThreadData extends FrontData {
  /** Takes batches of ClientEvent. The main thread reads it ten times a second, and before it looks for a client. */
  readonly clients: MessagePort;
}

/** An event of the placement of a session; `session` numbers those of the front end. */
export type ClientEvent =
  | readonly [kind: 'identified', session: number, clientId: string, ends: number, address: string | undefined]
  | readonly [kind: 'active' | 'ended', session: number];

/** Refusals of a limit: their number since the last report. */
export type Refusals = readonly [limit: Limit, address: string | undefined, count: number];

/** From the main thread. */
export type FrontOrder =
  /** Binds the port. Connections are served from now on. */
  | { readonly kind: 'listen' }
  | { readonly kind: 'mark'; readonly order: MarkOrder }
  | { readonly kind: 'limits'; readonly limits: AdmissionLimits }
  | { readonly kind: 'log-level'; readonly level: string }
  | { readonly kind: 'sessions'; readonly id: number; readonly after: number; readonly limit: number }
  /** The placements of a client with other end points are replaced. */
  | { readonly kind: 'replaced'; readonly clientId: string; readonly ends: number }
  /** A placement of a client is not replaced any more. */
  | { readonly kind: 'current'; readonly clientId: string; readonly ends: number }
  | { readonly kind: 'unlisten' }
  /** Drains the connections, ends the workers and the thread. */
  | { readonly kind: 'drain'; readonly graceMs: number };

/** To the main thread. */
export type FrontReport =
  | { readonly kind: 'loaded' }
  | { readonly kind: 'broken'; readonly message: string; readonly mayPass: boolean }
  | { readonly kind: 'listening' }
  | { readonly kind: 'unlistened' }
  | { readonly kind: 'serve'; readonly id: number; readonly worker: number; readonly channel: ChannelMemory }
  | { readonly kind: 'withdraw'; readonly id: number }
  | { readonly kind: 'refused'; readonly refusals: readonly Refusals[] }
  | { readonly kind: 'log'; readonly lines: readonly string[] }
  | { readonly kind: 'sessions'; readonly id: number; readonly sessions: readonly OpenSession[] };
