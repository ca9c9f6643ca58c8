// Section: the sealed dialect compared with prefixed, on one server: CPU time of a full session and of a Hello, and the
// replies that a large roster takes.
import { encodeMessage, Op } from '../../src/wire/message.ts';
import type { Registry } from '../load/exchange.ts';
import { openSession } from '../load/field-session.ts';
import type { LoadPart } from '../load/generator.ts';
import { joinLoads, type LoadShape, type LoadWithCpu, type PreparedLoad } from '../load/load-and-cpu.ts';
import { membersOf } from '../load/members.ts';
import { type ServerProcess, withServer } from '../measure/server-process.ts';
import { type DialectCrypto, measureDialectCrypto } from '../micro/dialect-crypto.ts';
import type { Figure } from '../report/report.ts';
import { FULL, runLoad, turnedAwayFigures, warmLoad } from './registry-load.ts';
import type { Scope, Section } from './section.ts';

const MEMBERS = 64;
/** Pairs of turns; the worst one is judged. */
const PAIRS = 5;
/**
 * Turns of the warm-up, after which V8 has compiled nearly everything, and their upper bound. A colder server favours
 * prefixed.
 */
const [WARM_UP_TURNS, WARM_UP_SECONDS_MAX] = [3, 4];
const CLOSED = { mode: 'closed', connections: 128, secondsMax: 3 } as const;
/** Units pending at most at a fixed rate. */
const IN_FLIGHT_MAX = 4_096;
/** Allows for the spread of pairs, and for caches: crypto in a loop runs from warm ones, in a session from cold ones. */
const MARGIN = 0.06;

interface Comparison {
  readonly label: string;
  readonly store: 'lmdb' | 'memory';
  readonly work: LoadShape['work'];
  readonly of: keyof DialectCrypto;
  /** Starts a second: about half of what a server of two cores can do beside its generator. */
  readonly rate: number;
  /** Units in a turn at that rate, in a turn of the closed loop, and in a turn of the warm-up. */
  readonly counts: { readonly rate: number; readonly closed: number; readonly warmUp: number };
}

const SESSION = {
  work: FULL,
  of: 'session',
  rate: 750,
  counts: { rate: 1_000, closed: 1_200, warmUp: 2_500 },
} as const;
const COMPARISONS: readonly Comparison[] = [
  { label: 'a full session, lmdb', store: 'lmdb', ...SESSION },
  { label: 'a full session, memory', store: 'memory', ...SESSION },
  {
    ...{ label: 'a Hello-only connection', store: 'memory', work: { kind: 'hello' }, of: 'hello', rate: 1_500 },
    counts: { rate: 2_000, closed: 3_000, warmUp: 4_000 },
  },
];

type Crypto = ReturnType<typeof measureDialectCrypto>;

export const sealed: Section = {
  name: 'sealed',
  question: 'How much CPU does the sealed dialect cost the server, compared with prefixed?',
  async measure(scope) {
    const crypto = measureDialectCrypto();
    const figures: Figure[] = [...cryptoFigures(crypto, 'session'), ...cryptoFigures(crypto, 'hello')];
    for (const store of ['lmdb', 'memory'] as const) {
      await withServer(['--store', store], async (server) => {
        for (const comparison of COMPARISONS.filter((one) => one.store === store)) {
          figures.push(...(await compare(server, comparison, crypto, scope)));
        }
        if (store === 'memory') figures.push(await repliesOfRoster(server));
      });
    }
    return {
      figures,
      notes: [
        `Over TCP, new members: ${PAIRS} pairs of turns on one warm server. Each pair has its ratio.`,
        `A target is the ratio of a connection that saves as much as its bare crypto, plus ${MARGIN}.`,
        `At a fixed rate both dialects have the same load. In the closed loop of ${CLOSED.connections} connections the sealed generator signs a proof in each session, so the server gets less work at a time and its threads wake more often.`,
      ],
    };
  },
};

function cryptoFigures({ sealed, prefixed }: Crypto, of: keyof DialectCrypto): Figure[] {
  const what = of === 'session' ? 'a full session' : 'a Hello';
  return [
    { label: `bare crypto of ${what}, sealed ÷ prefixed`, value: sealed[of] / prefixed[of], unit: '' },
    { label: '  sealed', value: sealed[of], unit: 'us' },
    { label: '  prefixed', value: prefixed[of], unit: 'us' },
  ];
}

