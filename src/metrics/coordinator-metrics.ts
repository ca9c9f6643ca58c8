// Metrics of the coordinator, read by the main thread from shared memory.
import type { Registry } from 'prom-client';
import type { CoordinatorStats } from '../coordinator/coordinator-stats.ts';
import { monotonicSeconds } from '../runtime/thread-stats.ts';
import { ScrapedMetrics } from './scraped-metrics.ts';

/** Registers the metrics. `queueLength` returns the number of waiting commands. */
export function coordinatorMetrics(registry: Registry, stats: CoordinatorStats, queueLength: () => number): void {
  const metrics = new ScrapedMetrics(registry);
  batchMetrics(metrics, stats, queueLength);
  tableMetrics(metrics, stats);
  roundMetrics(metrics, stats);
  storeMetrics(metrics, stats);
}

function batchMetrics(metrics: ScrapedMetrics, stats: CoordinatorStats, queueLength: () => number): void {
  metrics.gauge(
    'xlreg_coordinator_silent_seconds',
    'Time since the coordinator last wrote its stats. It writes them ten times a second unless it waits for the disk.',
    () => Math.max(0, monotonicSeconds() - stats.thread.read().at),
  );
  metrics.gauge('xlreg_coordinator_queue_commands', 'Commands waiting for the next batch.', queueLength);
  metrics.histogram(
    'xlreg_coordinator_batch_commands',
    'Commands applied and committed together.',
    stats.batchCommands,
  );
  metrics.histogram(
    'xlreg_coordinator_commit_seconds',
    'Time to apply and commit a batch with changes, disk included.',
    stats.commitSeconds,
  );
  metrics.counter('xlreg_coordinator_changes_total', 'Records stored.', () => stats.changes.value);
  metrics.counter(
    'xlreg_token_replays_total',
    'Registrations with a token that the client had replaced: it switched back, or somebody replays the token.',
    () => stats.replayedTokens.value,
  );
  metrics.counter(
    'xlreg_ids_displaced_total',
    'Registrations that lost their ID to the key that the ID certifies.',
    () => stats.displaced.value,
  );
}

function tableMetrics(metrics: ScrapedMetrics, { table, fillSeconds, expired }: CoordinatorStats): void {
  metrics.histogram(
    'xlreg_cluster_fill_seconds',
    'Time from the creation of a cluster to its last seat being taken, for clusters created since the start.',
    fillSeconds,
  );
  metrics.counter(
    'xlreg_table_expired_total',
    'Clusters and registrations removed because they expired.',
    () => expired.value,
  );
  metrics.gauges('xlreg_table_clusters', 'Clusters, by whether all their seats are taken.', ['state'], () => [
    [{ state: 'full' }, table.fullClusters.value],
    [{ state: 'filling' }, table.clusters.value - table.fullClusters.value],
  ]);
  metrics.gauges('xlreg_table_seats', 'Seats of all clusters, by whether a member has taken them.', ['state'], () => [
    [{ state: 'filled' }, table.members.value],
    [{ state: 'missing' }, table.seats.value - table.members.value],
  ]);
  metrics.gauges('xlreg_table_records', 'Records of the table, by kind.', ['kind'], () =>
    (['clients', 'clusters', 'members'] as const).map((kind) => [{ kind }, table[kind].value] as const),
  );
  metrics.gauge(
    'xlreg_table_marked_clients',
    'Clients that have registered through the sealed dialect: the others are closed to their ID and SigKey.',
    () => table.marked.value,
  );
}

function roundMetrics(metrics: ScrapedMetrics, { rounds }: CoordinatorStats): void {
  metrics.gauge(
    'xlreg_rounds_open',
    'Full clusters whose members have to confirm before they are complete.',
    () => rounds.open.value,
  );
  metrics.counter('xlreg_rounds_begun_total', 'Rounds that this server has begun.', () => rounds.begun.value);
  metrics.counter(
    'xlreg_rounds_completed_total',
    'Clusters that this server has found complete and that have a stored epoch.',
    () => rounds.completed.value,
  );
  metrics.counter(
    'xlreg_rounds_expired_total',
    'Rounds that this server has ended because members had not confirmed in time.',
    () => rounds.expired.value,
  );
  metrics.counter(
    'xlreg_round_seats_removed_total',
    'Seats of members that had not confirmed in time, emptied by this server.',
    () => rounds.seats.value,
  );
}

function storeMetrics(metrics: ScrapedMetrics, { store }: CoordinatorStats): void {
  metrics.gauge(
    'xlreg_store_load_seconds',
    'Time to load the code of the store, open it and load the table when the process started.',
    () => store.loadSeconds.value,
  );
  metrics.histogram(
    'xlreg_store_sync_seconds',
    'Time of a commit to write its pages to the disk and fsync them.',
    store.syncSeconds,
  );
  metrics.gauge(
    'xlreg_store_full',
    '1 while the store has no room: changes of the table are refused.',
    () => store.full.value,
  );
  metrics.gauge(
    'xlreg_store_unreachable',
    '1 while the store cannot be reached, or the table is behind it: changes of the table are refused.',
    () => store.unreachable.value,
  );
  metrics.gauge('xlreg_store_size_bytes', 'Bytes of the store on disk.', () => store.bytes.value);
  metrics.gauge(
    'xlreg_store_room_bytes',
    'Bytes the store may still grow by, to its own limit or the end of the disk; +Inf where nothing is on disk.',
    () => store.room.value,
  );
}
