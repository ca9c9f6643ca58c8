// npm run bench:joins: durable Joins a second of clients that have already signed in, with one request outstanding
// each. Prints the latency of a Join and the coordinator's CPU time for it. With --store etcd it starts an etcd of
// --nodes servers on this machine (Debian package etcd-server).
import { generateKeyPairSync } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { signToken } from '../../src/wire/member-token.ts';
import { Op } from '../../src/wire/message.ts';
import { exportSpki } from '../../src/wire/rsa-key.ts';
import { EtcdCluster } from '../etcd/etcd-cluster.ts';
import { FlagReader } from '../flags.ts';
import type { Exchange } from '../load/exchange.ts';
import { openSession } from '../load/field-session.ts';
import { ServerProcess } from '../measure/server-process.ts';

const CLUSTER_SIZE = 64;
const COORDINATOR_CPU = 'xlreg_thread_cpu_seconds_total{thread="coordinator"}';

const USAGE = `npm run bench:joins -- [--clients N[,N]] [--joins N] [--store lmdb|memory|etcd [--nodes N]]`;

const flags = new FlagReader(USAGE);
const { values } = flags.parse(() =>
  parseArgs({
    options: {
      joins: { type: 'string', default: '20000' },
      clients: { type: 'string', default: '1,16,256' },
      store: { type: 'string', default: 'lmdb' },
      nodes: { type: 'string', default: '1' },
    },
  }),
);
const joinsMax = flags.whole('joins', values.joins);
const nodes = flags.whole('nodes', values.nodes);
const clientCounts = values.clients.split(',').map((count) => flags.whole('clients', count));
const storeKind = flags.oneOf('store', values.store, ['lmdb', 'memory', 'etcd']);

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const spki = exportSpki(publicKey);

const etcd = storeKind === 'etcd' ? await EtcdCluster.startOrExit({ servers: nodes }) : undefined;
const store = etcd?.store ?? storeKind;
const place = etcd ? `etcd, ${nodes} on this machine` : storeKind;
console.log(`durable joins, clusters of ${CLUSTER_SIZE}, --store ${place}`);
console.log('clients  joins/s  p50 ms  p99 ms  coordinator us/join  commands/batch');
try {
  for (const clients of clientCounts) {
    // A single client waits for one fsync for each Join, so it gets fewer.
    await measure(clients, Math.min(joinsMax, clients * 1_000));
  }
} finally {
  await etcd?.stop();
}

async function measure(clients: number, joins: number): Promise<void> {
  const server = await ServerProcess.start(['--store', store]);
  const { regCred, wsUrl } = server;
  const registry = { regCred, transport: 'tcp', wsUrl, dialect: 'prefixed' } as const;
  const sessions: Exchange[] = [];
  for (let i = 0; i < clients; i++) {
    const token = { Name: `m${i}`, CommsKey: spki, SigKey: spki, MyEnds: ['127.0.0.1:4001'] };
    const exchange = await openSession(registry);
    await exchange({ Op: Op.Client, ClientSpecs: signToken(token, privateKey) }, Op.ClientOK);
    sessions.push(exchange);
  }
  // Client i belongs to group g = i / 64. In round r it joins the cluster g-r.
  const groups = Math.ceil(clients / CLUSTER_SIZE);
  const rounds = Math.ceil(joins / clients);
  for (let group = 0; group < groups; group++) {
    for (let round = 0; round < rounds; round++) {
      const create = { Op: Op.Create, ClusterName: `g${group}-${round}`, ClusterSize: CLUSTER_SIZE };
      await sessions[group]!(create, Op.CreateReply);
    }
  }

  const before = await readings(server);
  const latencies: number[] = [];
  const started = performance.now();
  await Promise.all(
    sessions.map(async (exchange, i) => {
      for (let round = 0; round < rounds; round++) {
        const began = performance.now();
        const name = `g${Math.floor(i / CLUSTER_SIZE)}-${round}`;
        await exchange({ Op: Op.Join, ClusterName: name }, Op.JoinReply);
        latencies.push(performance.now() - began);
      }
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  const after = await readings(server);
  for (const exchange of sessions) exchange.close();
  await server.stop();

  const made = rounds * clients;
  latencies.sort((a, b) => a - b);
  const percentile = (share: number) => latencies[Math.floor((latencies.length - 1) * share)]!.toFixed(2);
  const cpu = ((after.cpu - before.cpu) / made) * 1e6;
  const batch = (after.commands - before.commands) / (after.batches - before.batches);
  const cells = [
    clients,
    (made / seconds).toFixed(0),
    percentile(0.5),
    percentile(0.99),
    cpu.toFixed(1),
    batch.toFixed(1),
  ];
  console.log(cells.map((cell, i) => String(cell).padStart([7, 8, 7, 7, 20, 15][i]!)).join(' '));
}

async function readings(server: ServerProcess): Promise<{ cpu: number; commands: number; batches: number }> {
  const commands = await server.metric('xlreg_coordinator_batch_commands_sum');
  const batches = await server.metric('xlreg_coordinator_batch_commands_count');
  // The thread publishes its CPU time ten times a second; the next value includes everything until now.
  const first = await server.metric(COORDINATOR_CPU);
  let cpu = first;
  while (cpu === first) {
    await pause(10);
    cpu = await server.metric(COORDINATOR_CPU);
  }
  return { cpu, commands, batches };
}
