// npm run bench:etcd: the cost of etcd for the store's requests, and of a large table there. It starts an etcd of
// --nodes servers on this machine (Debian package etcd-server) and a registry that replays every change. Most etcd
// parameters of docs/explanation/capacity.md come from here.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { clearProgress, drawProgress } from '../../src/cli/progress-bar.ts';
import type { Change } from '../../src/registry/command.ts';
import { ETCD, type TxnRequest, type TxnResponse, toNumber } from '../../src/store/etcd/etcd-calls.ts';
import { EtcdClient } from '../../src/store/etcd/etcd-client.ts';
import { commitItems, REQUESTS_AT_ONCE, TRANSACTIONS_MAX } from '../../src/store/etcd/etcd-commit.ts';
import { EtcdKeys } from '../../src/store/etcd/etcd-keys.ts';
import { headNow } from '../../src/store/etcd/etcd-range.ts';
import { CHANGE_KEYS } from '../capacity-model/parameters.ts';
import { FlagReader } from '../flags.ts';
import { Latencies } from '../load/latencies.ts';
import { processCpuSeconds } from '../measure/process-readings.ts';
import { type ServerProcess, withServer } from '../measure/server-process.ts';
import { changesOf } from '../store/fill-table.ts';
import { EtcdCluster } from './etcd-cluster.ts';

/** Concurrent requests: enough to saturate an etcd. */
const AT_ONCE = 16;
const SECONDS = 5;
/** Concurrent commits while filling the table, and the changes of each. */
const COMMITS_AT_ONCE = 4;
const COMMIT_CHANGES = REQUESTS_AT_ONCE * TRANSACTIONS_MAX;
const PATIENCE_MS = 30_000;
/** Time for which the idle CPU of the server is measured, to subtract it. */
const IDLE_MS = 3_000;
const QUOTA_BYTES = 8 * 2 ** 30;
const POLL_MS = 100;
const MEMBERS = 'xlreg_table_records{kind="members"}';
const CLIENTS = 'xlreg_table_records{kind="clients"}';

const flags = new FlagReader(`npm run bench:etcd -- [--nodes N] [--members N]`);
const { values } = flags.parse(() =>
  parseArgs({
    options: { nodes: { type: 'string', default: '3' }, members: { type: 'string', default: '50000' } },
  }),
);
const nodes = flags.whole('nodes', values.nodes);
const members = flags.whole('members', values.members);

const etcd = await EtcdCluster.startOrExit({ servers: nodes, flags: ['--quota-backend-bytes', String(QUOTA_BYTES)] });
const directory = await mkdtemp(join(tmpdir(), 'xlreg-bench-'));
try {
  console.log(`etcd, ${nodes} on this machine`);
  await withServer(['--store', etcd.store], measure, directory);
  await withServer(['--store', etcd.store], load, directory);
} finally {
  await etcd.stop();
  await rm(directory, { recursive: true });
}

async function measure(server: ServerProcess): Promise<void> {
  const leader = (await etcd.leader())!;
  const client = new EtcdClient({ endPoints: [leader.endPoint], tls: undefined, user: undefined }, { requested() {} });
  const keys = EtcdKeys.of(Buffer.from(server.regCred.id).toString('hex'), undefined);
  await measureReads(client, keys, leader.child!.pid!);
  const requestMicros = await measureWrites(client, keys);
  await fill(client, keys, server, requestMicros);
  client.close();
}

/** Measures the read of the latest revision, which a server makes before each batch. */
async function measureReads(client: EtcdClient, keys: EtcdKeys, leaderPid: number): Promise<void> {
  const read = () => headNow(client, keys, performance.now() + PATIENCE_MS);
  const alone = await repeat(1, read);
  const before = await processCpuSeconds(leaderPid);
  const many = await repeat(AT_ONCE, read);
  const cpu = ((await processCpuSeconds(leaderPid)) - before) / many.times;
  console.log(
    `reads, one at a time: p50 ${ms(alone.latency.percentile(50))}; ${AT_ONCE} at once: ${many.rate.toFixed(0)} a second, ${(cpu * 1e6).toFixed(0)} us of the leader's CPU each`,
  );
}

/**
 * Measures requests of 1 change and of the maximum; their difference gives the cost of a change. Resolves to the
 * microseconds of a request.
 */
