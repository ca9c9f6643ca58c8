// What a session costs in memory while it says nothing.
import { Generators } from '../load/generator.ts';
import { type ServerProcess, withServer } from '../measure/server-process.ts';
import type { Findings } from '../report/report.ts';
import { closedLoad } from './registry-load.ts';
import type { Scope, Section } from './section.ts';

const SESSIONS = 4_000;
/** Sessions before those that count: by then the heaps have grown to what garbage collection leaves them. */
const FIRST_SESSIONS = 2_000;
/** Longer than the measurement. */
const FLAGS = ['--idle-timeout-ms', '600000'];
const KIB = 1_024;

export const idle: Section = {
  name: 'idle',
  question: 'How much memory does a session take that is signed in and says nothing?',
  measure: (scope) => withServer(FLAGS, (server) => memoryOfSessions(server, scope), undefined, true),
};

async function memoryOfSessions(server: ServerProcess, scope: Scope): Promise<Findings> {
  const sessions = scope.sessions ?? scope.amount(SESSIONS);
  const first = scope.amount(FIRST_SESSIONS);
  await closedLoad(server, 64, scope.amount(2_000));
  const generators = await Generators.prepare({
    regCredText: server.regCredText,
    transport: 'tcp',
    wsUrl: undefined,
    dialect: 'prefixed',
    work: { kind: 'idle' },
    arrivals: { mode: 'closed', connections: 64 },
    count: first + sessions,
    prefix: '',
  });
  const residentWith = async (count: number) => {
    const { completed, failures } = await generators.run({ arrivals: { mode: 'closed', connections: 64 }, count });
    if (completed < count) throw new Error(`of ${count} only ${completed}: ${JSON.stringify(failures)}`);
    const atOnce = await server.residentBytes();
    await server.collectGarbage();
    return { atOnce, quiet: await server.residentBytes() };
  };
  const before = await residentWith(first);
  const after = await residentWith(sessions);
  await generators.release();
  return {
    figures: [
      {
        label: `resident memory of an idle session, of ${sessions} beyond ${first}`,
        value: (after.quiet - before.quiet) / sessions / KIB,
        unit: 'KiB',
        atMost: 8,
      },
      { label: `  with ${first}`, value: before.quiet / KIB ** 2, unit: 'MiB' },
      { label: '  with all of them', value: after.quiet / KIB ** 2, unit: 'MiB' },
      { label: '  just behind the last one, with the garbage of all', value: after.atOnce / KIB ** 2, unit: 'MiB' },
    ],
    notes: [
      'TCP, after Hello and Client; the registration in the table is part of it. Growth of VmRSS from the first to the last of ' +
        'the further sessions, each time after a full garbage collection in all threads, as V8 makes one where it has been ' +
        'quiet for a minute: before it, what it measures is when V8 collected last.',
    ],
  };
}
