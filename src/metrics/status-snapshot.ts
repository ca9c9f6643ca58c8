// The numbers of the status page, read from the metrics. So the page and /metrics always agree, and nothing is counted
// twice.
import type { Registry } from 'prom-client';

/** Totals since the process started, and present numbers where stated. */
export interface Activity {
  readonly sessions: {
    /** Present number, connections before their Hello included. */
    readonly open: number;
    /** Answered Hellos. */
    readonly started: number;
  };
  /** Answered messages. */
  readonly messages: number;
  /** Private-key operations of Hellos, good or bad. */
  readonly rsa: { readonly operations: number; readonly seconds: number };
  /** Present number of jobs that wait for the pool. */
  readonly waiting: { readonly hellos: number; readonly messages: number };
}

/** Reads the numbers. A metric that is not registered yet reads 0. */
export async function readActivity(registry: Registry): Promise<Activity> {
  const [open, started, messages, stages, waiting] = await Promise.all(
    [
      'xlreg_sessions_open',
      'xlreg_sessions_started_total',
      'xlreg_messages_total',
      'xlreg_stage_seconds',
      'xlreg_pool_queue_frames',
    ].map((name) => valuesOf(registry, name)),
  );
  const rsa = stages!.filter(({ labels }) => labels.stage === 'hello');
  const waits = (kind: string) => sum(waiting!.filter(({ labels }) => labels.kind === kind));
  return {
    sessions: { open: sum(open!), started: sum(started!) },
    messages: sum(messages!),
    rsa: {
      operations: sum(rsa.filter(({ metricName }) => metricName?.endsWith('_count'))),
      seconds: sum(rsa.filter(({ metricName }) => metricName?.endsWith('_sum'))),
    },
    waiting: { hellos: waits('hello'), messages: waits('message') },
  };
}

interface Value {
  readonly value: number;
  readonly labels: Readonly<Partial<Record<string, string | number>>>;
  /** Present in values of histograms only. */
  readonly metricName?: string;
}

async function valuesOf(registry: Registry, name: string): Promise<readonly Value[]> {
  return (await registry.getSingleMetric(name)?.get())?.values ?? [];
}

function sum(values: readonly Value[]): number {
  return values.reduce((total, { value }) => total + value, 0);
}
