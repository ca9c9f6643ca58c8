// What passes between the registry and etcd, where the table is there.
import { Counter, Gauge, type Registry } from 'prom-client';
import { type CoordinatorStats, ETCD_METHODS } from '../coordinator/coordinator-stats.ts';
import { PlainHistogram } from './plain-histogram.ts';

/** Registers them. */
export function etcdMetrics(registry: Registry, { etcd }: CoordinatorStats): void {
  const registers = [registry];
  new PlainHistogram(
    {
      name: 'xlreg_store_request_seconds',
      help: 'Time of a request to etcd until it was answered, by method.',
      labelNames: ['method'],
      registers,
    },
    ETCD_METHODS.map((method) => ({ labels: { method }, series: etcd.requestSeconds[method] })),
  );
  new Counter({
    name: 'xlreg_store_request_failures_total',
    help: 'Requests to etcd that were refused or not answered in time, and made again if there was time, by method.',
    labelNames: ['method'],
    registers,
    collect() {
      this.reset();
      for (const method of ETCD_METHODS) this.inc({ method }, etcd.requestFailures[method].value);
    },
  });
  new PlainHistogram(
    {
      name: 'xlreg_store_catch_up_seconds',
      help: 'Time before each batch to ask etcd for the last change and to wait until the watch has brought it.',
      registers,
    },
    [{ labels: {}, series: etcd.catchUpSeconds }],
  );
  new Gauge({
    name: 'xlreg_store_behind_revisions',
    help: 'Revisions that the watch had to go at the last catching up.',
    registers,
    collect() {
      this.set(etcd.behind.value);
    },
  });
  new Counter({
    name: 'xlreg_store_read_again_total',
    help: 'Times that the whole table was read again, because the watch could not go on or etcd was another than it was.',
    registers,
    collect() {
      this.reset();
      this.inc(etcd.readAgain.value);
    },
  });
}
