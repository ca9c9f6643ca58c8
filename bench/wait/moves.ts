// The time from a member's Join with new end points until all 64 waiters of its cluster have the answer.
import { bigintOf, Op } from '../../src/wire/message.ts';
import { Latencies } from '../load/latencies.ts';
import { withServer } from '../measure/server-process.ts';
import { fill, identifiedSession, registryOn, SIZE, signedMember, Waiter } from './waiter.ts';

const WAIT_MS = 60_000;
const CLUSTER = 'moving';
const FIRST_MOVES = 30;

export async function moves(count: number): Promise<void> {
  await withServer(['--store', 'lmdb', '--log-level', 'warn'], async (server) => {
    const registry = registryOn(server);
    let seq = Date.now();
    const member = (place: number, port = 4_001) => signedMember(registry, `m${place}`, `127.0.0.1:${port}`, ++seq);
    await fill(registry, [CLUSTER], (place) => member(place));
    const waiters: Waiter[] = [];
    for (let place = 0; place < SIZE; place++) {
      const { token, prove } = member(place);
      waiters.push(new Waiter(await identifiedSession(registry, { token, ...(prove && { prove }) }), CLUSTER));
    }
    for (const waiter of waiters) await waiter.begin();
    const latencies = new Latencies();
    for (let move = 0; move < FIRST_MOVES + count; move++) {
      const mover = await identifiedSession(registry, member(move % SIZE, 5_000 + (move % 1_000)));
      const woken = waiters.map((waiter) => waiter.wait(WAIT_MS));
      while ((await server.metric('xlreg_waits_parked')) < SIZE);
      const began = performance.now();
      const joined = mover({ Op: Op.Join, ClusterName: CLUSTER }, Op.JoinReply);
      const answers = await Promise.all(woken);
      if (move >= FIRST_MOVES) latencies.record(performance.now() - began);
      if (answers.some(({ Which }) => bigintOf(Which) !== 1n << BigInt(move % SIZE)))
        throw new Error('another seat moved');
      await joined;
      mover.close();
    }
    for (const { exchange } of waiters) exchange.close();
    const [p50, p99] = [50, 99].map((percent) => latencies.percentile(percent).toFixed(1));
    console.log(`${count} moves on lmdb, from the Join until all ${SIZE} waiters have the answer`);
    console.log(`  p50 ${p50} ms, p99 ${p99} ms (at most 20), longest ${latencies.max.toFixed(1)} ms`);
  });
}
