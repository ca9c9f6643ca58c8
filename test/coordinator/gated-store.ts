// A store whose commits wait until they are let through or fail: for looking at what happens meanwhile.

import type { Change, StoredRecord } from '../../src/registry/command.ts';
import { MemoryStore } from '../../src/store/memory/memory-store.ts';
import { type CommitOutcome, type Store, StoreFullError, type StoreItem } from '../../src/store/store.ts';

/** A commit that has begun. */
export interface Gate {
  readonly batch: readonly Change[];
  /** Lets it through. */
  pass(): void;
  /** Makes it reject for want of room, with nothing of it stored. */
  fail(): void;
  /** Makes it reject so that nobody knows what is stored, with nothing of it stored. */
  break(): void;
  /** Makes it reject so that nobody knows what is stored, though all of it is. */
  passAndBreak(): void;
}

export class GatedStore implements Store {
  readonly #inner = new MemoryStore();
  readonly #begun: Gate[] = [];
  readonly #awaited: ((gate: Gate) => void)[] = [];
  #underWay = 0;
  /** The most commits that were ever under way at once. */
  most = 0;

  /** Whether probes find no room, or find that the store is broken. */
  trouble: 'full' | 'broken' | undefined;
  probes = 0;

  load(): AsyncIterable<readonly StoredRecord[]> {
    return this.#inner.load();
  }

  async commit(batch: readonly StoreItem[]): Promise<CommitOutcome[]> {
    this.most = Math.max(this.most, ++this.#underWay);
    const end = await new Promise<keyof Omit<Gate, 'batch'>>((resolve) => {
      this.#begin({
        batch: batch.flat(),
        pass: () => resolve('pass'),
        fail: () => resolve('fail'),
        break: () => resolve('break'),
        passAndBreak: () => resolve('passAndBreak'),
      });
    });
    this.#underWay -= 1;
    if (end === 'fail') throw new StoreFullError('the disk is full');
    if (end === 'break') throw new Error('the disk is gone');
    const outcomes = await this.#inner.commit(batch);
    if (end === 'passAndBreak') throw new Error('the disk is gone');
    return outcomes;
  }

  async probe(): Promise<void> {
    this.probes += 1;
    if (this.trouble === 'full') throw new StoreFullError('the disk is full');
    if (this.trouble === 'broken') throw new Error('the disk is gone');
  }

  size(): number {
    return this.#inner.size();
  }

  room(): number {
    return this.#inner.room();
  }

  backup(): Promise<void> {
    return this.#inner.backup();
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
