// What one call costs this thread, in CPU time, whatever else the machine is doing.
import { threadCpuNanoseconds } from '../measure/thread-cpu.ts';

/** A stretch that the kernel's ticks, 1 to 4 ms apart, measure well enough. */
const STRETCH_MS = 60;
const STRETCHES = 5;
const WARM_UP_MS = 40;

/** CPU microseconds of a call: the median of five stretches of calls. */
export function cpuPerOp(run: () => unknown): number {
  let calls = 1;
  // Doubled until they take long enough: by then they are compiled, too.
  for (let took = 0; took < WARM_UP_MS; calls *= 2) took = wallOf(run, calls);
  const callsPerStretch = Math.max(1, Math.round((calls / 2) * (STRETCH_MS / WARM_UP_MS)));
  const costs = Array.from({ length: STRETCHES }, () => {
    const before = threadCpuNanoseconds();
    wallOf(run, callsPerStretch);
    return (threadCpuNanoseconds() - before) / callsPerStretch / 1_000;
  });
  return costs.sort((a, b) => a - b)[Math.floor(STRETCHES / 2)]!;
}

function wallOf(run: () => unknown, calls: number): number {
  const started = performance.now();
  for (let i = 0; i < calls; i++) {
    // Looked at, so that no compiler finds that nobody needs it.
    if (run() === run) throw new Error('a stage returned itself');
  }
  return performance.now() - started;
}
