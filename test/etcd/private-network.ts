// A private network on this machine. One of its two ends is in a network namespace, so processes there can be cut off.
// Needs root. The addresses are from a block reserved for tests.

import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';

/** Networks of all runs on this machine at a time. */
const NETWORKS_MAX = 59;

export class PrivateNetwork {
  readonly #name: string;
  readonly here: string;
  readonly there: string;

  private constructor(name: string, here: string, there: string) {
    this.#name = name;
    this.here = here;
    this.there = there;
  }

  /** Makes a network, with the first free number from `first` on. Returns undefined and logs the reason if it may not. */
  static make(first = randomInt(NETWORKS_MAX)): PrivateNetwork | undefined {
    for (let tries = 0; ; tries++) {
      const number = 1 + ((first + tries) % NETWORKS_MAX);
      const network = new PrivateNetwork(`xlreg${number}`, `198.18.${number}.1`, `198.18.${number}.2`);
      try {
        network.#set();
        return network;
      } catch (error) {
        const reason = (error as Error).message.trim();
        // Another run has this number.
        if (/File exists/.test(reason) && tries < NETWORKS_MAX - 1) continue;
        console.log(`SKIPPED, a network namespace cannot be made here: ${reason}`);
        return undefined;
      }
    }
  }

  /** The command prefix that runs a program at the far end. */
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
    try {
      ip('link', 'add', `${name}a`, 'type', 'veth', 'peer', 'name', `${name}b`, 'netns', name);
      ip('address', 'add', `${this.here}/30`, 'dev', `${name}a`);
      ip('link', 'set', `${name}a`, 'up');
      ip('-n', name, 'address', 'add', `${this.there}/30`, 'dev', `${name}b`);
      ip('-n', name, 'link', 'set', `${name}b`, 'up');
      ip('-n', name, 'link', 'set', 'lo', 'up');
    } catch (error) {
      this.remove();
      throw error;
    }
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}