async function measureWrites(client: EtcdClient, keys: EtcdKeys): Promise<number> {
  const source = clients();
  const requestOf = (changes: number) => () =>
    commit(
      client,
      keys,
      Array.from({ length: changes }, () => source.next().value!),
    );
  const alone = await repeat(1, requestOf(1));
  const percentiles = [50, 99].map((percent) => ms(alone.latency.percentile(percent)));
  console.log(`changes, one at a time: p50 ${percentiles[0]}, p99 ${percentiles[1]}`);
  const micros: number[] = [];
  for (const changes of [1, TRANSACTIONS_MAX]) {
    const { rate, latency } = await repeat(AT_ONCE, requestOf(changes));
    micros.push(1e6 / rate);
    console.log(
      `requests of ${changes}, ${AT_ONCE} at once: ${rate.toFixed(0)} a second, ${(rate * changes).toFixed(0)} changes, p99 ${ms(latency.percentile(99))}`,
    );
  }
  const change = (micros[1]! - micros[0]!) / (TRANSACTIONS_MAX - 1);
  const request = micros[0]! - change;
  console.log(`so a request takes ${request.toFixed(0)} us, plus ${change.toFixed(0)} us for each change`);
  return request;
}

/** Yields client records: changes that depend on no other change. */
function* clients(): Generator<Change, undefined> {
  for (const changes of changesOf(Infinity, 1)) yield* changes.filter(({ kind }) => kind === 'client');
}

/** Writes a table of `members` members: clients, clusters and seats. */
async function fill(client: EtcdClient, keys: EtcdKeys, server: ServerProcess, requestMicros: number): Promise<void> {
  const coordinatorSeconds = () => server.metric('xlreg_thread_cpu_seconds_total{thread="coordinator"}');
  const idleFrom = await coordinatorSeconds();
  await pause(IDLE_MS);
  const [cpuBefore, bytesBefore] = [await coordinatorSeconds(), await fileBytes(client)];
  const idle = (cpuBefore - idleFrom) / IDLE_MS;
  const began = performance.now();
  let [changes, keysWritten, done] = [0, 0, 0];
  const source = changesOf(members, COMMIT_CHANGES);
  const write = async () => {
    for (const batch of source) {
      await commit(client, keys, batch);
      changes += batch.length;
      for (const { kind } of batch) keysWritten += CHANGE_KEYS[kind];
      done += batch.filter(({ kind }) => kind === 'member').length;
      drawProgress('filling', done, members);
    }
  };
  await Promise.all(Array.from({ length: COMMITS_AT_ONCE }, write));
  clearProgress();
  const took = performance.now() - began;
  while ((await server.metric(MEMBERS)) < members) await pause(POLL_MS);
  const cpu = ((await coordinatorSeconds()) - cpuBefore - idle * took) / keysWritten;
  const bytes = ((await fileBytes(client)) - bytesBefore) / members;
  const rate = (changes / took) * 1_000;
  const changeMicros = 1e6 / rate - requestMicros / TRANSACTIONS_MAX;
  console.log(
    `${members} members: ${rate.toFixed(0)} changes a second, so each takes ${changeMicros.toFixed(0)} us in addition to its share of a request; ${bytes.toFixed(0)} bytes of etcd's file a member`,
  );
  console.log(`replaying each key takes ${(cpu * 1e6).toFixed(1)} us of a server's coordinator`);
}

/** Prints how long a starting server took to load the table. */
async function load(server: ServerProcess): Promise<void> {
  const found = await server.metrics('xlreg_store_load_seconds', MEMBERS, CLIENTS);
  const seconds = found.xlreg_store_load_seconds.toFixed(2);
  console.log(`a server loads it in ${seconds} s: ${found[MEMBERS]} members, ${found[CLIENTS]} clients`);
}

async function commit(client: EtcdClient, keys: EtcdKeys, batch: readonly Change[]): Promise<void> {
  const { outcomes } = await commitItems(batch, {
    keys,
    known: 0,
    stamp: () => randomBytes(12),
    transact: (request) =>
      client.call<TxnRequest, TxnResponse>(ETCD.txn, request, performance.now() + PATIENCE_MS, PATIENCE_MS),
  });
  if (outcomes.some(({ kind }) => kind === 'conflict'))
    throw new Error('a change conflicted with another writer: is a second registry using this etcd?');
}

async function fileBytes(client: EtcdClient): Promise<number> {
  return toNumber((await client.call(ETCD.status, {}, performance.now() + PATIENCE_MS)).dbSize);
}

/** Runs `atOnce` loops of `ask` for SECONDS seconds. */
async function repeat(atOnce: number, ask: () => Promise<unknown>) {
  const latency = new Latencies();
  const began = performance.now();
  const end = began + SECONDS * 1_000;
  let times = 0;
  const loop = async () => {
    while (performance.now() < end) {
      const started = performance.now();
      await ask();
      latency.record(performance.now() - started);
      times += 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, loop));
  return { times, latency, rate: (times * 1_000) / (performance.now() - began) };
}

function ms(milliseconds: number): string {
  return `${milliseconds.toFixed(2)} ms`;
}
