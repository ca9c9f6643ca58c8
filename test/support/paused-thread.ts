// A real thread that pauses at a chosen place in the code under test, to drive one interleaving of two threads.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { until } from './until.ts';

/** Indexes of the gate's words: pauses begun, and pauses ended. */
const [BEGUN, ENDED, WORDS] = [0, 1, 2];

/**
 * The scope of a thread's program. `data` is the thread's data, and `pause()` pauses it. `pauseAt(name, when, nth)`
 * pauses it before or after the nth call of `Atomics[name]` from now on.
 */
const PRELUDE = `
import { workerData } from 'node:worker_threads';
const { data, gate } = workerData;
const original = { ...Object.fromEntries(Object.getOwnPropertyNames(Atomics).map((name) => [name, Atomics[name]])) };
const gateWords = new Int32Array(gate);
function pause() {
  const number = original.add(gateWords, ${BEGUN}, 1) + 1;
  for (let ended; (ended = original.load(gateWords, ${ENDED})) < number; ) original.wait(gateWords, ${ENDED}, ended);
}
function pauseAt(name, when, nth = 1) {
  let calls = 0;
  Atomics[name] = (...args) => {
    const isThis = ++calls === nth;
    if (isThis) Atomics[name] = original[name];
    if (isThis && when === 'before') pause();
    const result = original[name](...args);
    if (isThis && when === 'after') pause();
    return result;
  };
}
`;

export class PausedThread {
  readonly #gate = new Int32Array(new SharedArrayBuffer(WORDS * 4));
  readonly #worker: Worker;
  readonly #failed: Promise<never>;
  /** Resolves when the thread has ended; rejects if it failed. */
  readonly ended: Promise<void>;

  /** `imports` maps a module's path in src/, without extension, to names that it exports. */
  constructor(imports: Readonly<Record<string, string>>, program: string, data: Readonly<Record<string, unknown>>) {
    const lines = Object.entries(imports).map(([path, names]) => {
      const url = new URL(`../../dist/src/${path}.js`, import.meta.url).href;
      return `import { ${names} } from '${url}';`;
    });
    this.#worker = new Worker([PRELUDE, ...lines, program].join('\n'), {
      eval: true,
      workerData: { data, gate: this.#gate.buffer },
      execArgv: ['--input-type=module'],
    });
    this.#failed = once(this.#worker, 'error').then(([error]) => {
      throw error;
    });
    this.#failed.catch(() => {});
    this.ended = Promise.race([once(this.#worker, 'exit').then(() => {}), this.#failed]);
    this.ended.catch(() => {});
  }

  /** Resolves when the thread has reached its nth pause. */
  async paused(nth = 1): Promise<void> {
    await Promise.race([until(() => Atomics.load(this.#gate, BEGUN) >= nth), this.#failed]);
  }

  /** Ends the pause. */
  goOn(): void {
    Atomics.add(this.#gate, ENDED, 1);
    Atomics.notify(this.#gate, ENDED);
  }

  /** Ends the thread at its pause. */
  async kill(): Promise<void> {
    await this.#worker.terminate();
  }
}
