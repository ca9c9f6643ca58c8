// Section: the time that a cluster takes to gather.
import { availableParallelism } from 'node:os';
import type { SessionDialect } from '../../src/wire/hello.ts';
import { Generators, type LoadOutcome } from '../load/generator.ts';
import { besideBare } from '../measure/bare.ts';
import { type ServerProcess, withServer } from '../measure/server-process.ts';
import type { Figure } from '../report/report.ts';
import { steadyServer, turnedAwayFigures } from './registry-load.ts';
import type { Scope, Section } from './section.ts';

const MEMBERS = 64;
/** Turns of gathering and bare loops, and clusters in each turn. */
const TURNS = 2;
const ROUNDS = 12;
/** Warm-up rounds of the members' process, and the time that bounds them. */
const FIRST_ROUNDS = 30;
const FIRST_SECONDS_MAX = 2;

interface Way {
  readonly transport: 'tcp' | 'ws';
  readonly dialect: SessionDialect;
  readonly atMost?: number;
}

const WAYS: readonly Way[] = [
  { transport: 'tcp', dialect: 'prefixed', atMost: 5.5 },
  { transport: 'ws', dialect: 'prefixed', atMost: 5.5 },
  // In this process each member signs its proof, an RSA operation that bare does not have.
  { transport: 'tcp', dialect: 'sealed' },
];

export const gathering: Section = {
  name: 'gathering',
  question: 'How long does a cluster of 64 take from a simultaneous start until every member has every token?',
  measure: (scope) =>
    withServer([], async (server) => {
      await steadyServer(server, scope);
      const figures: Figure[] = [];
      for (const way of WAYS) {
        const { median, slowest, turnedAway, bare } = await gatherOften(server, way, scope);
        const unit = ((bare.session * MEMBERS) / availableParallelism()) * 1e-3;
        figures.push(
          {
            label: `median time ÷ (bare crypto of 64 sessions ÷ cores), ${way.transport}, ${way.dialect}`,
            value: median / unit,
            unit: '',
            ...(way.atMost !== undefined && { atMost: way.atMost }),
          },
          { label: '  median', value: median, unit: 'ms' },
          { label: '  slowest', value: slowest, unit: 'ms' },
          { label: '  bare crypto of 64 sessions ÷ cores', value: unit, unit: 'ms' },
          ...turnedAwayFigures(turnedAway),
        );
      }
      return {
        figures,
        notes: [
          `${TURNS * scope.amount(ROUNDS)} clusters, one after the other, in ${TURNS} turns with the bare loops. Their 64 members share one process, which competes with the server for CPU.`,
          'Each member asks for the members it misses: at once after a reply with new members, otherwise after 5 ms. Durable store.',
        ],
      };
    }),
};

/** Gathers clusters in turns with bare loops; times are milliseconds until the last of 64 members is done. */
async function gatherOften(server: ServerProcess, { transport, dialect }: Way, scope: Scope) {
  const generators = await Generators.prepare({
    regCredText: server.regCredText,
    transport,
    wsUrl: server.wsUrl,
    dialect,
    work: { kind: 'gathering', clusterSize: MEMBERS },
    arrivals: { mode: 'closed', connections: MEMBERS },
    count: MEMBERS,
    prefix: `${transport}-${dialect}-`,
  });
  const gather = async (rounds: number, secondsMax: number) => {
    const outcomes: LoadOutcome[] = [];
    const deadline = performance.now() + secondsMax * 1_000;
    while (outcomes.length < rounds && performance.now() < deadline) {
      const outcome = await generators.run();
      if (outcome.failed > 0) throw new Error(JSON.stringify(outcome.failures));
      outcomes.push(outcome);
    }
    return outcomes;
  };
  await gather(scope.amount(FIRST_ROUNDS), FIRST_SECONDS_MAX);
  const { measured, bare } = await besideBare(TURNS, () => gather(scope.amount(ROUNDS), Number.POSITIVE_INFINITY));
  await generators.release();
  const outcomes = measured.flat();
  const times = outcomes.map(({ seconds }) => seconds * 1_000).sort((a, b) => a - b);
  const turnedAway = outcomes.reduce((sum, outcome) => sum + outcome.turnedAway, 0);
  return { median: times[Math.floor(times.length / 2)]!, slowest: times.at(-1)!, turnedAway, bare };
}
