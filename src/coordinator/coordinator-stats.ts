// The coordinator's counters, in memory that it shares with the main thread. A scrape reads them without waking the
// coordinator, which has the lowest priority where cores are short.

import { ETCD_END_POINTS_MAX } from '../limits.ts';
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
/** The shortest is for nodes that start at once, the longest for nodes that are started by hand. */
const FILL_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200];
const REQUEST_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** Every method; the type check keeps the list complete. */
export const ETCD_METHODS = Object.keys({
  range: 0,
  txn: 0,
  'lease-grant': 0,
  authenticate: 0,
  status: 0,
} satisfies Record<EtcdMethod, 0>) as EtcdMethod[];

/** Values of `etcd.probes`. */
const [UNPROBED, UP, DOWN] = [0, 1, 2];

/** True if the server of etcd with this index answered its last probe; undefined before the first. */
export function isEtcdServerUp({ etcd }: CoordinatorStats, server: number): boolean | undefined {
  const { value } = etcd.probes[server]!;
  return value === UNPROBED ? undefined : value === UP;
}

/** Room for all counters, with some to spare. */
const COUNTERS_MAX = 256;

/** Memory for `coordinatorStats`. */
export function newStatsMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(COUNTERS_MAX * Float64Array.BYTES_PER_ELEMENT);
}

export type CoordinatorStats = ReturnType<typeof coordinatorStats>;

/** A thread's view of the counters. Every thread lays them out in the same order. */
export function coordinatorStats(memory: SharedArrayBuffer) {
  const allocator = new CounterAllocator(memory);
  const counter = () => allocator.counter();
  const histogram = (bounds: readonly number[]) => allocator.histogram(bounds);
  const ofMethods = <T>(make: () => T) =>
    Object.fromEntries(ETCD_METHODS.map((method) => [method, make()])) as Record<EtcdMethod, T>;
  return {
    thread: allocator.threadStats(),
    loopDelay: histogram(LOOP_DELAY_SECONDS),
    batchCommands: histogram(BATCH_COMMANDS),
    commitSeconds: histogram(COMMIT_SECONDS),
    fillSeconds: histogram(FILL_SECONDS),
    changes: counter(),
    expired: counter(),
    replayedTokens: counter(),
    displaced: counter(),
    rounds: { open: counter(), begun: counter(), completed: counter(), expired: counter(), seats: counter() },
    table: {
      ...{ clients: counter(), clusters: counter(), members: counter(), fullClusters: counter(), seats: counter() },
      marked: counter(),
    },
    store: {
      loadSeconds: counter(),
      syncSeconds: histogram(COMMIT_SECONDS),
      full: counter(),
      unreachable: counter(),
      unanswerable: counter(),
      bytes: counter(),
      room: counter(),
    },
    etcd: {
      requestSeconds: ofMethods(() => histogram(REQUEST_SECONDS)),
      requestFailures: ofMethods(counter),
      catchUpSeconds: histogram(REQUEST_SECONDS),
      behind: counter(),
      readAgain: counter(),
      /** By index of the end point. */
      servers: Array.from({ length: ETCD_END_POINTS_MAX }, () => ({ answered: counter(), failed: counter() })),
      /** Index of the end point that the last request went to. */
      server: counter(),
      /** By end point: UNPROBED, UP or DOWN. */
      probes: Array.from({ length: ETCD_END_POINTS_MAX }, counter),
    },
  };
}

/** Receives the events of the coordinator, its store and its start. */
export interface CoordinatorRecorder
  extends Omit<CoordinatorObserver, 'broken' | 'replaced' | 'displaced'>,
    StoreObserver {
  /** The table is loaded. */
  loaded(seconds: number): void;
  /** Samples the thread, the table and the store. Call it often. */
  now(store: Pick<Store, 'size' | 'room'>): void;
}

/** Updates the counters. Only the coordinator's thread writes them. */
export function recordStats(
  stats: CoordinatorStats,
  table: {
    readonly counts: TableCounts;
    readonly fill: FillCounts;
    readonly marked: number;
    readonly openRounds: number;
  },
): CoordinatorRecorder {
  const { store, etcd } = stats;
  const recordTable = () => {
    const { counts, fill } = table;
    stats.table.clients.value = counts.clients;
    stats.table.clusters.value = counts.clusters;
    stats.table.members.value = counts.members;
    stats.table.fullClusters.value = fill.fullClusters;
    stats.table.seats.value = fill.seats;
    stats.table.marked.value = table.marked;
    stats.rounds.open.value = table.openRounds;
  };
  return {
    now(opened) {
      stats.thread.write(readThreadStats());
      recordTable();
      try {
        store.bytes.value = opened.size();
        store.room.value = opened.room();
      } catch {
        // Keep the last values if the file system gives none. If there is a real failure, the next commit detects it.
      }
    },
    batch(commands, changes, seconds) {
      stats.batchCommands.observe(commands);
      if (changes === 0) return;
      stats.changes.value += changes;
      stats.commitSeconds.observe(seconds);
      recordTable();
    },
    expired(changes) {
      stats.expired.value += changes;
      recordTable();
    },
    round(event) {
      const { rounds } = stats;
      if (event.kind !== 'emptied') rounds[event.kind].value += 1;
      if ('seats' in event) rounds.seats.value += event.seats.length;
      recordTable();
    },
    full(reason) {
      store.full.value = reason === undefined ? 0 : 1;
    },
    unreachable(reason) {
      store.unreachable.value = reason === undefined ? 0 : 1;
    },
    answerable(is) {
      store.unanswerable.value = is ? 0 : 1;
    },
    filled: (seconds) => stats.fillSeconds.observe(seconds),
    synced: (seconds) => store.syncSeconds.observe(seconds),
    loaded(seconds) {
      store.loadSeconds.value = seconds;
    },
    requested(method, seconds, answered, server) {
      etcd.servers[server]![answered ? 'answered' : 'failed'].value += 1;
      etcd.server.value = server;
      if (answered) etcd.requestSeconds[method].observe(seconds);
      else etcd.requestFailures[method].value += 1;
    },
    probed(server, up) {
      etcd.probes[server]!.value = up ? UP : DOWN;
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
