// The clusters whose roster has changed since the last look, for those who wait for a change (V5).
import { CHANGED_CLUSTERS_MAX } from '../limits.ts';

/** Changed clusters by ID, or `all` if they are too many to list. */
export type ClusterChanges = ReadonlySet<string> | 'all';

export class ChangedClusters {
  /** BOUNDED by CHANGED_CLUSTERS_MAX. */
  #ids = new Set<string>();
  /** True while the table is loaded: nobody waits yet. */
  #all = true;

  note(id: string): void {
    if (this.#all) return;
    this.#ids.add(id);
    if (this.#ids.size > CHANGED_CLUSTERS_MAX) this.noteAll();
  }

  noteAll(): void {
    this.#all = true;
    this.#ids.clear();
  }

  /** Returns the clusters that have changed since the last call, deleted ones included. */
  take(): ClusterChanges {
    if (this.#all) {
      this.#all = false;
      return 'all';
    }
    const taken = this.#ids;
    if (taken.size > 0) this.#ids = new Set();
    return taken;
  }
}
