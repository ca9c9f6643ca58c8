// Section: memory of a server over time.
import { Generators } from '../load/generator.ts';
import { type ServerProcess, withServer } from '../measure/server-process.ts';
import type { Findings } from '../report/report.ts';
import { FULL } from './registry-load.ts';
import type { Scope, Section } from './section.ts';

const SESSIONS = 3_200;
const STEPS = 16;
const QUARTER = STEPS / 4;
const MIB = 2 ** 20;

export const rss: Section = {
  name: 'rss',
  question: 'Does memory stay flat while the same members keep coming back?',
  measure: (scope) => withServer([], (server) => memoryOverTime(server, scope), undefined, true),
};

async function memoryOverTime(server: ServerProcess, scope: Scope): Promise<Findings> {
  const sessions = scope.sessions ?? scope.amount(SESSIONS);
  const step = Math.ceil(sessions / STEPS);
  const generators = await Generators.prepare({
    regCredText: server.regCredText,
    transport: 'tcp',
    wsUrl: undefined,
    dialect: 'prefixed',
    work: { ...FULL, members: 'returning' },
    arrivals: { mode: 'closed', connections: 64 },
    count: step,
    prefix: 'r',
  });
  const [sizes, atOnce]: [number[], number[]] = [[], []];
  for (let i = 0; i < STEPS; i++) {
    const { failed, failures } = await generators.run();
    if (failed > 0) throw new Error(JSON.stringify(failures));
    atOnce.push(await server.residentBytes());
    await server.collectGarbage();
    sizes.push(await server.residentBytes());
  }
  await generators.release();
  const points = (of: readonly number[]) => of.map((size, i) => [(i + 1) * step, size / MIB] as const);
  const mean = (of: readonly number[]) => of.reduce((sum, size) => sum + size, 0) / of.length;
  const third = mean(sizes.slice(-2 * QUARTER, -QUARTER));
  const last = mean(sizes.slice(-QUARTER));
  return {
    figures: [
      {
        label: `resident memory, last quarter ÷ third, of ${step * STEPS} sessions`,
        value: last / third,
        unit: '',
        atMost: 1.05,
      },
      { label: '  third quarter', value: third / MIB, unit: 'MiB' },
      { label: '  last quarter', value: last / MIB, unit: 'MiB' },
      { label: '  last quarter, before garbage collection', value: mean(atOnce.slice(-QUARTER)) / MIB, unit: 'MiB' },
    ],
    plots: [
      {
        title: 'Resident memory of the server',
        xLabel: 'sessions served',
        yLabel: 'MiB',
        series: [
          { label: 'after garbage collection', points: points(sizes) },
          { label: 'before garbage collection', points: points(atOnce) },
        ],
      },
    ],
    notes: [
      '256 members in clusters of 8 come back under their IDs, so the table does not change. VmRSS after a full garbage collection in all threads.',
    ],
  };
}
