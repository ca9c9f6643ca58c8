// A network of this machine's own with two ends, one of them in a namespace: what runs there can be cut off from the rest.
// Needs root; addresses are of a block that is for tests, and nobody outside can reach them.

import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';

export class PrivateNetwork {
  readonly #name: string;
  readonly here: string;
  readonly there: string;

  private constructor(name: string, here: string, there: string) {
    this.#name = name;
    this.here = here;
    this.there = there;
  }

  /** Undefined, with the reason on the console, where it may not be made. */
  static make(): PrivateNetwork | undefined {
    const number = randomInt(1, 60);
    const network = new PrivateNetwork(`xlreg${number}`, `198.18.${number}.1`, `198.18.${number}.2`);
    try {
      network.#set();
      return network;
    } catch (error) {
      network.remove();
      console.log(`SKIPPED, nobody is cut off: no network namespace here: ${(error as Error).message.trim()}`);
      return undefined;
    }
  }

  /** In front of a command that is to run at the other end. */
  get within(): readonly string[] {
    return ['ip', 'netns', 'exec', this.#name];
  }

  cut(): void {
    ip('link', 'set', `${this.#name}a`, 'down');
  }

  mend(): void {
    ip('link', 'set', `${this.#name}a`, 'up');
  }

  remove(): void {
    try {
      ip('netns', 'delete', this.#name);
    } catch {}
  }

  #set(): void {
    const name = this.#name;
    ip('netns', 'add', name);
    ip('link', 'add', `${name}a`, 'type', 'veth', 'peer', 'name', `${name}b`, 'netns', name);
    ip('address', 'add', `${this.here}/30`, 'dev', `${name}a`);
    ip('link', 'set', `${name}a`, 'up');
    ip('-n', name, 'address', 'add', `${this.there}/30`, 'dev', `${name}b`);
    ip('-n', name, 'link', 'set', `${name}b`, 'up');
    ip('-n', name, 'link', 'set', 'lo', 'up');
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}
