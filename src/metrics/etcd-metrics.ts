// Metrics of the etcd store.
import { Counter, Gauge, type Registry } from 'prom-client';
import { type CoordinatorStats, ETCD_METHODS, isEtcdServerUp } from '../coordinator/coordinator-stats.ts';
import { PlainHistogram } from './plain-histogram.ts';

/** Registers the metrics. `servers` are the end points of etcd. */
export function etcdMetrics(registry: Registry, stats: CoordinatorStats, servers: readonly string[]): void {
  const { etcd } = stats;
  const registers = [registry];
  new PlainHistogram(
    {
      name: 'xlreg_store_request_seconds',
      help: 'Time from a request to etcd to its reply, by method.',
      labelNames: ['method'],
      registers,
    },
    ETCD_METHODS.map((method) => ({ labels: { method }, series: etcd.requestSeconds[method] })),
  );
  new Counter({
    name: 'xlreg_store_request_failures_total',
    help: 'Requests to etcd that failed or timed out, by method. They are repeated while there is time.',
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
      help: 'Time of the catch-up before each batch: to ask for the last change, and to wait for the watch.',
      registers,
    },
    [{ labels: {}, series: etcd.catchUpSeconds }],
  );
  new Gauge({
    name: 'xlreg_store_behind_revisions',
    help: 'Revisions that the watch was behind etcd at the last catch-up.',
    registers,
    collect() {
      this.set(etcd.behind.value);
    },
  });
  new Counter({
    name: 'xlreg_store_read_again_total',
    help: 'Times that the whole table was read again, since the watch could not continue or etcd was replaced.',
    registers,
    collect() {
      this.reset();
      this.inc(etcd.readAgain.value);
    },
  });
  new Gauge({
    name: 'xlreg_store_server_up',
    help: '1 for each server of etcd that answered its last probe, even without a leader; 0 for one that did not.',
    labelNames: ['server'],
    registers,
    collect() {
      for (const [index, server] of servers.entries()) {
        const up = isEtcdServerUp(stats, index);
        if (up !== undefined) this.set({ server }, up ? 1 : 0);
      }
    },
  });
}
