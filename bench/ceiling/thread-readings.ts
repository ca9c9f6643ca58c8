// Reads from /metrics how much CPU time each thread has had, and how many sessions each front end has served.

export interface ThreadReadings {
  readonly cpuSeconds: ReadonlyMap<string, number>;
  /** By front end. */
  readonly started: readonly number[];
}

/** Threads write their CPU time ten times a second, so the readings wait for the next ones. */
const SETTLE_MS = 300;

/** Reads the metrics of a server at rest. */
export async function readThreads(adminUrl: string): Promise<ThreadReadings> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const page = await (await fetch(`${adminUrl}/metrics`)).text();
  return parseThreads(page);
}

/** Parses a page of metrics. */
export function parseThreads(page: string): ThreadReadings {
  const cpu = page.matchAll(/^xlreg_thread_cpu_seconds_total\{thread="([^"]+)"\} (\S+)$/gm);
  const started = page.matchAll(/^xlreg_front_sessions_started_total\{front="(\d+)"\} (\S+)$/gm);
  return {
    cpuSeconds: new Map([...cpu].map(([, thread, seconds]) => [thread!, Number(seconds)])),
    started: [...started].map(([, , count]) => Number(count)),
  };
}
