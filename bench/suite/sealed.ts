// Section: the sealed dialect compared with prefixed, on one server: CPU time of a full session and of a Hello, and the
// replies that a large roster takes.
import { encodeMessage, Op } from '../../src/wire/message.ts';
import type { Registry } from '../load/exchange.ts';
import { openSession } from '../load/field-session.ts';
import { joinLoads, type LoadShape, type LoadWithCpu, type PreparedLoad } from '../load/load-and-cpu.ts';
import { membersOf } from '../load/members.ts';
import { type ServerProcess, withServer } from '../measure/server-process.ts';
import type { Figure } from '../report/report.ts';
import { FULL, runLoad, turnedAwayFigures, warmLoad } from './registry-load.ts';
import type { Scope, Section } from './section.ts';

const CONNECTIONS = 128;
const MEMBERS = 64;
/** Pairs of turns; the worst one is judged. */
const PAIRS = 5;
/** Turns of the warm-up, after which V8 has compiled nearly everything, and their upper bound. A colder server favours prefixed. */
const [WARM_UP_TURNS, WARM_UP_SECONDS_MAX] = [4, 4];
/** Upper bound of a turn, for busy machines. */
const TURN_SECONDS_MAX = 4;

interface Comparison {
  readonly label: string;
  readonly store: 'lmdb' | 'memory';
  readonly work: LoadShape['work'];
  /** Units in a turn, and in a turn of the warm-up. */
  readonly count: number;
  readonly warmUp: number;
  readonly atMost: number;
}

/** Before Node 22, importing and making keys takes most of what the sealed dialect saves. */
const SESSION_AT_MOST = Number.parseInt(process.versions.node, 10) >= 22 ? 0.8 : 0.95;
const SESSION = { work: FULL, count: 1_600, warmUp: 3_000, atMost: SESSION_AT_MOST };
const COMPARISONS: readonly Comparison[] = [
  { label: 'a full session, lmdb', store: 'lmdb', ...SESSION },
  { label: 'a full session, memory', store: 'memory', ...SESSION },
  {
    label: 'a Hello-only connection',
    store: 'memory',
    work: { kind: 'hello' },
    count: 4_000,
    warmUp: 6_000,
    atMost: 0.65,
  },
];

export const sealed: Section = {
  name: 'sealed',
  question: 'How much CPU does the sealed dialect cost the server, compared with prefixed?',
  async measure(scope) {
    const figures: Figure[] = [];
    for (const store of ['lmdb', 'memory'] as const) {
      await withServer(['--store', store], async (server) => {
        for (const comparison of COMPARISONS.filter((one) => one.store === store)) {
          figures.push(...(await compare(server, comparison, scope)));
        }
        if (store === 'memory') figures.push(await repliesOfRoster(server));
      });
    }
    return {
      figures,
      notes: [
        `Closed loops, ${CONNECTIONS} connections over TCP, new members: ${PAIRS} pairs of turns on one warm server. Each pair has its ratio.`,
      ],
    };
  },
};

/** Runs pairs of turns, each dialect first as often as the other but for one. */
async function compare(server: ServerProcess, comparison: Comparison, scope: Scope): Promise<Figure[]> {
  const { label, work, count, warmUp, atMost } = comparison;
  const arrivals = { mode: 'closed', connections: CONNECTIONS, secondsMax: TURN_SECONDS_MAX } as const;
  const shape = { work, arrivals, count: scope.amount(count) };
  const sealed = await warmLoad(server, { ...shape, dialect: 'sealed' });
  const prefixed = await warmLoad(server, { ...shape, dialect: 'prefixed' });
  for (let turn = 0; turn < WARM_UP_TURNS; turn++) {
    for (const load of [sealed, prefixed]) await load.warmUp(scope.amount(warmUp), WARM_UP_SECONDS_MAX);
  }
  const pairs: { readonly sealed: LoadWithCpu; readonly prefixed: LoadWithCpu }[] = [];
  for (let pair = 0; pair < PAIRS; pair++) pairs.push(await runPair(sealed, prefixed, pair % 2 === 0));
  for (const load of [sealed, prefixed]) await load.release();

  const ratios = pairs.map((pair) => pair.sealed.cpu / pair.prefixed.cpu).sort((a, b) => a - b);
  const [ofSealed, ofPrefixed] = [
    joinLoads(pairs.map((pair) => pair.sealed)),
    joinLoads(pairs.map((pair) => pair.prefixed)),
  ];
  return [
    { label: `server CPU of ${label}, sealed ÷ prefixed, worst of ${PAIRS}`, value: ratios.at(-1)!, unit: '', atMost },
    { label: '  median', value: ratios[Math.floor(PAIRS / 2)]!, unit: '' },
    { label: '  sealed', value: ofSealed.cpu, unit: 'us' },
    { label: '  prefixed', value: ofPrefixed.cpu, unit: 'us' },
    { label: '  sealed, a second', value: ofSealed.rate, unit: '/s' },
    { label: '  prefixed, a second', value: ofPrefixed.rate, unit: '/s' },
    ...turnedAwayFigures(ofSealed.turnedAway + ofPrefixed.turnedAway),
  ];
}

async function runPair(sealed: PreparedLoad, prefixed: PreparedLoad, sealedFirst: boolean) {
  const first = await runLoad(sealedFirst ? sealed : prefixed);
  const second = await runLoad(sealedFirst ? prefixed : sealed);
  return sealedFirst ? { sealed: first, prefixed: second } : { sealed: second, prefixed: first };
}

/** Fills a cluster and counts the GetClusters over TCP until its last member has every token. */
async function repliesOfRoster({ regCred }: ServerProcess): Promise<Figure> {
  const registry: Registry = { regCred, transport: 'tcp', wsUrl: undefined, dialect: 'sealed' };
  const members = membersOf(registry);
  members.prepare(0, MEMBERS);
  for (let place = 0; ; place++) {
    const exchange = await openSession(registry);
    await exchange.identify(members.at(place));
    await exchange({ Op: Op.Create, ClusterName: 'roster', ClusterSize: MEMBERS, EndPointCount: 1 }, Op.CreateReply);
    await exchange({ Op: Op.Join, ClusterName: 'roster' }, Op.JoinReply);
    if (place < MEMBERS - 1) {
      exchange.close();
      continue;
    }
    let replies = 0;
    let bytes = 0;
    for (const seen = new Set<string>(); seen.size < MEMBERS; replies++) {
      const reply = await exchange({ Op: Op.GetCluster, ClusterName: 'roster' }, Op.ClusterMembers);
      bytes += encodeMessage(reply).length;
      for (const { ID } of reply.Tokens ?? []) seen.add(Buffer.from(ID!).toString('hex'));
    }
    exchange.close();
    const label = `replies with a roster of ${MEMBERS} over TCP, sealed`;
    return { label, value: replies, unit: '', remark: `${bytes} bytes`, atMost: 1 };
  }
}
