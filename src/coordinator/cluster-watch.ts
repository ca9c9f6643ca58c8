// Which clusters have changed since somebody looked last, for whoever watches them fill. Costs nothing while nobody does.

import type { ClusterSummary } from '../registry/cluster-scan.ts';
import type { ClusterTable } from '../registry/cluster-table.ts';
import type { Change } from '../registry/command.ts';

/** What happened to clusters. */
export interface ClusterNews {
  /** As they are now. */
  readonly changed: readonly ClusterSummary[];
  /** IDs of those that are gone. */
  readonly gone: readonly string[];
  /** More than these have changed; which is not known. */
  readonly more: boolean;
}

/** Clusters told of at once. Beyond it whoever watches lists them again. */
const CLUSTERS_MAX = 256;

export class ClusterWatch {
  /** By their IDs; undefined while nobody watches. */
  #touched: Set<string> | undefined;
  #more = false;

  get watching(): boolean {
    return this.#touched !== undefined;
  }

  /** Begins or ends the watch. */
  set watching(watching: boolean) {
    this.#touched = watching ? new Set() : undefined;
    this.#more = false;
  }

  /** Changes have been stored. */
  stored(changes: readonly Change[]): void {
    if (this.#touched === undefined) return;
    for (const change of changes) {
      const id = clusterIdOf(change);
      if (id === undefined || this.#touched.has(id)) continue;
      if (this.#touched.size < CLUSTERS_MAX) this.#touched.add(id);
      else this.#more = true;
    }
  }

  /** What is new since the last time; undefined if nothing is. */
  take(table: ClusterTable): ClusterNews | undefined {
    if (!this.#touched?.size) return undefined;
    const changed: ClusterSummary[] = [];
    const gone: string[] = [];
    for (const id of this.#touched) {
      const summary = table.summarize({ id });
      if (summary) changed.push(summary);
      else gone.push(id);
    }
    const news = { changed, gone, more: this.#more };
    this.watching = true;
    return news;
  }
}

function clusterIdOf(change: Change): string | undefined {
  switch (change.kind) {
    case 'cluster':
    case 'cluster-removal':
      return change.id;
    case 'member':
    case 'member-removal':
      return change.clusterId;
    default:
      return undefined;
  }
}
