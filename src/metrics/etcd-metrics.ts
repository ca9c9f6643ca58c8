// Metrics of the etcd store.
import { Counter, Gauge, type Registry } from 'prom-client';
import { type CoordinatorStats, ETCD_METHODS, isEtcdServerUp } from '../coordinator/coordinator-stats.ts';
import { PlainHistogram } from './plain-histogram.ts';
import { ScrapedMetrics } from './scraped-metrics.ts';

/** Registers the metrics. `endPoints` are those of the settings, and bound the label `server`; empty without etcd. */
export function etcdMetrics(registry: Registry, stats: CoordinatorStats, endPoints: readonly string[]): void {
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
  serverMetrics(new ScrapedMetrics(registry), etcd, endPoints);
  new Gauge({
    name: 'xlreg_store_server_up',
    help: '1 for each server of etcd that answered its last probe, even without a leader; 0 for one that did not.',
    labelNames: ['server'],
    registers,
    collect() {
      for (const [index, server] of endPoints.entries()) {
        const up = isEtcdServerUp(stats, index);
        if (up !== undefined) this.set({ server }, up ? 1 : 0);
      }
    },
  });
}

function serverMetrics(metrics: ScrapedMetrics, etcd: CoordinatorStats['etcd'], endPoints: readonly string[]): void {
  metrics.counters(
    'xlreg_store_server_requests_total',
    'Requests to each server of etcd, by result: answered, or failed, which includes timeouts.',
    ['server', 'result'],
    () =>
      endPoints.flatMap((server, at) =>
        (['answered', 'failed'] as const).map(
          (result) => [{ server, result }, etcd.servers[at]![result].value] as const,
        ),
      ),
  );
  metrics.gauges(
    'xlreg_store_server_in_use',
    '1 for the server of etcd that the last request went to, 0 for the others. A failed request goes to the next.',
    ['server'],
    () => endPoints.map((server, at) => [{ server }, etcd.server.value === at ? 1 : 0] as const),
  );
}