/** Runs pairs of turns at a fixed rate, which are judged, then in a closed loop. */
async function compare(server: ServerProcess, comparison: Comparison, crypto: Crypto, scope: Scope): Promise<Figure[]> {
  const { label, work, of, rate, counts } = comparison;
  const loads = await warmLoads(server, work, scope.amount(counts.warmUp));
  const open = { mode: 'open', spacing: 'poisson', seed: 1, inFlightMax: IN_FLIGHT_MAX, rate } as const;
  const atRate = await runPairs(loads, { arrivals: open, count: scope.amount(counts.rate) });
  const closed = await runPairs(loads, { arrivals: CLOSED, count: scope.amount(counts.closed) });
  for (const load of Object.values(loads)) await load.release();

  const saved = crypto.prefixed[of] - crypto.sealed[of];
  const allowed = 1 - saved / atRate.prefixed.cpu;
  const judged = `server CPU of ${label} at ${rate}/s, sealed ÷ prefixed, worst of ${PAIRS}`;
  return [
    { label: judged, value: atRate.worst, unit: '', atMost: allowed + MARGIN },
    { label: '  if all that bare crypto saves is saved', value: allowed, unit: '' },
    ...pairFigures(atRate),
    { label: `the same in a closed loop, worst of ${PAIRS}`, value: closed.worst, unit: '' },
    ...pairFigures(closed),
    ...(['sealed', 'prefixed'] as const).flatMap((dialect) => [
      { label: `  ${dialect}, a second`, value: closed[dialect].rate, unit: '/s' },
      { label: `  ${dialect}, generator busy`, value: busy(closed[dialect]), unit: '%' },
    ]),
  ];
}

interface Loads {
  readonly sealed: PreparedLoad;
  readonly prefixed: PreparedLoad;
}

async function warmLoads(server: ServerProcess, work: LoadShape['work'], warmUp: number): Promise<Loads> {
  const shape = { work, arrivals: CLOSED, count: warmUp };
  const sealed = await warmLoad(server, { ...shape, dialect: 'sealed' });
  const prefixed = await warmLoad(server, { ...shape, dialect: 'prefixed' });
  for (let turn = 0; turn < WARM_UP_TURNS; turn++) {
    for (const load of [sealed, prefixed]) await load.warmUp(warmUp, WARM_UP_SECONDS_MAX);
  }
  return { sealed, prefixed };
}

interface Pairs {
  readonly worst: number;
  readonly median: number;
  readonly sealed: LoadWithCpu;
  readonly prefixed: LoadWithCpu;
}

/** Runs pairs of turns, each dialect first as often as the other but for one. */
async function runPairs({ sealed, prefixed }: Loads, part: LoadPart): Promise<Pairs> {
  const pairs: { readonly sealed: LoadWithCpu; readonly prefixed: LoadWithCpu }[] = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    const before = pair % 2 === 1 ? await runLoad(prefixed, part) : undefined;
    const ofSealed = await runLoad(sealed, part);
    pairs.push({ sealed: ofSealed, prefixed: before ?? (await runLoad(prefixed, part)) });
  }
  const ratios = pairs.map((pair) => pair.sealed.cpu / pair.prefixed.cpu).sort((a, b) => a - b);
  return {
    worst: ratios.at(-1)!,
    median: ratios[Math.floor(PAIRS / 2)]!,
    sealed: joinLoads(pairs.map((pair) => pair.sealed)),
    prefixed: joinLoads(pairs.map((pair) => pair.prefixed)),
  };
}

function pairFigures({ median, sealed, prefixed }: Pairs): Figure[] {
  return [
    { label: '  median', value: median, unit: '' },
    { label: '  sealed', value: sealed.cpu, unit: 'us' },
    { label: '  prefixed', value: prefixed.cpu, unit: 'us' },
    ...turnedAwayFigures(sealed.turnedAway + prefixed.turnedAway),
  ];
}

/** Share of one core that the generator took, in per cent. */
function busy({ generatorCpuSeconds, seconds }: LoadWithCpu): number {
  return (generatorCpuSeconds / seconds) * 100;
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
