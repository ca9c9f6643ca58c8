// A store whose commits wait until a test passes or fails them.

import type { Change, StoredRecord } from '../../src/registry/command.ts';
import { MemoryStore } from '../../src/store/memory/memory-store.ts';
import { type CommitOutcome, type Store, StoreFullError, type StoreItem } from '../../src/store/store.ts';

/** A commit that has begun. */
export interface Gate {
  readonly batch: readonly Change[];
  /** Commits the batch. */
  pass(): void;
  /** Rejects with a full store; nothing is stored. */
  fail(): void;
  /** Rejects with a broken store; nothing is stored. */
  break(): void;
  /** Rejects with a broken store, although everything is stored. */
  passAndBreak(): void;
}

export class GatedStore implements Store {
  readonly #inner = new MemoryStore();
  readonly #begun: Gate[] = [];
  readonly #awaited: ((gate: Gate) => void)[] = [];
  #pending = 0;
  /** The maximum of concurrent commits so far. */
  most = 0;

  /** The trouble that probes report: a full or a broken store. */
  trouble: 'full' | 'broken' | undefined;
  probes = 0;

  load(): AsyncIterable<readonly StoredRecord[]> {
    return this.#inner.load();
  }

  async commit(batch: readonly StoreItem[]): Promise<CommitOutcome[]> {
    this.most = Math.max(this.most, ++this.#pending);
    const end = await new Promise<keyof Omit<Gate, 'batch'>>((resolve) => {
      this.#begin({
        batch: batch.flat(),
        pass: () => resolve('pass'),
        fail: () => resolve('fail'),
        break: () => resolve('break'),
        passAndBreak: () => resolve('passAndBreak'),
      });
    });
    this.#pending -= 1;
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

  /** Resolves with the next commit once it has begun. */
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
