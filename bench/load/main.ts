// npm run bench:load: full sessions over loopback TCP against a server of its own, a fixed number of connections at a time.
// Prints sessions/s, latencies, the server's CPU per session and what that is of the bare crypto measured in the same run.
import { generateKeyPairSync } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { DialectName } from '../../src/wire/hello.ts';
import { signToken } from '../../src/wire/member-token.ts';
import type { Token } from '../../src/wire/message.ts';
import { exportSpki } from '../../src/wire/rsa-key.ts';
import { measureBare } from './bare.ts';
import { runSession } from './field-session.ts';
import { ServerProcess } from './server-process.ts';

const USAGE =
  'npm run bench:load -- [--sessions 8000] [--connections 128] [--dialect prefixed|chained] [--store lmdb|memory] [--workers N]';
const CLUSTER_SIZE = 8;
/** Different members; a registry that has seen them before does no less for them. */
const TOKENS = 512;

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '8000' },
    connections: { type: 'string', default: '128' },
    dialect: { type: 'string', default: 'prefixed' },
    store: { type: 'string', default: 'lmdb' },
    workers: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const sessions = Number(values.sessions);
const connections = Number(values.connections);
const dialect = values.dialect as DialectName;

const tokens = signTokens();
const workers = values.workers ? ['--workers', values.workers] : [];
const server = await ServerProcess.start(['--store', values.store, ...workers]);
const [host, port] = server.endPoint;
await load(Math.min(sessions, 1_000), 'w');

const bareBefore = await measureBare();
const [cpuBefore, framesBefore, callsBefore] = await readings();
const started = performance.now();
const latencies = await load(sessions, 'b');
const seconds = (performance.now() - started) / 1000;
const [cpuAfter, framesAfter, callsAfter] = await readings();
const bareAfter = await measureBare();
await server.stop();

const cpu = ((cpuAfter - cpuBefore) / sessions) * 1e6;
const bare = (bareBefore + bareAfter) / 2;
const percentile = (share: number) => latencies[Math.floor((latencies.length - 1) * share)]!;
console.log(
  `${sessions} full sessions, ${connections} connections, ${dialect}, clusters of ${CLUSTER_SIZE}, --store ${values.store}`,
);
console.log(`sessions/s           ${(sessions / seconds).toFixed(0)}`);
console.log(`latency p50, p99     ${percentile(0.5).toFixed(1)} ms, ${percentile(0.99).toFixed(1)} ms`);
console.log(`server CPU/session   ${cpu.toFixed(0)} us`);
console.log(
  `bare crypto/session  ${bare.toFixed(0)} us (${bareBefore.toFixed(0)} before, ${bareAfter.toFixed(0)} after)`,
);
console.log(`overhead factor      ${(cpu / bare).toFixed(2)}`);
console.log(`frames per hand-over  ${((framesAfter - framesBefore) / (callsAfter - callsBefore)).toFixed(1)}`);

/** CPU seconds, frames and pool calls of the server so far. */
async function readings(): Promise<[number, number, number]> {
  const calls = await server.metric('xlreg_pool_batch_frames_count');
  return [await server.cpuSeconds(), await server.metric('xlreg_pool_batch_frames_sum'), calls];
}

/** Runs sessions, `connections` at a time, and returns their milliseconds in ascending order. */
async function load(count: number, prefix: string): Promise<Float64Array> {
  const latencies = new Float64Array(count);
  let next = 0;
  const client = async () => {
    for (let i = next++; i < count; i = next++) {
      const clusterName = `${prefix}${Math.floor(i / CLUSTER_SIZE)}`;
      const began = performance.now();
      const plan = { dialect, token: tokens[i % TOKENS]!, clusterName, clusterSize: CLUSTER_SIZE };
      await runSession(server.regCred, host, port, plan);
      latencies[i] = performance.now() - began;
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  return latencies.sort();
}

function signTokens(): Token[] {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const spki = exportSpki(publicKey);
  return Array.from({ length: TOKENS }, (_, i) =>
    signToken({ Name: `m${i}`, CommsKey: spki, SigKey: spki, MyEnds: [`127.0.0.1:${10_000 + i}`] }, privateKey),
  );
}
