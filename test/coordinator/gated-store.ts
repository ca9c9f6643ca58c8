// A store whose commits wait until they are let through or fail: for looking at what happens meanwhile.

import type { Change } from '../../src/registry/command.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import type { CommitOutcome, Store } from '../../src/store/store.ts';

/** A commit that has begun. */
export interface Gate {
  readonly batch: readonly Change[];
  /** Lets it through. */
  pass(): void;
  /** Makes it reject, with nothing of it stored. */
  fail(): void;
  /** Makes it reject though all of it is stored. */
  passAndFail(): void;
}

export class GatedStore implements Store {
  readonly #inner = new MemoryStore();
  readonly #begun: Gate[] = [];
  readonly #awaited: ((gate: Gate) => void)[] = [];
  #underWay = 0;
  /** The most commits that were ever under way at once. */
  most = 0;

  load(): AsyncIterable<Change> {
    return this.#inner.load();
  }

  async commit(batch: readonly Change[]): Promise<CommitOutcome[]> {
    this.most = Math.max(this.most, ++this.#underWay);
    const end = await new Promise<keyof Omit<Gate, 'batch'>>((resolve) => {
      this.#begin({
        batch,
        pass: () => resolve('pass'),
        fail: () => resolve('fail'),
        passAndFail: () => resolve('passAndFail'),
      });
    });
    this.#underWay -= 1;
    const outcomes = end === 'fail' ? [] : await this.#inner.commit(batch);
    if (end !== 'pass') throw new Error('the disk is full');
    return outcomes;
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  /** The next commit, as soon as it has begun. */
  nextCommit(): Promise<Gate> {
    const gate = this.#begun.shift();
    return gate ? Promise.resolve(gate) : new Promise((resolve) => this.#awaited.push(resolve));
  }

  #begin(gate: Gate): void {
    const awaited = this.#awaited.shift();
    if (awaited) awaited(gate);
    else this.#begun.push(gate);
  }
}
