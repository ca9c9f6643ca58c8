// Measures the cost of a frame to a worker and back, by frames in one call: copied, and in shared memory.
import { Piscina } from 'piscina';

/** A session record, a header and a message of usual length. */
export const FRAME_BYTES = 310;
/** Concurrent calls. */
const CALLS_AT_ONCE = 2;
const WARM_UP_CALLS = 1_000;

/** Frames in memory that both threads share. */
export interface SharedBatch {
  readonly shared: SharedArrayBuffer;
  readonly frames: number;
}

/** CPU time of a frame in microseconds, both threads together. */
export interface CrossingCost {
  readonly frames: number;
  readonly copied: number;
  readonly shared: number;
}

/** Measures each batch size with `calls` calls, copied and shared. */
export async function measureCrossing(sizes: readonly number[], calls: number): Promise<CrossingCost[]> {
  const pool = new Piscina({
    filename: new URL('./crossing-worker.js', import.meta.url).href,
    minThreads: 1,
    maxThreads: 1,
    concurrentTasksPerWorker: CALLS_AT_ONCE,
    atomics: 'disabled',
    execArgv: [],
  });
  try {
    const costs: CrossingCost[] = [];
    for (const frames of sizes) {
      const frame = new Uint8Array(FRAME_BYTES).fill(1);
      const fill = (batch: Uint8Array) => {
        for (let i = 0; i < frames; i++) batch.set(frame, i * FRAME_BYTES);
      };
      const copied = () => {
        const batch = new Uint8Array(frames * FRAME_BYTES);
        fill(batch);
        return pool.run(batch);
      };
      const slots = Array.from({ length: CALLS_AT_ONCE }, () => new SharedArrayBuffer(frames * FRAME_BYTES));
      const shared = (slot: number) => {
        fill(new Uint8Array(slots[slot]!));
        return pool.run({ shared: slots[slot]!, frames } satisfies SharedBatch);
      };
      costs.push({
        frames,
        copied: (await cpuPerCall(copied, calls)) / frames,
        shared: (await cpuPerCall(shared, calls)) / frames,
      });
    }
    return costs;
  } finally {
    await pool.destroy();
  }
}

/** CPU time of the whole process for a call, in microseconds. */
async function cpuPerCall(call: (slot: number) => Promise<unknown>, calls: number): Promise<number> {
  const repeat = async (times: number) => {
    const loop = async (slot: number) => {
      for (let i = slot; i < times; i += CALLS_AT_ONCE) await call(slot);
    };
    await Promise.all(Array.from({ length: CALLS_AT_ONCE }, (_, slot) => loop(slot)));
  };
  await repeat(Math.min(calls, WARM_UP_CALLS));
  const before = process.cpuUsage();
  await repeat(calls);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls;
}
