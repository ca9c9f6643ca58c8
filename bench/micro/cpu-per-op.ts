// What one call costs this thread, in CPU time, whatever else the machine is doing.
import { threadCpuNanoseconds } from '../measure/thread-cpu.ts';

/** A stretch that the kernel's ticks, 1 to 4 ms apart, measure well enough. */
const STRETCH_MS = 60;
const STRETCHES = 5;
const WARM_UP_MS = 40;

/** CPU microseconds of a call: the median of five stretches of calls. */
export function cpuPerOp(run: () => unknown): number {
  let calls = 1;
  let took = cpuMilliseconds(run, calls);
  // Doubled until they take long enough: by then they are compiled, too.
  while (took < WARM_UP_MS) {
    calls *= 2;
    took = cpuMilliseconds(run, calls);
  }
  const callsPerStretch = Math.ceil((calls * STRETCH_MS) / took);
  const costs = Array.from(
    { length: STRETCHES },
    () => (cpuMilliseconds(run, callsPerStretch) / callsPerStretch) * 1_000,
  );
  return costs.sort((a, b) => a - b)[Math.floor(STRETCHES / 2)]!;
}

/** Of so many calls in a row. */
function cpuMilliseconds(run: () => unknown, calls: number): number {
  const before = threadCpuNanoseconds();
  for (let i = 0; i < calls; i++) {
    // Looked at, so that no compiler finds that nobody needs it.
    if (run() === run) throw new Error('a stage returned itself');
  }
  return (threadCpuNanoseconds() - before) / 1e6;
}
