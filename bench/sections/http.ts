// The pages for operators and nodes, alone and while Hellos keep the workers busy.
import autocannon from 'autocannon';
import { type ServerProcess, withServer } from '../measure/server-process.ts';
import type { Figure } from '../report/report.ts';
import { closedLoad, warmLoad } from './registry-load.ts';
import type { Section } from './section.ts';

const SECONDS = 3;
const SHARE = 0.7;
const CONNECTIONS_ALONE = 10;
/** Beside Hellos: far more often than any scraper asks, far less than would be a load of its own. */
const REQUESTS_A_SECOND = 50;
const IN_FLIGHT_MAX = 4_096;

export const http: Section = {
  name: 'http',
  question: 'How fast are /regCred.dat, /metrics and /readyz, alone and beside Hellos at 70 % of the highest rate?',
  measure: (scope) =>
    withServer([], async (server) => {
      const seconds = scope.quick ? 1 : SECONDS;
      const pages = pagesOf(server);
      const figures: Figure[] = [];
      for (const [path, url] of pages) {
        const alone = await cannon({ url, connections: CONNECTIONS_ALONE, duration: seconds });
        figures.push(
          { label: `${path} alone: requests a second`, value: alone.requests.average, unit: '/s' },
          { label: '  p99', value: alone.latency.p99, unit: 'ms' },
        );
      }
      const { rate: highest } = await closedLoad(server, 64, scope.amount(4_000), { work: { kind: 'hello' } });
      const rate = highest * SHARE;
      const load = await warmLoad(server, {
        work: { kind: 'hello' },
        arrivals: { mode: 'open', rate, spacing: 'poisson', seed: 1, inFlightMax: IN_FLIGHT_MAX },
        count: Math.ceil(rate * (seconds * pages.length + 1)),
      });
      const hellos = load.run();
      for (const [path, url] of pages) {
        const beside = await cannon({ url, connections: 2, duration: seconds, overallRate: REQUESTS_A_SECOND });
        const label = `${path} beside ${rate.toFixed(0)} Hellos/s: p99`;
        const { p50, p99 } = beside.latency;
        figures.push({ label, value: p99, unit: 'ms', ...(path === '/metrics' && { atMost: 50 }) });
        figures.push({ label: '  p50', value: p50, unit: 'ms' });
      }
      const outcome = await hellos;
      await load.release();
      figures.push(
        { label: 'Hellos meanwhile: p99', value: outcome.latency.percentile(99), unit: 'ms' },
        { label: '  completed', value: outcome.completed, unit: '' },
        { label: '  failed or dropped', value: outcome.failed + outcome.dropped, unit: '' },
      );
      return {
        figures,
        notes: [
          `autocannon: alone ${CONNECTIONS_ALONE} connections as fast as they can, beside Hellos ${REQUESTS_A_SECOND} requests a second.`,
          'autocannon tells whole milliseconds. Hellos: open loop, Poisson, a connection each.',
        ],
      };
    }),
};

function pagesOf({ webUrl, adminUrl }: ServerProcess): readonly (readonly [string, string])[] {
  return [
    ['/regCred.dat', `${webUrl}/regCred.dat`],
    ['/metrics', `${adminUrl}/metrics`],
    ['/readyz', `${adminUrl}/readyz`],
  ];
}

/** Insists that every request is answered with 200. */
async function cannon(options: autocannon.Options): Promise<autocannon.Result> {
  const result = await autocannon(options);
  const bad = result.non2xx + result.errors + result.timeouts;
  if (bad > 0) throw new Error(`${bad} requests of ${options.url} were not answered with 200`);
  return result;
}
