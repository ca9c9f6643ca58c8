// The generator process: prepares its load, reports, waits for `go`, runs, reports. It ends with its parent.
import { machineClock } from './clock.ts';
import { runClosedLoop } from './closed-loop.ts';
import type { GeneratorNews, GeneratorOrder } from './load-order.ts';
import { runOpenLoop } from './open-loop.ts';
import { Tally } from './tally.ts';
import { type PreparedWork, prepareWork } from './work.ts';

const PROGRESS_INTERVAL_MS = 250;

/** Units of work of earlier runs of this process. The next run continues behind them. */
let unitsBefore = 0;
let prepared: PreparedWork | undefined;

process.on('disconnect', () => process.exit(1));
process.on('message', (message: GeneratorOrder) => {
  handle(message).catch((error: unknown) => send({ kind: 'broken', message: String(error) }));
});

async function handle(message: GeneratorOrder): Promise<void> {
  if (message.kind === 'prepare') {
    prepared = await prepareWork(message.order);
    send({ kind: 'prepared' });
    return;
  }
  const work = prepared!;
  if (message.kind === 'release') {
    work.release();
    process.disconnect();
    return;
  }
  const { arrivals, count } = message;
  const first = unitsBefore;
  unitsBefore += count;
  work.prepare?.(first, count);
  const tally = new Tally();
  const started = machineClock.now();
  const cpuBefore = process.cpuUsage();
  const progressTimer = setInterval(() => send({ kind: 'progress', settled: tally.settled }), PROGRESS_INTERVAL_MS);
  if (arrivals.mode === 'open') {
    await runOpenLoop(arrivals, count, (unit) => work.run(first + unit, 0), tally, machineClock);
  } else {
    const run = (unit: number, connection: number) => work.run(first + unit, connection);
    await runClosedLoop(arrivals, count, run, tally, machineClock);
  }
  clearInterval(progressTimer);
  const { user, system } = process.cpuUsage(cpuBefore);
  const report = tally.report((machineClock.now() - started) / 1_000, (user + system) / 1e6);
  send({ kind: 'report', report });
}

function send(news: GeneratorNews): void {
  process.send!(news);
}
