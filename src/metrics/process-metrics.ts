// Metrics of the process, under Prometheus' standard names.
import { readFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { Counter, Gauge, type Registry } from 'prom-client';

const FILES = '/proc/self/fd';

/** Registers the metrics. */
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
    help: 'Resident memory of the process, shared memory and the table included.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'Start of the process, in seconds since 1970.',
    registers,
  }).set(performance.timeOrigin / 1000);
  new Gauge({
    name: 'process_open_fds',
    help: 'Open files and sockets of the process.',
    registers,
    async collect() {
      const files = await openFiles();
      if (files !== undefined) this.set(files);
    },
  });
  const filesMax = openFilesMax();
  if (filesMax === undefined) return;
  new Gauge({
    name: 'process_max_fds',
    help: 'Maximum number of open files and sockets. Connections are kept below it.',
    registers,
  }).set(filesMax);
}

/**
 * The number of open files; undefined without /proc. Linux gives it as the size of the directory since 6.2. Before, the
 * names have to be read, which takes some milliseconds of another thread for each 10,000.
 */
async function openFiles(): Promise<number | undefined> {
  try {
    const { size } = await stat(FILES);
    // The descriptor that reads the directory is one of the names.
    return size > 0 ? size : (await readdir(FILES)).length - 1;
  } catch {
    return undefined;
  }
}

/** The soft limit; undefined without /proc or without a limit. */
function openFilesMax(): number | undefined {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'ascii'))?.[1];
    return limit === undefined ? undefined : Number(limit);
  } catch {
    return undefined;
  }
}
