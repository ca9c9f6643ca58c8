// A page of clusters by name, for operators. The table keeps no order of names, so a page is found by going through all
// clusters a few at a time and keeping the first names seen: nobody is held up, and nothing is kept between pages.
import type { Cluster } from './cluster.ts';
import type { ClusterProperties } from './command.ts';

/** How far a cluster has come: nobody is in it, some are, or all. */
export type FillState = 'empty' | 'filling' | 'full';

/** A cluster as operators are shown it. */
export interface ClusterSummary extends ClusterProperties {
  readonly name: string;
  /** How many members there are. */
  readonly members: number;
  /** Whether it stays without a member. */
  readonly keep: boolean;
}

/** Which clusters. */
export interface ClusterQuery {
  /** How their names begin; empty for all. */
  readonly prefix: string;
  readonly fill: FillState | undefined;
  /** Only names behind this one; empty for all. */
  readonly after: string;
  /** How many at most. */
  readonly limit: number;
}

/** Clusters in the order of their names. One that is there throughout is on exactly one page. */
export interface ClusterPage {
  readonly clusters: readonly ClusterSummary[];
  /** There are others behind the last. */
  readonly more: boolean;
}

export function summaryOf({ record, memberCount }: Cluster): ClusterSummary {
  const { id, name, size, endPointCount, attrs, keep = false } = record;
  return { id, name, size, endPointCount, attrs, members: memberCount, keep };
}

export class ClusterScan {
  readonly #query: ClusterQuery;
  readonly #place: Iterator<Cluster>;
  /** The first names so far; up to twice as many as are wanted, so that they need not be sorted each time. */
  #found: ClusterSummary[] = [];
  /** Names from here on are of no interest any more. */
  #end: string | undefined;

  constructor(clusters: ReadonlyMap<string, Cluster>, query: ClusterQuery) {
    this.#query = query;
    this.#place = clusters.values();
  }

  /** Looks at the next `count` clusters; undefined until all have been looked at. */
  next(count: number): ClusterPage | undefined {
    for (let looked = 0; looked < count; looked++) {
      const { done, value } = this.#place.next();
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

  /** Keeps one more than wanted, which tells that there is more. */
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
