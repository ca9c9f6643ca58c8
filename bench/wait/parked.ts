// Memory and CPU of parked connections: clients that wait for a change of one of 100 complete clusters.
import { setTimeout as pause } from 'node:timers/promises';
import { type ServerProcess, withServer } from '../measure/server-process.ts';
import { fill, identifiedSession, registryOn, SIZE, signedMember, Waiter } from './waiter.ts';

const CLUSTERS = 100;
const WAIT_MS = 300_000;
/** Sessions that are opened at a time. */
const AT_ONCE = 32;
/** The first waiters bring the heaps to their steady size; the figure is the growth over the others. */
const FIRST_SHARE = 0.1;
const QUIET_MS = 15_000;
const KIB = 1_024;
const PARKED = 'xlreg_waits_parked';

export async function parked(count: number): Promise<void> {
  const flags = ['--max-wait-ms', String(WAIT_MS), '--idle-timeout-ms', String(WAIT_MS), '--log-level', 'warn'];
  await withServer(flags, (server) => measure(server, count), undefined, true);
}

async function measure(server: ServerProcess, count: number): Promise<void> {
  const registry = registryOn(server);
  const members = Array.from({ length: SIZE }, (_, place) =>
    signedMember(registry, `m${place}`, '127.0.0.1:4001', Date.now()),
  );
  const clusters = Array.from({ length: CLUSTERS }, (_, place) => `c${place}`);
  await fill(registry, clusters, (place) => members[place]!);
  const idle = await cpuShare(server);
  const waiters: Waiter[] = [];
  const parkMore = async (until: number) => {
    const open = async () => {
      while (waiters.length < until) {
        const place = waiters.length;
        const waiter = new Waiter(undefined as never, '');
        waiters.push(waiter);
        const exchange = await identifiedSession(registry, members[place % SIZE]!);
        const made = new Waiter(exchange, clusters[place % CLUSTERS]!);
        waiters[place] = made;
        await made.begin();
        made.wait(WAIT_MS).catch(() => {});
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, open));
    while ((await server.metric(PARKED)) < until) await pause(100);
    await server.collectGarbage();
    return server.residentBytes();
  };
  const first = Math.ceil(count * FIRST_SHARE);
  const before = await parkMore(first);
  const after = await parkMore(count);
  const busy = await cpuShare(server);
  const still = await server.metric(PARKED);
  console.log(
    `${count} waiting clients on ${CLUSTERS} complete clusters of ${SIZE}, ${still} of them parked at the end`,
  );
  console.log(`  memory of a waiter      ${((after - before) / (count - first) / KIB).toFixed(1)} KiB (at most 10)`);
  console.log(
    `  CPU while all wait      ${(busy * 100).toFixed(2)} % of a core; without clients ${(idle * 100).toFixed(2)} %`,
  );
  console.log(`  of it for the waiters   ${((busy - idle) * 100).toFixed(2)} % (below 1)`);
  for (const { exchange } of waiters) exchange.close();
}

/** CPU seconds a second of the server. */
async function cpuShare(server: ServerProcess): Promise<number> {
  await pause(2_000);
  const [cpu, began] = [await server.cpuSeconds(), performance.now()];
  await pause(QUIET_MS);
  return ((await server.cpuSeconds()) - cpu) / ((performance.now() - began) / 1_000);
}
