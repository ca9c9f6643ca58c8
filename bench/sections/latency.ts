// How long a session takes at a given rate, and what the main thread's event loop is late by meanwhile.
import type { LoadWithCpu } from '../load/load-and-cpu.ts';
import { type ServerProcess, withServer } from '../measure/server-process.ts';
import { closedLoad, FULL, runLoad, warmLoad } from './registry-load.ts';
import type { Section } from './section.ts';

const SHARES = [0.3, 0.5, 0.7, 0.9];
const JUDGED_SHARE = 0.7;
const SECONDS = 4;
const IN_FLIGHT_MAX = 4_096;
/** `nodejs_eventloop_lag_*` are of a timer that is to fire so often, its period included, since the last scrape. */
const LAG_PERIOD_MS = 10;

export const latency: Section = {
  name: 'latency',
  question: 'How long does a session take at 30, 50, 70 and 90 % of the highest rate?',
  measure: (scope) =>
    withServer([], async (server) => {
      const highest = (await closedLoad(server, 128, scope.amount(3_000))).rate;
      const at = new Map<number, { outcome: LoadWithCpu; lagMs: number }>();
      for (const share of SHARES) {
        const rate = highest * share;
        const load = await warmLoad(server, {
          work: FULL,
          arrivals: { mode: 'open', rate, spacing: 'poisson', seed: 1, inFlightMax: IN_FLIGHT_MAX },
          count: Math.ceil(rate * scope.amount(SECONDS)),
        });
        // What has been late until now does not count.
        await eventLoopLagMs(server);
        const outcome = await runLoad(load);
        await load.release();
        at.set(share, { outcome, lagMs: await eventLoopLagMs(server) });
      }
      const judged = at.get(JUDGED_SHARE)!;
      const { outcome } = judged;
      const [p50, p99] = [outcome.latency.percentile(50), outcome.latency.percentile(99)];
      const curve = (percent: number) =>
        [...at].map(([share, { outcome }]) => [share * 100, outcome.latency.percentile(percent)] as const);
      return {
        figures: [
          { label: 'highest rate (closed loop, 128 connections)', value: highest, unit: '/s' },
          { label: 'p99 ÷ p50 at 70 %', value: p99 / p50, unit: '', atMost: 5 },
          { label: '  p50', value: p50, unit: 'ms' },
          { label: '  p99', value: p99, unit: 'ms' },
          { label: '  arrivals a second, as asked', value: highest * JUDGED_SHARE, unit: '/s' },
          { label: '  sessions a second, as completed', value: outcome.rate, unit: '/s' },
          { label: '  generator late, p99', value: outcome.lateness.percentile(99), unit: 'ms' },
          { label: '  arrivals dropped', value: outcome.dropped, unit: '' },
          { label: 'event loop delay of the main thread at 70 %, p99', value: judged.lagMs, unit: 'ms', atMost: 5 },
        ],
        plots: [
          {
            title: 'Latency of a full session, from its intended start',
            xLabel: '% of the highest rate',
            yLabel: 'ms',
            series: [
              { label: 'p50', points: curve(50) },
              { label: 'p99', points: curve(99) },
            ],
          },
        ],
        notes: [
          `Open loop, Poisson arrivals, ${SECONDS} s each, TCP, prefixed, durable. Latency counts from the intended start.`,
          'Event loop delay: nodejs_eventloop_lag_p99_seconds of /metrics, less the 10 ms of its timer.',
        ],
      };
    }),
};

/** Since the last scrape. */
async function eventLoopLagMs(server: ServerProcess): Promise<number> {
  const seconds = await server.metric('nodejs_eventloop_lag_p99_seconds');
  return Math.max(0, seconds * 1_000 - LAG_PERIOD_MS);
}
