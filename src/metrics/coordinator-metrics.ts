// The coordinator's numbers as metrics of the main thread.
import { Counter, Gauge, type Registry } from 'prom-client';
import type { CoordinatorNumbers } from '../coordinator/coordinator-numbers.ts';
import { monotonicSeconds } from '../thread-readings.ts';
import { PlainHistogram } from './plain-histogram.ts';
import type { Series } from './series.ts';

/** Registers them. `queueLength` says how many commands wait. */
export function coordinatorMetrics(registry: Registry, numbers: CoordinatorNumbers, queueLength: () => number): void {
  const registers = [registry];
  const { table, store } = numbers;
  const counter = (name: string, help: string, read: () => number) =>
    new Counter({
      ...{ name, help, registers },
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      ...{ name, help, registers },
      collect() {
        this.set(read());
      },
    });
  const histogram = (name: string, help: string, series: Series) =>
    new PlainHistogram({ name, help, registers }, [{ labels: {}, series }]);

  gauge(
    'xlreg_coordinator_silent_seconds',
    'Time since the coordinator has told of itself, which it does ten times a second unless it waits for the disk.',
    () => Math.max(0, monotonicSeconds() - numbers.thread.read().at),
  );
  gauge('xlreg_coordinator_queue_commands', 'Commands waiting for the batch under way.', queueLength);
  histogram(
    'xlreg_coordinator_batch_commands',
    'Commands applied together and committed at once.',
    numbers.batchCommands,
  );
  histogram(
    'xlreg_coordinator_commit_seconds',
    'Time to apply a batch that changed something and to commit it, the way to the disk included.',
    numbers.commitSeconds,
  );
  counter('xlreg_coordinator_changes_total', 'Records stored.', () => numbers.changes.value);
  histogram(
    'xlreg_cluster_fill_seconds',
    'Time from the creation of a cluster to its last seat being taken; only of those created since the start.',
    numbers.fillSeconds,
  );
  counter(
    'xlreg_table_expired_total',
    'Clusters and registrations forgotten because their time was up.',
    () => numbers.expired.value,
  );
  counter(
    'xlreg_token_replays_total',
    'Registrations with a token that their client had replaced: it switched back, or somebody replays the token.',
    () => numbers.replayedTokens.value,
  );
  new Gauge({
    name: 'xlreg_table_clusters',
    help: 'Clusters, by whether all their seats are taken.',
    labelNames: ['state'],
    registers,
    collect() {
      this.set({ state: 'full' }, table.fullClusters.value);
      this.set({ state: 'filling' }, table.clusters.value - table.fullClusters.value);
    },
  });
  new Gauge({
    name: 'xlreg_table_seats',
    help: 'Seats of all clusters, by whether a member has taken them.',
    labelNames: ['state'],
    registers,
    collect() {
      this.set({ state: 'filled' }, table.members.value);
      this.set({ state: 'missing' }, table.seats.value - table.members.value);
    },
  });
  new Gauge({
    name: 'xlreg_table_records',
    help: 'Records of the cluster table, by kind.',
    labelNames: ['kind'],
    registers,
    collect() {
      for (const kind of ['clients', 'clusters', 'members'] as const) this.set({ kind }, table[kind].value);
    },
  });
  gauge(
    'xlreg_store_load_seconds',
    'Time it took to load the code of the store, open it and load the table when the process started.',
    () => store.loadSeconds.value,
  );
  histogram(
    'xlreg_store_sync_seconds',
    "Time of a commit's way to the disk: writing its pages, and fsync.",
    store.syncSeconds,
  );
  gauge(
    'xlreg_store_full',
    '1 while the store has no room: what would change the table is refused.',
    () => store.full.value,
  );
  gauge(
    'xlreg_store_unreachable',
    '1 while the store cannot be reached, or the table is behind it: what would change the table is refused.',
    () => store.unreachable.value,
  );
  gauge('xlreg_store_size_bytes', 'Bytes of the store on disk.', () => store.bytes.value);
  gauge(
    'xlreg_store_room_bytes',
    'Bytes the store may still grow by: to its own limit or the end of the disk; +Inf where nothing is on disk.',
    () => store.room.value,
  );
}
