// What the registry is doing, for the status page: read from the metrics themselves, so that the page and /metrics cannot
// say different things and nothing is counted twice.
import type { Registry } from 'prom-client';

/** Numbers since the process started, but for those that say how many there are now. */
export interface Activity {
  readonly sessions: {
    /** Now, those before their Hello included. */
    readonly open: number;
    /** Hellos that were answered. */
    readonly started: number;
  };
  /** Messages answered. */
  readonly messages: number;
  /** Private-key operations of Hellos, good or bad. */
  readonly rsa: { readonly operations: number; readonly seconds: number };
  /** In front of the pool, now. */
  readonly waiting: { readonly hellos: number; readonly messages: number };
}

/** Reads them. What is not registered yet, while the registry starts, is 0. */
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
  /** Of a histogram's values only. */
  readonly metricName?: string;
}

async function valuesOf(registry: Registry, name: string): Promise<readonly Value[]> {
  return (await registry.getSingleMetric(name)?.get())?.values ?? [];
}

function sum(values: readonly Value[]): number {
  return values.reduce((total, { value }) => total + value, 0);
}
