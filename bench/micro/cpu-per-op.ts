// Measures the CPU time of one call on this thread, independent of other load on the machine.
import { threadCpuNanoseconds } from '../measure/thread-cpu.ts';

/** Long enough to be measured by kernel ticks of 1 to 4 ms. */
const STRETCH_MS = 60;
const STRETCHES = 5;
const WARM_UP_MS = 40;

/** CPU time of a call in microseconds: the median of five stretches. */
export function cpuPerOp(run: () => unknown): number {
  let calls = 1;
  let took = cpuMilliseconds(run, calls);
  // Double the calls until they take long enough. By then V8 has compiled them.
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

/** CPU time of `calls` calls in a row. */
function cpuMilliseconds(run: () => unknown, calls: number): number {
  const before = threadCpuNanoseconds();
  for (let i = 0; i < calls; i++) {
    // Use the result, so that the compiler cannot remove the call.
    if (run() === run) throw new Error('a stage returned itself');
  }
  return (threadCpuNanoseconds() - before) / 1e6;
}
