// npm run bench:ceiling: the CPU time of each thread for the sessions that it served, with 1, 2 and 4 front ends, and
// the rates at which each thread, and a process by its number of cores, would be full.
import { parseArgs } from 'node:util';
import { canSharePorts } from '../../src/runtime/port-sharing.ts';
import { ceilingOf, type SessionCost, sessionTime } from '../capacity-model/ceiling.ts';
import { CORES, ceilingText } from '../capacity-model/process-page.ts';
import { FlagReader } from '../flags.ts';
import { PreparedLoad } from '../load/load-and-cpu.ts';
import { type ServerProcess, withServer } from '../measure/server-process.ts';
import { readThreads, type ThreadReadings } from './thread-readings.ts';

const USAGE = `npm run bench:ceiling -- [--fronts 1,2,4] [--sessions 8000] [--warm-up 12000]
    [--connections 128, for each front end] [--store lmdb|memory] [--rounds 1]`;
/** The load's warm-up ends after this time on a slow machine. */
const WARM_UP_SECONDS_MAX = 60;

const flags = new FlagReader(USAGE);
const { values } = flags.parse(() =>
  parseArgs({
    options: {
      fronts: { type: 'string', default: canSharePorts() ? '1,2,4' : '1' },
      sessions: { type: 'string', default: '8000' },
      'warm-up': { type: 'string', default: '12000' },
      connections: { type: 'string', default: '128' },
      store: { type: 'string', default: 'lmdb' },
      rounds: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  }),
);
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const fronts = values.fronts.split(',').map((count) => flags.whole('fronts', count));
if (Math.max(...fronts) > 1 && !canSharePorts()) flags.refuse('--fronts above 1 needs Node 22.12 or later on Linux');
const sessions = flags.whole('sessions', values.sessions);
const warmUp = flags.whole('warm-up', values['warm-up']);
const connections = flags.whole('connections', values.connections);
const store = flags.oneOf('store', values.store, ['lmdb', 'memory']);
const rounds = flags.whole('rounds', values.rounds);
let loads = 0;

console.log(
  `Node ${process.version}, ${sessions} full sessions, ${connections} connections for each front end, --store ${store}`,
);
for (let round = 0; round < rounds; round++) {
  // Alternating, so that other load on the machine affects all alike.
  for (const count of round % 2 === 0 ? fronts : fronts.toReversed()) {
    // Each front end has a worker, with more front ends than cores, too.
    await withServer(['--store', store, '--fronts', String(count)], (server) => measure(server, count));
  }
}

async function measure(server: ServerProcess, count: number): Promise<void> {
  const work = { kind: 'full', clusterSize: 8, members: 'new' } as const;
  const arrivals = { mode: 'closed', connections: connections * count } as const;
  const prefix = `c${Date.now().toString(36)}${loads++}-`;
  const load = await PreparedLoad.prepare(server, {
    transport: 'tcp',
    dialect: 'prefixed',
    work,
    arrivals,
    count: sessions,
    prefix,
  });
  try {
    await load.warmUp(warmUp, WARM_UP_SECONDS_MAX);
    const before = await readThreads(server.adminUrl);
    const { failed, failures, cpu } = await load.run();
    if (failed > 0) throw new Error(`${failed} sessions failed: ${JSON.stringify(failures)}`);
    print(count, before, await readThreads(server.adminUrl), cpu);
  } finally {
    await load.release();
  }
}

function print(count: number, before: ThreadReadings, after: ThreadReadings, process: number): void {
  const started = after.started.map((sum, front) => sum - before.started[front]!);
  const all = started.reduce((sum, one) => sum + one, 0);
  const spent = (thread: string) => ((after.cpuSeconds.get(thread) ?? 0) - (before.cpuSeconds.get(thread) ?? 0)) * 1e6;
  console.log(`\n${count} front end${count > 1 ? 's' : ''}: ${process.toFixed(0)} us of CPU a session in all`);
  const main = spent('main') / all;
  row('main', main);
  // Beside further front ends the main thread serves none of these sessions.
  const further = started.slice(1).map((served, place) => {
    const cost = spent(`front-${place + 1}`) / served;
    const share = ((served * count) / all - 1) * 100;
    const load = `${Math.abs(share).toFixed(1)} % ${share < 0 ? 'below' : 'above'} an even load`;
    row(`front-${place + 1}`, cost, `${served} sessions, ${load}`);
    return cost;
  });
  const workers = [...after.cpuSeconds.keys()].filter((thread) => thread.startsWith('worker-'));
  const mean = (costs: readonly number[]) => costs.reduce((sum, one) => sum + one, 0) / Math.max(1, costs.length);
  const threads = {
    main,
    front: mean(further),
    coordinator: spent('coordinator') / all,
    workers: workers.reduce((sum, worker) => sum + spent(worker), 0) / all,
  };
  const rest = Math.max(0, process - sessionTime({ ...threads, rest: 0 }));
  const cost: SessionCost = { ...threads, rest };
  row('coordinator', cost.coordinator);
  console.log(`  ${'workers'.padEnd(14)}${cost.workers.toFixed(0).padStart(6)} us a session, all together`);
  console.log(`  ${'rest'.padEnd(14)}${rest.toFixed(0).padStart(6)} us a session, V8's helper threads`);
  console.log('  computed, with a worker for each core:');
  for (const cores of CORES) console.log(`    ${ceilingText(cores, ceilingOf(cost, count, cores))}`);
}

/** Prints the CPU time of a thread for a session that it served. */
function row(thread: string, cost: number, remark = ''): void {
  const full = `full at ${(1e6 / cost).toFixed(0)} sessions/s`;
  console.log(
    `  ${thread.padEnd(14)}${cost.toFixed(0).padStart(6)} us a session, ${full}${remark ? `; ${remark}` : ''}`,
  );
}
