// Section: latency of a session at given rates, and the main thread's event loop delay meanwhile.
import type { LoadPart } from '../load/generator.ts';
import type { LoadWithCpu } from '../load/load-and-cpu.ts';
import { type ServerProcess, withServer } from '../measure/server-process.ts';
import { closedLoad, FULL, runLoad, steadyServer, turnedAwayFigures, warmLoad } from './registry-load.ts';
import type { Section } from './section.ts';

const SHARES = [0.3, 0.5, 0.7, 0.9];
const JUDGED_SHARE = 0.7;
/** The share with a target is measured longer: its event loop delay is sampled only 50 times a second. */
const [SECONDS, JUDGED_SECONDS] = [2, 6];
const IN_FLIGHT_MAX = 4_096;

export const latency: Section = {
  name: 'latency',
  question: 'How long does a session take at 30, 50, 70 and 90 % of the highest rate?',
  measure: (scope) =>
    withServer([], async (server) => {
      // A server that still gets faster would not stay at 70 % of its highest rate.
      await steadyServer(server, scope);
      const highest = (await closedLoad(server, 128, scope.amount(3_000))).rate;
      const at = new Map<number, { outcome: LoadWithCpu; lagMs: number }>();
      const part = (share: number): LoadPart => {
        const rate = highest * share;
        return {
          arrivals: { mode: 'open', rate, spacing: 'poisson', seed: 1, inFlightMax: IN_FLIGHT_MAX },
          count: Math.ceil(rate * scope.amount(share === JUDGED_SHARE ? JUDGED_SECONDS : SECONDS)),
        };
      };
      const load = await warmLoad(server, { work: FULL, ...part(JUDGED_SHARE) });
      for (const share of SHARES) {
        const before = await server.eventLoopDelays();
        const outcome = await runLoad(load, part(share));
        at.set(share, { outcome, lagMs: delayP99Ms(before, await server.eventLoopDelays()) });
      }
      await load.release();
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
          { label: '  arrivals a second', value: highest * JUDGED_SHARE, unit: '/s' },
          { label: '  completed sessions a second', value: outcome.rate, unit: '/s' },
          { label: '  generator late, p99', value: outcome.lateness.percentile(99), unit: 'ms' },
          { label: '  arrivals dropped', value: outcome.dropped, unit: '' },
          ...turnedAwayFigures(outcome.turnedAway),
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
          `Open loop, Poisson arrivals, ${SECONDS} s each, ${JUDGED_SECONDS} s at 70 %, TCP, prefixed, durable. Latency counts from the intended start.`,
          'Event loop delay: xlreg_thread_event_loop_delay_seconds of /metrics, interpolated within buckets as Prometheus does.',
        ],
      };
    }),
};

type Delays = Awaited<ReturnType<ServerProcess['eventLoopDelays']>>;

/** The p99 in milliseconds between two readings of the histogram, interpolated linearly within a bucket. */
function delayP99Ms(before: Delays, after: Delays): number {
  const counts = after.map(([atMost, times], i) => [atMost, times - before[i]![1]] as const);
  const wanted = counts.at(-1)![1] * 0.99;
  const bucket = counts.findIndex(([, times]) => times >= wanted);
  const [upper, times] = counts[bucket]!;
  const [lower, timesBelow] = counts[bucket - 1] ?? [0, 0];
  if (upper === Infinity) return lower * 1_000;
  return (lower + ((upper - lower) * (wanted - timesBelow)) / (times - timesBelow || 1)) * 1_000;
}
