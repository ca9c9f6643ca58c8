// npm run bench:field: the load of the overhead factor by the independent client. It shares no code with the registry
// or with bench/, so an error in one of them does not hide in both.
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { startRegistry } from '../support/registry-process.ts';
import { BareLoops } from './load/bare.ts';
import { FieldLoad } from './load/load.ts';
import { parseRegistryFile } from './registry-file.ts';

const USAGE = `npm run bench:field -- [--connections 128,16] [--sessions 4000] [--warm-up 12000] [--runs 1]
    [--dialect prefixed|chained] [--store lmdb|memory | --registry regCred.dat --server-pid PID]`;
/** The targets of the overhead factor, by connections. */
const AT_MOST: Readonly<Record<number, number>> = { 128: 2.4, 16: 3 };
/** Turns of load and bare loops in a run. */
const TURNS = 2;
const TICKS_PER_SECOND = 100;

function refuse(problem: string): never {
  console.error(`${problem}\n${USAGE}`);
  process.exit(2);
}

function whole(flag: string, text: string): number {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : refuse(`--${flag} must be a whole number above 0, not ${text}`);
}

function readFlags() {
  try {
    return parseArgs({
      options: {
        connections: { type: 'string', default: '128,16' },
        sessions: { type: 'string', default: '4000' },
        'warm-up': { type: 'string', default: '12000' },
        runs: { type: 'string', default: '1' },
        dialect: { type: 'string', default: 'prefixed' },
        store: { type: 'string', default: 'lmdb' },
        registry: { type: 'string' },
        'server-pid': { type: 'string' },
      },
    }).values;
  } catch (error) {
    return refuse((error as Error).message);
  }
}

/** CPU seconds of a process, in user mode and in the kernel. */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'ascii');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

const values = readFlags();
const connections = values.connections.split(',').map((count) => whole('connections', count));
const [sessions, warmUp, runs] = [values.sessions, values['warm-up'], values.runs].map((text, place) =>
  whole(['sessions', 'warm-up', 'runs'][place]!, text),
) as [number, number, number];
const { dialect, store } = values;
if (dialect !== 'prefixed' && dialect !== 'chained') refuse(`--dialect must be prefixed or chained, not ${dialect}`);
if ((values.registry === undefined) !== (values['server-pid'] === undefined)) {
  refuse('--registry needs --server-pid, and --server-pid needs --registry');
}

const flags = ['--store', store, '--workers', String(availableParallelism())];
const own = values.registry === undefined ? await startRegistry({ args: flags }) : undefined;
const pid = own?.pid ?? whole('server-pid', values['server-pid']!);
const file = parseRegistryFile(own?.regCredText ?? (await readFile(values.registry!, 'latin1')));
const bare = await BareLoops.start();
try {
  const load = new FieldLoad({ file, dialect });
  console.log(`Node ${process.version}, ${dialect} over TCP, ${own ? `--store ${store}` : `process ${pid}`}`);
  await load.run(warmUp, 128);
  const factors = new Map(connections.map((count) => [count, [] as number[]]));
  for (let run = 0; run < runs; run++) {
    for (const count of connections) factors.get(count)!.push(await measure(load, count));
  }
  for (const [count, all] of factors) {
    const [worst, target] = [Math.max(...all), AT_MOST[count]];
    const verdict =
      target === undefined || dialect !== 'prefixed' ? '' : ` ${worst <= target ? 'pass' : 'FAIL'} (at most ${target})`;
    console.log(`overhead factor at ${count} connections, worst of ${runs}: ${worst.toFixed(2)}${verdict}`);
  }
} finally {
  bare.stop();
  await own?.stop();
}

/** Loads in turns with the bare loops, prints the figures, and resolves to the overhead factor. */
async function measure(load: FieldLoad, count: number): Promise<number> {
  const loops = [await bare.measure()];
  let [cpu, seconds, turnedAway] = [0, 0, 0];
  for (let turn = 0; turn < TURNS; turn++) {
    const before = await cpuSeconds(pid);
    const result = await load.run(Math.ceil(sessions / TURNS), count);
    cpu += (await cpuSeconds(pid)) - before;
    seconds += result.seconds;
    turnedAway += result.turnedAway;
    loops.push(await bare.measure());
  }
  const done = Math.ceil(sessions / TURNS) * TURNS;
  const session = (cpu * 1e6) / done;
  const unit = loops.reduce((sum, one) => sum + one, 0) / loops.length;
  const away = turnedAway > 0 ? `, ${turnedAway} Hellos turned away and retried` : '';
  console.log(
    `${count} connections: ${(done / seconds).toFixed(0)} sessions/s, server CPU ${session.toFixed(0)} us, bare ${unit.toFixed(0)} us, factor ${(session / unit).toFixed(2)}${away}`,
  );
  return session / unit;
}
