// The process as a whole, under the names that Prometheus has for what every process has.
import { readFileSync } from 'node:fs';
import { Counter, Gauge, type Registry } from 'prom-client';

/** Registers them. */
export function processMetrics(registry: Registry): void {
  const registers = [registry];
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time of the process, in user mode and in the kernel, all threads together.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Memory of the process that is resident, what it shares and its table of clusters included.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'When the process started, in seconds since 1970.',
    registers,
  }).set(performance.timeOrigin / 1000);
  const filesMax = openFilesMax();
  if (filesMax === undefined) return;
  new Gauge({
    name: 'process_max_fds',
    help: 'Files and sockets that the process may have open; connections are kept below it.',
    registers,
  }).set(filesMax);
}

/** The soft limit; undefined where there is none or the system does not tell. */
function openFilesMax(): number | undefined {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'ascii'))?.[1];
    return limit === undefined ? undefined : Number(limit);
  } catch {
    return undefined;
  }
}
