// What a session costs in memory while it says nothing.
import { Generators } from '../load/generator.ts';
import { withServer } from '../measure/server-process.ts';
import { closedLoad } from './registry-load.ts';
import type { Section } from './section.ts';

const SESSIONS = 5_000;
/** Longer than the measurement. */
const IDLE_TIMEOUT_MS = 600_000;
const KIB = 1_024;

export const idle: Section = {
  name: 'idle',
  question: 'How much memory does a session take that is signed in and says nothing?',
  measure: (scope) =>
    withServer(['--idle-timeout-ms', String(IDLE_TIMEOUT_MS)], async (server) => {
      const sessions = scope.sessions ?? scope.amount(SESSIONS);
      await closedLoad(server, 64, scope.amount(2_000));
      const generators = await Generators.prepare({
        regCredText: server.regCredText,
        transport: 'tcp',
        wsUrl: undefined,
        dialect: 'prefixed',
        work: { kind: 'idle' },
        arrivals: { mode: 'closed', connections: 64 },
        count: sessions,
        prefix: '',
      });
      const before = await server.residentBytes();
      const { completed, failures } = await generators.run();
      const after = await server.residentBytes();
      await generators.release();
      if (completed < sessions) throw new Error(`of ${sessions} only ${completed}: ${JSON.stringify(failures)}`);
      return {
        figures: [
          {
            label: `resident memory of an idle session, of ${sessions}`,
            value: (after - before) / sessions / KIB,
            unit: 'KiB',
            atMost: 8,
          },
          { label: '  before', value: before / KIB ** 2, unit: 'MiB' },
          { label: '  with all of them', value: after / KIB ** 2, unit: 'MiB' },
        ],
        notes: [
          'TCP, after Hello and Client; the registration in the table is part of it. Growth of VmRSS, after a warm-up.',
        ],
      };
    }),
};
