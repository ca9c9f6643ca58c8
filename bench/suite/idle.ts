// Section: the memory of an idle session.
import { Generators } from '../load/generator.ts';
import { type ServerProcess, withServer } from '../measure/server-process.ts';
import type { Findings } from '../report/report.ts';
import { closedLoad } from './registry-load.ts';
import type { Scope, Section } from './section.ts';

const SESSIONS = 4_000;
/** Uncounted sessions at the start, until the heaps have reached their steady size. */
const FIRST_SESSIONS = 2_000;
/** The idle timeout must exceed the measurement. */
const FLAGS = ['--idle-timeout-ms', '600000'];
const KIB = 1_024;

export const idle: Section = {
  name: 'idle',
  question: 'How much memory does an idle, signed-in session take?',
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
    if (completed < count)
      throw new Error(`only ${completed} of ${count} sessions opened: ${JSON.stringify(failures)}`);
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
        label: `resident memory of an idle session (${sessions} after the first ${first})`,
        value: (after.quiet - before.quiet) / sessions / KIB,
        unit: 'KiB',
        atMost: 8,
      },
      { label: `  with ${first}`, value: before.quiet / KIB ** 2, unit: 'MiB' },
      { label: '  with all sessions', value: after.quiet / KIB ** 2, unit: 'MiB' },
      { label: '  with all sessions, before garbage collection', value: after.atOnce / KIB ** 2, unit: 'MiB' },
    ],
    notes: [
      'TCP, after Hello and Client; includes the registration in the table. The figure is the growth of VmRSS over the ' +
        'counted sessions, each reading after a full garbage collection in all threads. V8 makes such a collection by ' +
        'itself in a thread that has been idle for a minute.',
    ],
  };
}
