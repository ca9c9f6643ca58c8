// What passes between the main thread and the coordinator's thread: what starts the thread, orders one way, reports the other.
// Commands of clients take another way, through the worker channels.
import type { GrowthRates } from '../../admission/growth-budgets.ts';
import type { TableLimits } from '../../registry/time-to-live.ts';
import type { ChannelMemory } from '../../shared-memory/worker-channel.ts';
import type { StoreSettings } from '../../store/open-store.ts';
import type { OperatorQuery, OperatorReply } from '../operator-queries.ts';

/** What the thread is started with. */
export interface CoordinatorWorkerData {
  readonly store: StoreSettings;
  readonly limits: TableLimits;
  /** What each address may add to the table (R4), in memory that the front end shares. */
  readonly growth: { readonly memory: SharedArrayBuffer; readonly rates: GrowthRates };
}

/** The same, what wakes the thread, what says that it has an order, what it counts in, and what it shows the workers. */
export interface ThreadData extends CoordinatorWorkerData {
  readonly parker: SharedArrayBuffer;
  readonly ordered: SharedArrayBuffer;
  readonly numbers: SharedArrayBuffer;
  readonly rosterCache: SharedArrayBuffer | undefined;
}

export type Order =
  | { readonly kind: 'serve'; readonly id: number; readonly channel: ChannelMemory }
  | { readonly kind: 'withdraw'; readonly id: number }
  | { readonly kind: 'backup'; readonly directory: string }
  | { readonly kind: 'question'; readonly id: number; readonly question: OperatorQuery }
  | { readonly kind: 'close' };
export type Report =
  | { readonly kind: 'loaded' }
  | { readonly kind: 'unusable'; readonly message: string; readonly mayPass: boolean }
  | { readonly kind: 'full' | 'unreachable'; readonly reason: string | undefined }
  | { readonly kind: 'broken'; readonly message: string }
  | { readonly kind: 'replayed'; readonly clientId: string; readonly name: string }
  | { readonly kind: 'backup'; readonly failure: string | undefined }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: OperatorReply };
