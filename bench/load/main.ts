// npm run bench:load: one load on one registry, started by this command or already running. See bench/README.md.
import { parseArgs } from 'node:util';
import { SESSION_DIALECTS } from '../../src/wire/hello.ts';
import { FlagReader } from '../flags.ts';
import { besideBare } from '../measure/bare.ts';
import { runningTarget, ServerProcess, type Target } from '../measure/server-process.ts';
import { type LoadShape, type LoadWithCpu, PreparedLoad } from './load-and-cpu.ts';
import type { Arrivals, Work } from './load-order.ts';

const USAGE = `npm run bench:load -- [--connections 128 | --rate R [--spacing poisson|even] [--in-flight 4096] [--seed N]]
    [--sessions 8000] [--kind full|hello|idle] [--cluster-size 8] [--transport tcp|ws] [--dialect sealed|prefixed|chained]
    [--generators 1] [--store lmdb|memory] [--workers N]
    [--registry regCred.dat --server-pid PID [--ws-url ws://HOST:PORT/xlreg]]`;
const WARM_UP_SESSIONS = 1_000;

const flags = new FlagReader(USAGE);
const { values } = flags.parse(() =>
  parseArgs({
    options: {
      connections: { type: 'string', default: '128' },
      rate: { type: 'string' },
      spacing: { type: 'string', default: 'poisson' },
      'in-flight': { type: 'string', default: '4096' },
      seed: { type: 'string', default: '1' },
      sessions: { type: 'string', default: '8000' },
      kind: { type: 'string', default: 'full' },
      'cluster-size': { type: 'string', default: '8' },
      transport: { type: 'string', default: 'tcp' },
      dialect: { type: 'string', default: 'prefixed' },
      generators: { type: 'string', default: '1' },
      store: { type: 'string', default: 'lmdb' },
      workers: { type: 'string' },
      registry: { type: 'string' },
      'server-pid': { type: 'string' },
      'ws-url': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  }),
);

if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
if ((values.registry === undefined) !== (values['server-pid'] === undefined)) {
  flags.refuse('--registry needs --server-pid, and --server-pid needs --registry');
}
if (values.registry !== undefined && values.transport === 'ws' && values['ws-url'] === undefined) {
  flags.refuse('--transport ws needs --ws-url');
}

const kind = flags.oneOf('kind', values.kind, ['full', 'hello', 'idle']);
const clusterSize = flags.whole('cluster-size', values['cluster-size']);
const work: Work = kind === 'full' ? { kind, clusterSize, members: 'new' } : { kind };
const arrivals: Arrivals =
  values.rate === undefined
    ? { mode: 'closed', connections: flags.whole('connections', values.connections) }
    : {
        mode: 'open',
        rate: flags.positive('rate', values.rate),
        spacing: flags.oneOf('spacing', values.spacing, ['poisson', 'even']),
        seed: flags.whole('seed', values.seed),
        inFlightMax: flags.whole('in-flight', values['in-flight']),
      };
const count = flags.whole('sessions', values.sessions);
const generators = flags.whole('generators', values.generators);
// A fresh prefix for each run: a running registry may still hold the clusters of the last run.
const prefix = `b${Date.now().toString(36)}-`;
const shape: LoadShape = {
  transport: flags.oneOf('transport', values.transport, ['tcp', 'ws']),
  dialect: flags.oneOf('dialect', values.dialect, SESSION_DIALECTS),
  work,
  arrivals,
  count,
  prefix,
};

const server =
  values.registry === undefined
    ? await ServerProcess.start(['--store', values.store, ...(values.workers ? ['--workers', values.workers] : [])])
    : undefined;
try {
  const target =
    server ??
    (await runningTarget(values.registry!, flags.whole('server-pid', values['server-pid']!), values['ws-url']));
  await measure(target);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
} finally {
  await server?.stop();
}

async function measure(target: Target): Promise<void> {
  // Idle sessions stay open, so those of a warm-up would stay open too.
  const warmUp = kind === 'idle' ? 0 : Math.min(count, WARM_UP_SESSIONS);
  const load = await PreparedLoad.prepare(target, shape, generators);
  if (warmUp > 0) await load.warmUp(warmUp);
  const before = await poolCalls();
  const { measured, bare } = await besideBare(1, () => load.run());
  const after = await poolCalls();
  await load.release();
  print(measured[0]!, bare.session);
  if (before && after) {
    const [frames, calls] = [after.frames - before.frames, after.calls - before.calls];
    console.log(`jobs in a hand-over  ${(frames / calls).toFixed(1)}`);
  }
}

function print(load: LoadWithCpu, bare: number): void {
  const { latency, lateness } = load;
  const how =
    arrivals.mode === 'closed' ? `${arrivals.connections} connections` : `${arrivals.rate}/s, ${arrivals.spacing}`;
  const whose = values.registry === undefined ? `--store ${values.store}` : `process ${values['server-pid']}`;
  const { transport, dialect } = shape;
  const what = kind === 'full' ? `full, clusters of ${clusterSize}` : kind;
  console.log(`${count} sessions (${what}), ${how}, ${transport}, ${dialect}, ${whose}`);
  console.log(`sessions/s           ${load.rate.toFixed(0)}`);
  const percentiles = [50, 90, 99, 99.9].map((percent) => latency.percentile(percent).toFixed(1)).join(', ');
  console.log(`latency p50 90 99 99.9  ${percentiles} ms, max ${latency.max.toFixed(1)} ms`);
  if (arrivals.mode === 'open') {
    console.log(`generator late p99   ${lateness.percentile(99).toFixed(1)} ms; ${load.dropped} dropped`);
  }
  console.log(`server CPU/session   ${load.cpu.toFixed(0)} us`);
  console.log(`bare crypto/session  ${bare.toFixed(0)} us`);
  console.log(`overhead factor      ${(load.cpu / bare).toFixed(2)}${kind === 'full' ? '' : ' (of a full session)'}`);
  if (load.turnedAway > 0) console.log(`turned away          ${load.turnedAway} Hellos, each retried`);
  if (load.failed > 0) {
    console.log(`failed               ${load.failed}: ${JSON.stringify(load.failures)}`);
    process.exitCode = 1;
  }
}

/** Jobs handed to the pool and the hand-overs they took. Undefined for a server that this command did not start. */
async function poolCalls(): Promise<{ frames: number; calls: number } | undefined> {
  if (server === undefined) return undefined;
  const metrics = await server.metrics('xlreg_pool_batch_frames_sum', 'xlreg_pool_batch_frames_count');
  return { frames: metrics.xlreg_pool_batch_frames_sum, calls: metrics.xlreg_pool_batch_frames_count };
}
