// docs/reference/metrics.md: every metric, from the code that registers it.
import { Registry } from 'prom-client';
import { coordinatorStats, newStatsMemory } from '../../src/coordinator/coordinator-stats.ts';
import { adminMetrics } from '../../src/metrics/admin-metrics.ts';
import { admissionMetrics } from '../../src/metrics/admission-metrics.ts';
import { auditMetrics } from '../../src/metrics/audit-metrics.ts';
import { backupMetrics } from '../../src/metrics/backup-metrics.ts';
import { buildMetrics } from '../../src/metrics/build-metrics.ts';
import { certificateMetrics } from '../../src/metrics/certificate-metrics.ts';
import { coordinatorMetrics } from '../../src/metrics/coordinator-metrics.ts';
import { etcdMetrics } from '../../src/metrics/etcd-metrics.ts';
import { frontMetrics } from '../../src/metrics/front-metrics.ts';
import { FrontStats, newFrontStatsMemory } from '../../src/metrics/front-stats.ts';
import { logMetrics } from '../../src/metrics/log-metrics.ts';
import { poolMetrics } from '../../src/metrics/pool-metrics.ts';
import { processMetrics } from '../../src/metrics/process-metrics.ts';
import { readinessMetrics } from '../../src/metrics/readiness-metrics.ts';
import { ReloadMetrics } from '../../src/metrics/reload-metrics.ts';
import { sessionMetrics } from '../../src/metrics/session-metrics.ts';
import { threadMetrics } from '../../src/metrics/thread-metrics.ts';
import { waitMetrics } from '../../src/metrics/wait-metrics.ts';
import { LOOP_DELAY_SECONDS } from '../../src/runtime/loop-delay.ts';
import { readinessChecks } from '../../src/server/health.ts';
import { HistogramBuckets } from '../../src/shared-memory/histogram-buckets.ts';
import { code, GENERATED, table } from './markdown.ts';

interface Metric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: ReadonlyMap<string, ReadonlySet<string>>;
}

export async function metricsPage(): Promise<string> {
  const [metrics, etcd] = [await describe(registerAll), await describe(registerEtcd)];
  return `# Metrics

${GENERATED}

\`/metrics\` of the admin port is in the text format of Prometheus. A scrape waits for no other
thread. The coordinator, the workers and further front ends record their state ten times a second;
\`xlreg_coordinator_silent_seconds\` is the age of the coordinator's record. No label has a value that
a peer chooses. The [dashboards and alert rules](../../grafana) use these metrics.

${metricTable(metrics)}
With \`--store etcd:…\` also:

${metricTable(etcd)}
## Values of labels

\`thread\` is \`main\`, \`front-N\`, \`coordinator\` or \`worker-N\`; front end 0 lives in \`main\`. On
Linux all but \`main\` bear these names in \`top -H\` and \`perf\`, too. \`end\` has the values of
\`fault\`, \`refusal\` and \`cause\`, and these:

| end | meaning |
| --- | --- |
| \`bye\` | the client said Bye |
| \`peer-closed\` | the peer closed the connection |
| \`idle\` | no message came within the idle deadline |
| \`write-timeout\` | the peer did not take a reply in time |
| \`overload\` | the queue of Hellos or messages was full |
| \`worker-failed\` | the worker with the connection's job failed |
| \`front-failed\` | the thread of the connection's front end failed |
| \`stopped\` | the server stopped |

[Limits](limits.md) has the setting of each cause.

${table(['label', 'of', 'values'], [...labelRows(metrics), ...labelRows(etcd)])}`;
}

function registerAll(registry: Registry): void {
  const delays = new HistogramBuckets(LOOP_DELAY_SECONDS);
  const idle = { tableLoaded: false, storeFull: false, storeUnreachable: false, listening: false, draining: false };
  processMetrics(registry);
  buildMetrics(registry, { version: '', node: '', platform: '', store: '' });
  certificateMetrics(registry, []);
  backupMetrics(registry, undefined);
  logMetrics(registry, () => 0);
  readinessMetrics(registry, () => readinessChecks({ ...idle, coordinator: undefined, pool: undefined }));
  new ReloadMetrics(registry);
  adminMetrics(registry, () => ({ open: 0, dropped: 0 }));
  const counts = () => ({ connections: 0, addresses: 0 });
  admissionMetrics(registry, () => 0, counts, { total: () => 0 });
  auditMetrics(
    registry,
    () => ({ written: 0, lost: 0 }),
    () => undefined,
  );
  const front = new FrontStats(newFrontStatsMemory());
  sessionMetrics(registry, [front.sessions]);
  frontMetrics(registry, [front.sessions], () => 0);
  poolMetrics(registry, [front.pool], () => [front.state.queueLengths]);
  waitMetrics(registry, () => [front.state.waits]);
  coordinatorMetrics(registry, coordinatorStats(newStatsMemory()), () => 0);
  threadMetrics(registry, { stats: () => [], loopDelays: { main: delays, coordinator: delays } });
}

function registerEtcd(registry: Registry): void {
  etcdMetrics(registry, coordinatorStats(newStatsMemory()), []);
}

async function describe(register: (registry: Registry) => void): Promise<Metric[]> {
  const registry = new Registry();
  register(registry);
  const collected = await registry.getMetricsAsJSON();
  const metrics = registry.getMetricsAsArray() as unknown as readonly { name: string; labelNames?: string[] }[];
  const described = collected.map(({ name, type, help, values }) => {
    const labelNames = metrics.find((metric) => metric.name === name)?.labelNames ?? [];
    const valuesOf = (label: string) =>
      new Set(values.flatMap(({ labels }) => (label in labels ? [String(labels[label])] : [])));
    return { name, type: String(type), help, labels: new Map(labelNames.map((label) => [label, valuesOf(label)])) };
  });
  return described.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function metricTable(metrics: readonly Metric[]): string {
  const rows = metrics.map(({ name, type, help, labels }) => [
    ...[code(name), type, [...labels.keys()].map(code).join(', ')],
    help,
  ]);
  return table(['metric', 'type', 'labels', 'meaning'], rows);
}

/** Labels with the same values are one row, with all the metrics that have them. */
function labelRows(metrics: readonly Metric[]): string[][] {
  const rows = new Map<string, { label: string; of: string[]; values: string }>();
  for (const { name, labels } of metrics) {
    for (const [label, found] of labels) {
      const values = [...found].map(code).join(', ');
      if (label === 'thread' || values === '') continue;
      const row = rows.get(`${label} ${values}`) ?? { label, of: [], values };
      row.of.push(code(name));
      rows.set(`${label} ${values}`, row);
    }
  }
  return [...rows.values()].map(({ label, of, values }) => [code(label), of.join(', '), values]);
}
