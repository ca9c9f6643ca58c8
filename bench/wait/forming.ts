// A cluster of 64 whose members use the client library: they wait for changes, or poll as in the RSA dialects.
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, createMember, type Member, type RegistrySession } from '../../src/client/index.ts';
import { membersOf } from '../../src/client/watch.ts';
import { watchMembers } from '../../src/client/watch-members.ts';
import { type ServerProcess, withServer } from '../measure/server-process.ts';
import { SIZE } from './waiter.ts';

const GET_CLUSTERS = 'xlreg_messages_total{op="GetCluster"}';
/** Members join within this time, evenly. */
const SPREAD_MS = [0, 2_000];
const WAYS = ['poll', 'wait'] as const;
type Way = (typeof WAYS)[number];

export async function forming(clusters: number): Promise<void> {
  await withServer(['--log-level', 'warn'], async (server) => {
    const keys = await createMember({ name: 'keys', endPoints: ['127.0.0.1:4001'] });
    console.log(`a forming cluster of ${SIZE}; medians of ${clusters} clusters, whose members share one process`);
    for (const spreadMs of SPREAD_MS) {
      const found: Record<Way, { ms: number; afterLast: number; messages: number }[]> = { poll: [], wait: [] };
      // In turns, so that both have the same conditions. The first of each is a warm-up.
      for (let round = 0; round <= clusters; round++) {
        for (const way of WAYS) {
          const one = await form(server, keys, `${way}-${spreadMs}-${round}`, way, spreadMs);
          if (round > 0) found[way].push(one);
        }
      }
      const median = (way: Way, of: 'ms' | 'afterLast' | 'messages') =>
        found[way].map((one) => one[of]).sort((one, other) => one - other)[Math.floor(clusters / 2)]!;
      console.log(`  members join within ${spreadMs} ms`);
      for (const [of, text] of [
        ['ms', 'ms from the start until all have the roster'],
        ['afterLast', 'ms from the last JoinReply until then'],
        ['messages', 'GetCluster messages'],
      ] as const) {
        const [poll, wait] = [median('poll', of), median('wait', of)];
        console.log(`    ${text}: poll ${poll.toFixed(0)}, wait ${wait.toFixed(0)}: ${(wait / poll).toFixed(2)}`);
      }
    }
  });
}

async function form(server: ServerProcess, keys: Member, cluster: string, way: Way, spreadMs: number) {
  const sessions = await Promise.all(
    Array.from({ length: SIZE }, async (_, place) => {
      const session = await connect(server.regCred);
      const id = randomBytes(32).toString('hex');
      const endPoints = [`127.0.0.1:${10_000 + place}`];
      await session.identify({ ...keys, name: `${cluster}-${place}`, id, endPoints, memory: undefined });
      return session;
    }),
  );
  await sessions[0]!.create(cluster, { size: SIZE, confirmMs: 0 });
  const before = await server.metric(GET_CLUSTERS);
  const began = performance.now();
  let lastJoined = 0;
  const gather = async (session: RegistrySession, place: number) => {
    await pause((place * spreadMs) / SIZE);
    await session.join(cluster);
    lastJoined = performance.now();
    const seen = new Set<number>();
    const watch =
      way === 'wait'
        ? session.members(cluster)
        : membersOf(watchMembers((which) => session.cluster(cluster, which), {}, undefined));
    for await (const { index } of watch) seen.add(index);
    if (seen.size !== SIZE) throw new Error(`a member saw ${seen.size} of ${SIZE}`);
  };
  await Promise.all(sessions.map(gather));
  const ended = performance.now();
  const messages = (await server.metric(GET_CLUSTERS)) - before;
  for (const session of sessions) session.close();
  return { ms: ended - began, afterLast: ended - lastJoined, messages };
}
