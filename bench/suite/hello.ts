// Section: the cost of a connection that only sends a Hello, compared with its RSA decrypt.
import { withServer } from '../measure/server-process.ts';
import { closedLoad, closedLoadBesideBare, turnedAwayFigures } from './registry-load.ts';
import type { Section } from './section.ts';

const CONNECTIONS = 64;
/** Warm-up Hellos. */
const WARM_UP = 8_000;
/** Turns of Hellos and bare loops. */
const TURNS = 2;

export const hello: Section = {
  name: 'hello',
  question: 'How much does a connection that only sends a Hello cost, compared with its RSA decrypt?',
  measure: (scope) =>
    withServer([], async (server) => {
      const work = { kind: 'hello' } as const;
      await closedLoad(server, CONNECTIONS, scope.amount(WARM_UP), { work });
      const count = scope.amount(5_000);
      const { measured, bare } = await closedLoadBesideBare(TURNS, server, CONNECTIONS, count, { work });
      return {
        figures: [
          {
            label: 'server CPU of a Hello-only connection ÷ bare RSA decrypt',
            value: measured.cpu / bare.helloDecrypt,
            unit: '',
            atMost: 1.8,
          },
          { label: 'server CPU, including connect and close', value: measured.cpu, unit: 'us' },
          { label: 'bare RSA decrypt', value: bare.helloDecrypt, unit: 'us' },
          { label: 'Hellos a second', value: measured.rate, unit: '/s' },
          ...turnedAwayFigures(measured.turnedAway),
        ],
        notes: [`Closed loop, ${CONNECTIONS} connections over TCP, in ${TURNS} turns with the bare loops.`],
      };
    }),
};
