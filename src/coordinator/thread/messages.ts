// Messages between the main thread and the coordinator's thread: start data, orders to the thread, reports back.
// Commands of clients do not pass here; they travel through the worker channels.
import type { GrowthRates } from '../../admission/growth-budgets.ts';
import type { ExpiredSeat } from '../../registry/barrier.ts';
import type { TableLimits } from '../../registry/time-to-live.ts';
import type { ChannelMemory } from '../../shared-memory/worker-channel.ts';
import type { StoreSettings } from '../../store/open-store.ts';
import type { OperatorQuery, OperatorReply } from '../operator-queries.ts';
import type { TableAddition } from '../table-additions.ts';

/** The caller's part of the start data. */
export interface CoordinatorWorkerData {
  readonly store: StoreSettings;
  readonly limits: TableLimits;
  /** Front ends that read changes; 1 without it. */
  readonly fronts?: number;
  /** Growth budgets of addresses (R4); the front end shares their memory. */
  readonly growth: { readonly memory: SharedArrayBuffer; readonly rates: GrowthRates };
}

/** The whole start data: the caller's part and the shared memory that the handle adds. */
export interface ThreadData extends CoordinatorWorkerData {
  /** Memory of the `Parker` that the thread sleeps on. */
  readonly parker: SharedArrayBuffer;
  /** Memory of the `AtomicFlag` that is set after each order. */
  readonly ordered: SharedArrayBuffer;
  /** True to report additions to the table. */
  readonly reportsAdditions: boolean;
  /** From newChangeRing(). */
  readonly changes: SharedArrayBuffer;
  /** From newStatsMemory(). */
  readonly stats: SharedArrayBuffer;
  /** From newRosterCacheMemory(); undefined for a store that several servers share. */
  readonly rosterCache: SharedArrayBuffer | undefined;
}

/** From the main thread. */
export type Order =
  | { readonly kind: 'serve'; readonly id: number; readonly channel: ChannelMemory }
  | { readonly kind: 'withdraw'; readonly id: number }
  | { readonly kind: 'backup'; readonly directory: string }
  | { readonly kind: 'query'; readonly id: number; readonly query: OperatorQuery }
  | { readonly kind: 'limits'; readonly limits: TableLimits; readonly rates: GrowthRates }
  | { readonly kind: 'close' };
/** To the main thread. The first one is `loaded` or `unusable`. */
export type Report =
  | { readonly kind: 'loaded' }
  | { readonly kind: 'unusable'; readonly message: string; readonly mayPass: boolean }
  | { readonly kind: 'full' | 'unreachable'; readonly reason: string | undefined }
  | { readonly kind: 'broken'; readonly message: string }
  | { readonly kind: 'replayed'; readonly clientId: string; readonly name: string }
  | { readonly kind: 'displaced'; readonly clientId: string; readonly name: string; readonly seats: number }
  | { readonly kind: 'expired'; readonly seats: readonly ExpiredSeat[] }
  | { readonly kind: 'added'; readonly additions: readonly TableAddition[] }
  | { readonly kind: 'backup'; readonly failure: string | undefined }
  | { readonly kind: 'reply'; readonly id: number; readonly reply: OperatorReply };
