// Copies of the running table for backups: one at a time, in order. BOUNDED: the schedule, POST /backup and the stream
// each have one copy in work at most.
import type { CoordinatorThread } from '../coordinator/thread/handle.ts';

export class TableCopies {
  readonly #coordinator: () => CoordinatorThread | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(coordinator: () => CoordinatorThread | undefined) {
    this.#coordinator = coordinator;
  }

  /** Copies the table to a directory that does not exist. Rejects with the store's error. */
  copy(directory: string): Promise<void> {
    const copied = this.#last.then(async () => {
      const coordinator = this.#coordinator();
      if (coordinator === undefined) throw new Error('the table is not loaded yet');
      await coordinator.backup(directory);
    });
    this.#last = copied.catch(() => {});
    return copied;
  }
}
