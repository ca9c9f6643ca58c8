// Section: latency of the HTTP pages, alone and while Hellos keep the workers busy.
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import autocannon from 'autocannon';
import { machineClock } from '../load/clock.ts';
import { runClosedLoop } from '../load/closed-loop.ts';
import { runOpenLoop } from '../load/open-loop.ts';
import { Tally } from '../load/tally.ts';
import { type ServerProcess, withServer } from '../measure/server-process.ts';
import type { Figure } from '../report/report.ts';
import { closedLoad, turnedAwayFigures, warmLoad } from './registry-load.ts';
import type { Section } from './section.ts';

/** The page with a target is measured longer beside Hellos: its p99 needs more than a hundred replies. */
const JUDGED_PATH = '/metrics';
const [SECONDS, JUDGED_SECONDS] = [2, 4];
const SHARE = 0.7;
const CONNECTIONS_ALONE = 10;
/** Beside Hellos: far more than any scraper sends, far too few to be a load by themselves. */
const REQUESTS_A_SECOND = 50;
const IN_FLIGHT_MAX = 4_096;

/** Requests for `seconds` seconds: in a closed loop, or `rate` a second. */
interface Asking {
  readonly seconds: number;
  readonly rate?: number;
}

/** Replies a second and their latency in milliseconds. Every reply had status 200. */
interface Answers {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
}

export const http: Section = {
  name: 'http',
  question: 'How fast are /regCred.dat, /metrics and /readyz, alone and beside Hellos at 70 % of the highest rate?',
  measure: (scope) =>
    withServer([], async (server) => {
      const seconds = scope.quick ? 1 : SECONDS;
      const secondsBeside = (path: string) => (path === JUDGED_PATH && !scope.quick ? JUDGED_SECONDS : seconds);
      const pages = pagesOf(server);
      const figures: Figure[] = [];
      for (const { path, ask } of pages) {
        const alone = await ask({ seconds });
        figures.push(
          { label: `${path} alone: requests a second`, value: alone.rate, unit: '/s' },
          { label: '  p99', value: alone.p99, unit: 'ms' },
        );
      }
      const { rate: highest } = await closedLoad(server, 64, scope.amount(4_000), { work: { kind: 'hello' } });
      const rate = highest * SHARE;
      const load = await warmLoad(server, {
        work: { kind: 'hello' },
        arrivals: { mode: 'open', rate, spacing: 'poisson', seed: 1, inFlightMax: IN_FLIGHT_MAX },
        count: Math.ceil(rate * pages.reduce((sum, { path }) => sum + secondsBeside(path), 1)),
      });
      const hellos = load.run();
      for (const { path, ask } of pages) {
        const { p50, p99 } = await ask({ seconds: secondsBeside(path), rate: REQUESTS_A_SECOND });
        const label = `${path} beside ${rate.toFixed(0)} Hellos/s: p99`;
        figures.push({ label, value: p99, unit: 'ms', ...(path === JUDGED_PATH && { atMost: 50 }) });
        figures.push({ label: '  p50', value: p50, unit: 'ms' });
      }
      const outcome = await hellos;
      await load.release();
      figures.push(
        { label: 'Hellos meanwhile: p99', value: outcome.latency.percentile(99), unit: 'ms' },
        { label: '  completed', value: outcome.completed, unit: '' },
        { label: '  failed or dropped', value: outcome.failed + outcome.dropped, unit: '' },
        ...turnedAwayFigures(outcome.turnedAway),
      );
      return {
        figures,
        notes: [
          `Alone: closed loop, ${CONNECTIONS_ALONE} connections. Beside Hellos: ${REQUESTS_A_SECOND} requests a second.`,
          'Measured with autocannon, in whole milliseconds. /regCred.dat uses a new connection for each request, because the server closes each.',
          'Hellos: open loop, Poisson arrivals, one connection each.',
        ],
      };
    }),
};

function pagesOf({ webUrl, adminUrl }: ServerProcess) {
  return [
    { path: '/regCred.dat', ask: (asking: Asking) => askByNewConnections(`${webUrl}/regCred.dat`, asking) },
    { path: '/metrics', ask: (asking: Asking) => askByAutocannon(`${adminUrl}/metrics`, asking) },
    { path: '/readyz', ask: (asking: Asking) => askByAutocannon(`${adminUrl}/readyz`, asking) },
  ];
}

async function askByAutocannon(url: string, { seconds, rate }: Asking): Promise<Answers> {
  const pace = rate ? { connections: 2, overallRate: rate } : { connections: CONNECTIONS_ALONE };
  const { requests, latency, non2xx, errors, timeouts } = await autocannon({ url, duration: seconds, ...pace });
  refuseFailures(url, non2xx + errors + timeouts);
  return { rate: requests.average, p50: latency.p50, p99: latency.p99 };
}

/**
 * Measures with a new connection for each request. autocannon's latencies are wrong where the server closes every
 * connection after its reply.
 */
async function askByNewConnections(url: string, { seconds, rate }: Asking): Promise<Answers> {
  const tally = new Tally();
  const run = () => fetchAndClose(url);
  const began = machineClock.now();
  if (rate) {
    const arrivals = { mode: 'open', rate, spacing: 'even', seed: 1, inFlightMax: IN_FLIGHT_MAX } as const;
    await runOpenLoop(arrivals, rate * seconds, run, tally, machineClock);
  } else {
    const arrivals = { mode: 'closed', connections: CONNECTIONS_ALONE, secondsMax: seconds } as const;
    await runClosedLoop(arrivals, Infinity, run, tally, machineClock);
  }
  refuseFailures(url, tally.failed + tally.dropped);
  const passed = (machineClock.now() - began) / 1_000;
  return { rate: tally.completed / passed, p50: tally.latency.percentile(50), p99: tally.latency.percentile(99) };
}

async function fetchAndClose(url: string): Promise<void> {
  const request = get(url, { agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`answered with ${response.statusCode}`);
  response.resume();
  await once(response, 'end');
}

function refuseFailures(url: string, failed: number): void {
  if (failed > 0) throw new Error(`${failed} requests to ${url} did not get status 200`);
}
