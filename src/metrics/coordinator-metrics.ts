// The coordinator's own numbers. They live in its thread, in a registry of its own, which the main thread asks for at
// each scrape.
import { readFileSync } from 'node:fs';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { CoordinatorObserver } from '../coordinator/coordinator.ts';
import type { TableCounts } from '../registry/cluster-table.ts';

const BATCH_COMMANDS = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const COMMIT_SECONDS = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];

/** What of the coordinator is read at a scrape. */
export interface CoordinatorReadings {
  queueLength(): number;
  counts(): TableCounts;
  /** On disk. */
  storeBytes(): number;
}

/** Registers them and returns what the coordinator tells them. */
export function coordinatorMetrics(registry: Registry, read: CoordinatorReadings): Omit<CoordinatorObserver, 'broken'> {
  const registers = [registry];
  const batchCommands = new Histogram({
    name: 'xlreg_coordinator_batch_commands',
    help: 'Commands applied together and committed at once.',
    buckets: BATCH_COMMANDS,
    registers,
  });
  const commit = new Histogram({
    name: 'xlreg_coordinator_commit_seconds',
    help: 'Time of the commits of a batch that changed something.',
    buckets: COMMIT_SECONDS,
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
  new Counter({
    name: 'xlreg_coordinator_cpu_seconds_total',
    help: 'CPU time of the coordinator thread, in user mode and in the kernel; only where there is /proc.',
    registers,
    collect() {
      this.reset();
      this.inc(threadCpuSeconds());
    },
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
  };
}

/** Kernel clock ticks a second: what /proc counts CPU time in, on every Linux there is. */
const TICKS_PER_SECOND = 100;

/** Of the thread that calls; 0 where the system does not tell. */
function threadCpuSeconds(): number {
  try {
    const stat = readFileSync('/proc/thread-self/stat', 'ascii');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}
