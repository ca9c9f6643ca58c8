// The coordinator's own numbers. They live in its thread, in a registry of its own, which the main thread asks for at
// each scrape.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { CoordinatorObserver } from '../coordinator/coordinator.ts';
import type { FillCounts, TableCounts } from '../registry/table-contents.ts';
import { PlainHistogram } from './plain-histogram.ts';

const BATCH_COMMANDS = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const COMMIT_SECONDS = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
/** From nodes that all start at once to those that somebody starts by hand. */
const FILL_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200];

/** What of the coordinator is read at a scrape. */
export interface CoordinatorReadings {
  queueLength(): number;
  counts(): TableCounts;
  fill(): FillCounts;
  /** On disk, and what it may still grow by. */
  storeBytes(): number;
  storeRoom(): number;
}

/** What the coordinator, its store and its start tell as it happens. */
export interface CoordinatorMetrics extends Omit<CoordinatorObserver, 'broken'> {
  /** A commit's way to the disk took so many seconds. */
  synced(seconds: number): void;
  /** The table took so many seconds to load. */
  loaded(seconds: number): void;
}

/** Registers them and returns what the coordinator tells them. */
export function coordinatorMetrics(registry: Registry, read: CoordinatorReadings): CoordinatorMetrics {
  const registers = [registry];
  const batchCommands = new PlainHistogram(
    {
      name: 'xlreg_coordinator_batch_commands',
      help: 'Commands applied together and committed at once.',
      buckets: BATCH_COMMANDS,
      registers,
    },
    [{}],
  ).at(0);
  const commit = new PlainHistogram(
    {
      name: 'xlreg_coordinator_commit_seconds',
      help: 'Time to apply a batch that changed something and to commit it, the way to the disk included.',
      buckets: COMMIT_SECONDS,
      registers,
    },
    [{}],
  ).at(0);
  const sync = new PlainHistogram(
    {
      name: 'xlreg_store_sync_seconds',
      help: "Time of a commit's way to the disk: writing its pages, and fsync.",
      buckets: COMMIT_SECONDS,
      registers,
    },
    [{}],
  ).at(0);
  const load = new Gauge({
    name: 'xlreg_store_load_seconds',
    help: 'Time it took to open the store and load the table when the process started.',
    registers,
  });
  const fill = new Histogram({
    name: 'xlreg_cluster_fill_seconds',
    help: 'Time from the creation of a cluster to its last seat being taken; only of those created since the start.',
    buckets: FILL_SECONDS,
    registers,
  });
  const changes = new Counter({
    name: 'xlreg_coordinator_changes_total',
    help: 'Records stored.',
    registers,
  });
  const expired = new Counter({
    name: 'xlreg_table_expired_total',
    help: 'Clusters and registrations forgotten because their time was up.',
    registers,
  });
  const full = new Gauge({
    name: 'xlreg_store_full',
    help: '1 while the store has no room: what would change the table is refused.',
    registers,
  });
  const unreachable = new Gauge({
    name: 'xlreg_store_unreachable',
    help: '1 while the store cannot be reached, or the table is behind it: what would change the table is refused.',
    registers,
  });
  new Gauge({
    name: 'xlreg_store_size_bytes',
    help: 'Bytes of the store on disk.',
    registers,
    collect() {
      this.set(read.storeBytes());
    },
  });
  new Gauge({
    name: 'xlreg_store_room_bytes',
    help: 'Bytes the store may still grow by: to its own limit or the end of the disk; +Inf where nothing is on disk.',
    registers,
    collect() {
      this.set(read.storeRoom());
    },
  });
  new Gauge({
    name: 'xlreg_table_clusters',
    help: 'Clusters, by whether all their seats are taken.',
    labelNames: ['state'],
    registers,
    collect() {
      const { fullClusters } = read.fill();
      this.set({ state: 'full' }, fullClusters);
      this.set({ state: 'filling' }, read.counts().clusters - fullClusters);
    },
  });
  new Gauge({
    name: 'xlreg_table_seats',
    help: 'Seats of all clusters, by whether a member has taken them.',
    labelNames: ['state'],
    registers,
    collect() {
      const { members } = read.counts();
      this.set({ state: 'filled' }, members);
      this.set({ state: 'missing' }, read.fill().seats - members);
    },
  });
  new Gauge({
    name: 'xlreg_coordinator_queue_commands',
    help: 'Commands waiting for the batch under way.',
    registers,
    collect() {
      this.set(read.queueLength());
    },
  });
  new Gauge({
    name: 'xlreg_table_records',
    help: 'Records of the cluster table, by kind.',
    labelNames: ['kind'],
    registers,
    collect() {
      for (const [kind, count] of Object.entries(read.counts())) this.set({ kind }, count);
    },
  });
  return {
    batch(commands, changed, commitSeconds) {
      batchCommands.observe(commands);
      if (changed === 0) return;
      changes.inc(changed);
      commit.observe(commitSeconds);
    },
    expired: (changes) => expired.inc(changes),
    full: (reason) => full.set(reason === undefined ? 0 : 1),
    unreachable: (reason) => unreachable.set(reason === undefined ? 0 : 1),
    filled: (seconds) => fill.observe(seconds),
    synced: (seconds) => sync.observe(seconds),
    loaded: (seconds) => load.set(seconds),
  };
}
