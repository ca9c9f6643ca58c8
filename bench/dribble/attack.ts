import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { AttackOrder } from './attacker.ts';

/** Handle of the attacking process (attacker.ts). */
export class Attack {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(order: AttackOrder): Promise<Attack> {
    const child = fork(fileURLToPath(new URL('./attacker.js', import.meta.url)), [JSON.stringify(order)]);
    await once(child, 'message');
    return new Attack(child);
  }

  /** Ends the process; resolves to the number of segments it sent. */
  async stop(): Promise<number> {
    this.#child.send('segments');
    const [segments] = await once(this.#child, 'message');
    this.#child.disconnect();
    await once(this.#child, 'exit');
    return segments as number;
  }
}
