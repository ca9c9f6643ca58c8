// What the coordinator counts and tells of itself, in memory that it shares with the main thread: a scrape reads it without
// waking the coordinator, which answers last where cores are short.

import type { FillCounts, TableCounts } from '../registry/table-contents.ts';
import { LOOP_DELAY_SECONDS } from '../runtime/loop-delay.ts';
import { readThreadStats } from '../runtime/thread-stats.ts';
import { CounterAllocator } from '../shared-memory/shared-counter.ts';
import type { EtcdMethod } from '../store/etcd/etcd-calls.ts';
import type { StoreObserver } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import type { CoordinatorObserver } from './coordinator-observer.ts';

const BATCH_COMMANDS = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const COMMIT_SECONDS = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
/** From nodes that all start at once to those that somebody starts by hand. */
const FILL_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200];
const REQUEST_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** All there are. */
export const ETCD_METHODS = Object.keys({
  range: 0,
  txn: 0,
  'lease-grant': 0,
  authenticate: 0,
  status: 0,
} satisfies Record<EtcdMethod, 0>) as EtcdMethod[];

/** More than there are. */
const NUMBERS = 256;

/** Memory for them. */
export function newStatsMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(NUMBERS * Float64Array.BYTES_PER_ELEMENT);
}

export type CoordinatorStats = ReturnType<typeof coordinatorStats>;

/** A thread's view of them. */
export function coordinatorStats(memory: SharedArrayBuffer) {
  const deal = new CounterAllocator(memory);
  const number = () => deal.counter();
  const series = (bounds: readonly number[]) => deal.histogram(bounds);
  const ofMethods = <T>(make: () => T) =>
    Object.fromEntries(ETCD_METHODS.map((method) => [method, make()])) as Record<EtcdMethod, T>;
  return {
    thread: deal.threadStats(),
    loopDelay: series(LOOP_DELAY_SECONDS),
    batchCommands: series(BATCH_COMMANDS),
    commitSeconds: series(COMMIT_SECONDS),
    fillSeconds: series(FILL_SECONDS),
    changes: number(),
    expired: number(),
    replayedTokens: number(),
    table: { clients: number(), clusters: number(), members: number(), fullClusters: number(), seats: number() },
    store: {
      loadSeconds: number(),
      syncSeconds: series(COMMIT_SECONDS),
      full: number(),
      unreachable: number(),
      bytes: number(),
      room: number(),
    },
    etcd: {
      requestSeconds: ofMethods(() => series(REQUEST_SECONDS)),
      requestFailures: ofMethods(number),
      catchUpSeconds: series(REQUEST_SECONDS),
      behind: number(),
      readAgain: number(),
    },
  };
}

/** What the coordinator, its store and its start tell as it happens. */
export interface CoordinatorRecorder extends Omit<CoordinatorObserver, 'broken' | 'replaced'>, StoreObserver {
  /** The table took so many seconds to load. */
  loaded(seconds: number): void;
  /** How the thread, the table and the store are now; to be called often. */
  now(store: Pick<Store, 'size' | 'room'>): void;
}

/** Keeps the numbers, in the coordinator's thread. */
export function recordStats(
  numbers: CoordinatorStats,
  table: { readonly counts: TableCounts; readonly fill: FillCounts },
): CoordinatorRecorder {
  const { store, etcd } = numbers;
  const tellTable = () => {
    const { counts, fill } = table;
    numbers.table.clients.value = counts.clients;
    numbers.table.clusters.value = counts.clusters;
    numbers.table.members.value = counts.members;
    numbers.table.fullClusters.value = fill.fullClusters;
    numbers.table.seats.value = fill.seats;
  };
  return {
    now(opened) {
      numbers.thread.write(readThreadStats());
      tellTable();
      try {
        store.bytes.value = opened.size();
        store.room.value = opened.room();
      } catch {
        // A file system that does not tell stays as it was told; if there is more to it, the next commit finds out.
      }
    },
    batch(commands, changes, seconds) {
      numbers.batchCommands.observe(commands);
      if (changes === 0) return;
      numbers.changes.value += changes;
      numbers.commitSeconds.observe(seconds);
      tellTable();
    },
    expired(changes) {
      numbers.expired.value += changes;
      tellTable();
    },
    full(reason) {
      store.full.value = reason === undefined ? 0 : 1;
    },
    unreachable(reason) {
      store.unreachable.value = reason === undefined ? 0 : 1;
    },
    filled: (seconds) => numbers.fillSeconds.observe(seconds),
    synced: (seconds) => store.syncSeconds.observe(seconds),
    loaded(seconds) {
      store.loadSeconds.value = seconds;
    },
    requested(method, seconds, answered) {
      if (answered) etcd.requestSeconds[method].observe(seconds);
      else etcd.requestFailures[method].value += 1;
    },
    caughtUp(seconds, revisions) {
      etcd.catchUpSeconds.observe(seconds);
      etcd.behind.value = revisions;
    },
    readAgain() {
      etcd.readAgain.value += 1;
    },
  };
}
