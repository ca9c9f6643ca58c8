// What a session costs in memory while it says nothing.
import { Generators } from '../load/generator.ts';
import { withServer } from '../measure/server-process.ts';
import { closedLoad } from './registry-load.ts';
import type { Section } from './section.ts';

const SESSIONS = 6_000;
/** Sessions before those that count: by then the heaps have grown to what garbage collection leaves them. */
const FIRST_SESSIONS = 2_500;
/** Longer than the measurement. */
const IDLE_TIMEOUT_MS = 600_000;
const KIB = 1_024;

export const idle: Section = {
  name: 'idle',
  question: 'How much memory does a session take that is signed in and says nothing?',
  measure: (scope) =>
    withServer(['--idle-timeout-ms', String(IDLE_TIMEOUT_MS)], async (server) => {
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
        return server.residentBytes();
      };
      const before = await residentWith(first);
      const after = await residentWith(sessions);
      await generators.release();
      return {
        figures: [
          {
            label: `resident memory of an idle session, of ${sessions} beyond ${first}`,
            value: (after - before) / sessions / KIB,
            unit: 'KiB',
            atMost: 8,
          },
          { label: `  with ${first}`, value: before / KIB ** 2, unit: 'MiB' },
          { label: '  with all of them', value: after / KIB ** 2, unit: 'MiB' },
        ],
        notes: [
          'TCP, after Hello and Client; the registration in the table is part of it. Growth of VmRSS from the first to the last of',
          'the further sessions: what the first add is the heap of a server at work, whoever fills it.',
        ],
      };
    }),
};
