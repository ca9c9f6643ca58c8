// Sections: the cost of a session as the table, the workers or the clusters grow.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoadWithCpu, PreparedLoad } from '../load/load-and-cpu.ts';
import { ServerProcess, withServer } from '../measure/server-process.ts';
import type { Figure } from '../report/report.ts';
import { fillTable } from '../store/fill-table.ts';
import { closedLoad, FULL, runInTurns, steadyServer, turnedAwayFigures, warmLoad } from './registry-load.ts';
import type { Scope, Section } from './section.ts';

const CONNECTIONS = 64;
/** Rounds for figures with a target, for the others, and for a size requested by --members. */
const [ROUNDS, ROUNDS_UNJUDGED, ROUNDS_LONG] = [8, 4, 16];
/** Many short turns: fresh servers keep getting faster, and the machine's speed varies. */
const SESSIONS_A_ROUND = 300;
/** Upper bound of a turn, for busy machines. */
const SECONDS_A_ROUND_MAX = 0.5;
/** Sessions to warm up before the turns, and sessions for each cluster size. */
const SESSIONS = 600;
const TABLE_SIZES = [10_000, 100_000];
const WORKERS = [1, 2, 4];
const CLUSTER_SIZES = [2, 8, 32, 64];

export const tableSize: Section = {
  name: 'table-size',
  question: 'Does a session cost more in a large table?',
  async measure(scope) {
    const wanted = [...TABLE_SIZES, ...(scope.members === undefined ? [] : [scope.members])];
    const sizes = [...new Set(wanted.map((size) => scope.amount(size)))].sort((a, b) => a - b);
    const directories: string[] = [];
    try {
      const servers: ServerProcess[] = [];
      for (const size of sizes) {
        const directory = await mkdtemp(join(tmpdir(), 'xlreg-bench-'));
        directories.push(directory);
        servers.push(await startWithTable(directory, size));
      }
      const costs = await costsOf(servers, scope.members === undefined ? ROUNDS : ROUNDS_LONG, scope);
      const largest = sizes.length - 1;
      return {
        figures: [
          {
            label: `CPU of a session, ${sizes[largest]!.toLocaleString('en-US')} members ÷ ${sizes[0]!.toLocaleString('en-US')}`,
            value: costs[largest]!.cpu / costs[0]!.cpu,
            unit: '',
            atMost: 1.1,
          },
          ...sizes.map((size, i): Figure => {
            return { label: `  with ${size.toLocaleString('en-US')} members`, value: costs[i]!.cpu, unit: 'us' };
          }),
        ],
        plots: [
          {
            title: 'CPU of a session by the size of the table',
            xLabel: 'members in the table',
            yLabel: 'us of the server',
            series: [{ label: 'CPU', points: sizes.map((size, i) => [size, costs[i]!.cpu] as const) }],
          },
        ],
        notes: [
          'The servers run concurrently and take the load in turns. --members 1000000 adds a size and a longer warm-up.',
        ],
      };
    } finally {
      for (const directory of directories) await rm(directory, { recursive: true });
    }
  },
};

export const workers: Section = {
  name: 'workers',
  question: 'How do throughput and CPU of a session change with more workers?',
  async measure(scope) {
    const servers: ServerProcess[] = [];
    for (const count of WORKERS) servers.push(await ServerProcess.start(['--workers', String(count)]));
    const costs = await costsOf(servers, ROUNDS_UNJUDGED, scope);
    const curve = (of: 'cpu' | 'rate') => WORKERS.map((count, i) => [count, costs[i]![of]] as const);
    return {
      figures: WORKERS.flatMap((count, i): Figure[] => [
        { label: `CPU of a session, ${count} workers`, value: costs[i]!.cpu, unit: 'us' },
        { label: '  sessions a second', value: costs[i]!.rate, unit: '/s' },
        ...turnedAwayFigures(costs[i]!.turnedAway),
      ]),
      plots: [
        {
          title: 'CPU of a session by workers',
          xLabel: 'workers',
          yLabel: 'us of the server',
          series: [{ label: 'CPU', points: curve('cpu') }],
        },
        {
          title: 'Sessions a second by workers; the generator shares the cores',
          xLabel: 'workers',
          yLabel: 'sessions/s',
          series: [{ label: 'rate', points: curve('rate') }],
        },
      ],
      notes: ['More workers than cores gain nothing. The load generator needs a core too.'],
    };
  },
};

export const clusterSize: Section = {
  name: 'cluster-size',
  question: 'How much more does a session cost in larger clusters with longer rosters?',
  measure: (scope) =>
    withServer([], async (server) => {
      const costs: LoadWithCpu[] = [];
      for (const size of CLUSTER_SIZES) {
        const work = { kind: 'full', clusterSize: size, members: 'new' } as const;
        costs.push(await closedLoad(server, CONNECTIONS, scope.amount(SESSIONS), { work }));
      }
      return {
        figures: CLUSTER_SIZES.map((size, i): Figure => {
          return { label: `CPU of a session, clusters of ${size}`, value: costs[i]!.cpu, unit: 'us' };
        }),
        plots: [
          {
            title: 'CPU of a session by the size of its cluster',
            xLabel: 'members of a cluster',
            yLabel: 'us of the server',
            series: [{ label: 'CPU', points: CLUSTER_SIZES.map((size, i) => [size, costs[i]!.cpu] as const) }],
          },
        ],
        notes: [
          'Over TCP a reply has at most 16 KB. A roster of 32 does not fit, so one GetCluster fetches only a part.',
        ],
      };
    }),
};

async function startWithTable(directory: string, members: number): Promise<ServerProcess> {
  // The first start creates the registry whose ID the table needs.
  const first = await ServerProcess.start([], directory);
  const registryId = Buffer.from(first.regCred.id).toString('hex');
  await first.stop();
  await fillTable(directory, registryId, members);
  return ServerProcess.start([], directory);
}

/** Measures the cost of a session on each server, in turns, and stops the servers. */
async function costsOf(servers: readonly ServerProcess[], rounds: number, scope: Scope): Promise<LoadWithCpu[]> {
  try {
    // Without a warm-up, servers differ more by what V8 has compiled than by their tables.
    if (rounds === ROUNDS_LONG) for (const server of servers) await steadyServer(server, scope);
    const arrivals = { mode: 'closed', connections: CONNECTIONS, secondsMax: SECONDS_A_ROUND_MAX } as const;
    const loads: PreparedLoad[] = [];
    for (const server of servers) {
      loads.push(await warmLoad(server, { work: FULL, arrivals, count: scope.amount(SESSIONS) }));
    }
    const costs = await runInTurns(loads, rounds, { arrivals, count: scope.amount(SESSIONS_A_ROUND) });
    for (const load of loads) await load.release();
    return costs;
  } finally {
    for (const server of servers) await server.stop();
  }
}
