// Measures bare on all cores at once, in a process for each.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

const LOOP_MS = 700;

export class BareLoops {
  readonly #children: readonly ChildProcess[];

  private constructor(children: readonly ChildProcess[]) {
    this.#children = children;
  }

  /** Starts the processes. They end with this one. */
  static async start(): Promise<BareLoops> {
    const file = fileURLToPath(new URL('bare-process.ts', import.meta.url));
    const children = Array.from({ length: availableParallelism() }, () => fork(file));
    await Promise.all(children.map((child) => once(child, 'message')));
    return new BareLoops(children);
  }

  /** Microseconds of CPU for the crypto of a session, the mean of all cores. */
  async measure(): Promise<number> {
    const measured = this.#children.map(async (child) => {
      child.send(LOOP_MS);
      return ((await once(child, 'message')) as [number])[0];
    });
    return (await Promise.all(measured)).reduce((sum, one) => sum + one, 0) / this.#children.length;
  }

  stop(): void {
    for (const child of this.#children) child.disconnect();
  }
}
