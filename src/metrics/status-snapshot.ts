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
  /** Requests refused, by refusal. Refusals that never happened are left out. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Connections closed by a limit, by cause. Causes that never happened are left out. */
  readonly drops: Readonly<Record<string, number>>;
  readonly store: {
    /** Present size on disk. */
    readonly bytes: number;
    /** Bytes that the store may still grow by; null if that is not known. */
    readonly room: number | null;
    readonly commits: { readonly count: number; readonly seconds: number };
    /** The servers of etcd that have been probed; none for other stores. */
    readonly servers: readonly { readonly endPoint: string; readonly up: boolean }[];
  };
}

/** Names of the metrics that are read, by their place in Activity. */
const METRICS = {
  open: 'xlreg_sessions_open',
  started: 'xlreg_sessions_started_total',
  messages: 'xlreg_messages_total',
  stages: 'xlreg_stage_seconds',
  waiting: 'xlreg_pool_queue_frames',
  refusals: 'xlreg_refusals_total',
  drops: 'xlreg_admission_drops_total',
  bytes: 'xlreg_store_size_bytes',
  room: 'xlreg_store_room_bytes',
  commits: 'xlreg_coordinator_commit_seconds',
  servers: 'xlreg_store_server_up',
} as const;

/** Reads the numbers. A metric that is not registered yet reads 0. */
export async function readActivity(registry: Registry): Promise<Activity> {
  const read = await Promise.all(
    Object.entries(METRICS).map(async ([key, name]) => [key, await valuesOf(registry, name)] as const),
  );
  const values = Object.fromEntries(read) as Record<keyof typeof METRICS, readonly Value[]>;
  const waits = (kind: string) => sum(values.waiting.filter(({ labels }) => labels.kind === kind));
  const rsa = totalsOf(values.stages.filter(({ labels }) => labels.stage === 'hello'));
  const room = sum(values.room);
  return {
    sessions: { open: sum(values.open), started: sum(values.started) },
    messages: sum(values.messages),
    rsa: { operations: rsa.count, seconds: rsa.seconds },
    waiting: { hellos: waits('hello'), messages: waits('message') },
    refusals: happened(values.refusals, 'refusal'),
    drops: happened(values.drops, 'cause'),
    store: {
      bytes: sum(values.bytes),
      room: Number.isFinite(room) ? room : null,
      commits: totalsOf(values.commits),
      servers: values.servers.map(({ labels, value }) => ({ endPoint: String(labels.server), up: value === 1 })),
    },
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

/** The count and sum of a histogram's values. */
function totalsOf(values: readonly Value[]): { count: number; seconds: number } {
  const of = (suffix: string) => sum(values.filter(({ metricName }) => metricName?.endsWith(suffix)));
  return { count: of('_count'), seconds: of('_sum') };
}

/** The counts above 0, by the value of their label. */
function happened(values: readonly Value[], label: string): Record<string, number> {
  return Object.fromEntries(
    values.filter(({ value }) => value > 0).map(({ labels, value }) => [String(labels[label]), value]),
  );
}
