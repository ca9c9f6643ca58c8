// Finds one page of clusters in name order, for operators. The table keeps no index by name. A scan visits all clusters
// in steps, so that commands run in between, and keeps the lowest names. Nothing is kept between two pages.
import { isComplete } from './barrier.ts';
import type { Cluster } from './cluster.ts';
import type { ClusterProperties } from './command.ts';

/** Fill level of a cluster: no member, some, or all seats taken. */
export type FillState = 'empty' | 'filling' | 'full';

/** A cluster as the admin port shows it. */
export interface ClusterSummary extends ClusterProperties {
  readonly name: string;
  /** Number of members. */
  readonly members: number;
  /** True if the cluster never expires for lack of members. */
  readonly keep: boolean;
  /** True if the cluster is complete, whether or not a seat has become empty since. */
  readonly complete: boolean;
  /** Present until a cluster with a confirm time is complete. */
  readonly forming?: FormingSummary;
}

/** The progress of a cluster with a confirm time. */
export interface FormingSummary {
  readonly confirmMs: number;
  /** Age of the round in milliseconds, as this server counts it; null without a round. */
  readonly roundAgeMs: number | null;
  /** Members that have confirmed the round. */
  readonly confirmed: number;
}

/** Selects the clusters of one page. */
export interface ClusterQuery {
  /** Prefix of the names; empty for all. */
  readonly prefix: string;
  readonly fill: FillState | undefined;
  /** Lists only names that sort after this one; empty for all. */
  readonly after: string;
  /** Maximum number of clusters on the page. */
  readonly limit: number;
}

/** Clusters in name order. A cluster that exists throughout a listing is on exactly one of its pages. */
export interface ClusterPage {
  readonly clusters: readonly ClusterSummary[];
  /** True if more clusters follow the last one. */
  readonly more: boolean;
}

export function summaryOf(cluster: Cluster): ClusterSummary {
  const { record, memberCount } = cluster;
  const { id, name, size, endPointCount, attrs, keep = false } = record;
  return {
    id,
    name,
    size,
    endPointCount,
    attrs,
    members: memberCount,
    keep,
    complete: isComplete(cluster),
    ...formingOf(cluster),
  };
}

function formingOf(cluster: Cluster): { readonly forming?: FormingSummary } {
  const { confirmMs } = cluster.record;
  if (!confirmMs || isComplete(cluster)) return {};
  const { round } = cluster;
  return { forming: { confirmMs, roundAgeMs: round?.ageMs ?? null, confirmed: round?.confirmed.size ?? 0 } };
}

export class ClusterScan {
  readonly #query: ClusterQuery;
  readonly #iterator: Iterator<Cluster>;
  /** The lowest names so far. Holds up to twice the limit, so that few visits need a sort. */
  #found: ClusterSummary[] = [];
  /** Lowest name that can no longer be on the page; undefined until the page is full. */
  #end: string | undefined;

  constructor(clusters: ReadonlyMap<string, Cluster>, query: ClusterQuery) {
    this.#query = query;
    this.#iterator = clusters.values();
  }

  /** Visits the next `count` clusters. Returns undefined until all have been visited. */
  next(count: number): ClusterPage | undefined {
    for (let visited = 0; visited < count; visited++) {
      const { done, value } = this.#iterator.next();
      if (done) return this.#page();
      if (this.#isWanted(value)) this.#found.push(summaryOf(value));
      if (this.#found.length >= 2 * (this.#query.limit + 1)) this.#prune();
    }
    return undefined;
  }

  #isWanted(cluster: Cluster): boolean {
    const { prefix, fill, after } = this.#query;
    const { name } = cluster.record;
    if (name <= after || (this.#end !== undefined && name >= this.#end) || !name.startsWith(prefix)) return false;
    return fill === undefined || fill === fillOf(cluster);
  }

  /** Keeps one entry beyond the limit, which shows that more follow. */
  #prune(): void {
    this.#found.sort((one, other) => (one.name < other.name ? -1 : 1));
    this.#found.length = Math.min(this.#found.length, this.#query.limit + 1);
    if (this.#found.length > this.#query.limit) this.#end = this.#found.at(-1)!.name;
  }

  #page(): ClusterPage {
    this.#prune();
    return { clusters: this.#found.slice(0, this.#query.limit), more: this.#found.length > this.#query.limit };
  }
}

function fillOf(cluster: Cluster): FillState {
  if (cluster.memberCount === 0) return 'empty';
  return cluster.isFull ? 'full' : 'filling';
}
