// What a connection that only says Hello costs: an RSA decrypt, and what is wrapped around it.
import { withServer } from '../measure/server-process.ts';
import { closedLoad, closedLoadBesideBare, turnedAwayFigures } from './registry-load.ts';
import type { Section } from './section.ts';

const CONNECTIONS = 64;
/** Hellos until the server is warm. */
const WARM_UP = 8_000;
/** Turns of Hellos and bare loops. */
const TURNS = 2;

export const hello: Section = {
  name: 'hello',
  question: 'What does a connection with a Hello and nothing else cost, beside its RSA decrypt?',
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
          { label: 'server CPU, connecting and closing included', value: measured.cpu, unit: 'us' },
          { label: 'bare RSA decrypt', value: bare.helloDecrypt, unit: 'us' },
          { label: 'Hellos a second', value: measured.rate, unit: '/s' },
          ...turnedAwayFigures(measured.turnedAway),
        ],
        notes: [`Closed loop, ${CONNECTIONS} connections over TCP, in ${TURNS} turns with the bare loops.`],
      };
    }),
};
