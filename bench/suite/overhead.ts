// Section: the overhead factor, the figure to compare between machines and versions. It is the server's CPU time of a
// session divided by bare.
import type { LoadShape } from '../load/load-and-cpu.ts';
import type { ThreadTimes } from '../measure/process-readings.ts';
import { withServer } from '../measure/server-process.ts';
import type { Figure, Stack } from '../report/report.ts';
import { closedLoadBesideBare, steadyServer, turnedAwayFigures } from './registry-load.ts';
import type { Scope, Section } from './section.ts';

/** Turns of load and bare loops, for cases with a target and for the others. */
const [TURNS, TURNS_UNJUDGED] = [2, 1];

interface Case {
  readonly store: 'lmdb' | 'memory';
  readonly connections: number;
  readonly count: number;
  readonly atMost?: number;
  readonly shape?: Partial<LoadShape>;
}

const CASES: readonly Case[] = [
  { store: 'lmdb', connections: 128, count: 4_000, atMost: 2.4 },
  { store: 'lmdb', connections: 16, count: 2_500, atMost: 3 },
  { store: 'lmdb', connections: 128, count: 1_600, shape: { dialect: 'chained' } },
  { store: 'lmdb', connections: 128, count: 1_600, shape: { transport: 'ws' } },
  { store: 'memory', connections: 128, count: 2_500, atMost: 2.4 },
  { store: 'memory', connections: 16, count: 2_500, atMost: 3 },
];

export const overhead: Section = {
  name: 'overhead',
  question: 'How much CPU does a full session cost the server, as a multiple of its unavoidable crypto?',
  async measure(scope) {
    const figures: Figure[] = [];
    const stacks: Stack[] = [];
    for (const store of ['lmdb', 'memory'] as const) {
      const cases = CASES.filter((one) => one.store === store);
      const found = await withServer(['--store', store], (server) => measureCases(server, cases, scope));
      figures.push(...found.figures);
      stacks.push(...found.stacks);
    }
    return {
      figures,
      stacks,
      notes: ['Closed loop on warm servers. CPU of the server process ÷ bare crypto on all cores at once, in turns.'],
    };
  },
};

type Server = Parameters<Parameters<typeof withServer>[1]>[0];

interface CaseFindings {
  readonly figures: readonly Figure[];
  readonly stacks: readonly Stack[];
}

async function measureCases(server: Server, cases: readonly Case[], scope: Scope): Promise<CaseFindings> {
  const figures: Figure[] = [];
  const stacks: Stack[] = [];
  await steadyServer(server, scope);
  for (const { store, connections, count, atMost, shape = {} } of cases) {
    const { dialect = 'prefixed', transport = 'tcp' } = shape;
    const turns = atMost === undefined ? TURNS_UNJUDGED : TURNS;
    const beside = await closedLoadBesideBare(turns, server, connections, scope.amount(count), shape);
    const { cpu, threads, rate, latency, turnedAway } = beside.measured;
    const bare = beside.bare.session;
    const label = `${connections} connections, ${store}, ${transport}, ${dialect}`;
    figures.push({
      label: `overhead factor: ${label}`,
      value: cpu / bare,
      unit: '',
      ...(atMost !== undefined && { atMost }),
    });
    figures.push({ label: '  server CPU a session', value: cpu, unit: 'us' });
    figures.push({ label: '  bare', value: bare, unit: 'us' });
    figures.push({ label: '  sessions a second', value: rate, unit: '/s' });
    figures.push({ label: '  p50 of a session', value: latency.percentile(50), unit: 'ms' });
    figures.push(...turnedAwayFigures(turnedAway));
    stacks.push({ label, unit: 'us', parts: partsOf(cpu, bare, threads) });
  }
  return { figures, stacks };
}

/** A session's CPU time in parts. The crypto is the workers'. */
function partsOf(cpu: number, bare: number, { front, coordinator, workers }: ThreadTimes): Stack['parts'] {
  const parts = [
    { label: 'crypto', value: Math.min(bare, workers.user) },
    { label: 'workers beside it', value: Math.max(0, workers.user - bare) },
    { label: 'workers in the kernel', value: workers.system },
    { label: 'front end', value: front.user },
    { label: 'front end in the kernel', value: front.system },
    { label: 'coordinator', value: coordinator.user },
    { label: 'coordinator in the kernel', value: coordinator.system },
  ];
  const rest = cpu - parts.reduce((sum, { value }) => sum + value, 0);
  return [...parts, { label: 'rest', value: Math.max(0, rest) }];
}
