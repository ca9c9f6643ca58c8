// The coordinator's end of the roster cache, in stage 4, sequential: it publishes the clusters that are asked for,
// applies each stored change, and invalidates a page that it cannot update. Invariants: published clusters are stored;
// a page that a worker reads is never rewritten, but for its roster state.
import { epochOf, isComplete } from '../../registry/barrier.ts';
import { type Cluster, isEphemeral } from '../../registry/cluster.ts';
import type { Change, ClusterRecord, MemberRecord, Registration } from '../../registry/command.ts';
import { wholeTokenBytes } from '../../registry/roster.ts';
import { Hazards } from './hazards.ts';
import { CachePages, fits } from './page.ts';

/** The only writer of the cache. The coordinator passes it every stored change, in order. */
export class RosterCache {
  readonly #pages: CachePages;
  readonly #hazards: Hazards;
  /** By page: the ID of the published cluster. */
  readonly #published: (string | undefined)[] = [];
  /** By page: the version of its roster state; undefined if it has none. */
  readonly #versions: (number | undefined)[] = [];
  #history = '';

  constructor(memory: SharedArrayBuffer) {
    this.#pages = new CachePages(memory);
    this.#hazards = new Hazards(memory);
  }

  /** Names what versions belong to (V1), hex. Call it before the first change. */
  beginHistory(history: string): void {
    this.#history = history;
  }

  /** Applies a stored change. */
  apply(change: Change): void {
    switch (change.kind) {
      case 'cluster':
        // A change that marks a cluster as kept does not carry its members.
        if (change.keep) this.#invalidate(change.id);
        // A round asks every member for a message, which has to reach the coordinator.
        else if (!change.confirmMs) this.#begin(change, []);
        return;
      case 'member':
        this.#seat(change);
        return;
      case 'member-removal':
        this.#invalidate(change.clusterId);
        return;
      case 'cluster-removal':
        this.#invalidate(change.id);
    }
  }

  /**
   * Publishes a stored cluster, unless its page holds another, read since publish() last tried it. Readers of the
   * sealed dialect find it only with a roster state: `stated` is true if they may ask soon.
   */
  publish(cluster: Cluster, stated: boolean): void {
    const { record, seats } = cluster;
    if (record.confirmMs && !isComplete(cluster)) return;
    const number = this.#pages.numberOf(record.id);
    if (this.#published[number] === record.id) this.#pages.name(record.name, number);
    else if (this.#published[number] !== undefined && this.#pages.at(number).takeUsed()) return;
    else this.#begin(record, seats);
    if (stated) this.#state(cluster, number);
  }

  /** Drops the roster states of changes that were undone: versions have risen, though seats are the same (V1). */
  undone(changes: readonly Change[]): void {
    for (const change of changes) {
      if (!('clusterId' in change)) continue;
      const number = this.#pages.numberOf(change.clusterId);
      if (this.#published[number] !== change.clusterId) continue;
      this.#pages.at(number).dropState();
      this.#versions[number] = undefined;
    }
  }

  /** Invalidates every page. */
  clear(): void {
    for (const id of this.#published) if (id !== undefined) this.#invalidate(id);
  }

  /**
   * Skips an ephemeral cluster: its GetClusters keep it alive, so the coordinator has to see them. Skips a cluster that
   * admits by join tokens: the coordinator alone judges who is admitted.
   */
  #begin(record: ClusterRecord, members: readonly (Registration | undefined)[]): void {
    if (isEphemeral(record) || record.owner !== undefined) return;
    const bytes = members.reduce((sum, member) => sum + (member?.token.length ?? 0), 0);
    const wholeBytes = members.reduce((sum, one) => sum + (one ? wholeTokenBytes(one.token, one.sealed) : 0), 0);
    if (!fits(bytes, wholeBytes)) return;
    const number = this.#pages.numberOf(record.id);
    const page = this.#pages.at(number);
    this.#published[number] = undefined;
    if (!page.hide(this.#hazards)) return;
    page.begin(record, this.#history);
    this.#versions[number] = undefined;
    for (const [index, member] of members.entries()) if (member) page.add(index, member);
    page.publish();
    this.#published[number] = record.id;
    this.#pages.name(record.name, number);
  }

  /** Brings the roster state of a page up to date. The page has all stored seats of its cluster. */
  #state(cluster: Cluster, number: number): void {
    const { version } = cluster.versions;
    if (this.#published[number] !== cluster.record.id || this.#versions[number] === version) return;
    if (cluster.memberCount === 0) return;
    // A full cluster from a store may lack its epoch until the next commit. The coordinator answers meanwhile (Q1).
    if (cluster.isFull && !isComplete(cluster)) return;
    this.#pages.at(number).setState({ version, epoch: epochOf(cluster), rosterHash: cluster.rosterHash });
    this.#versions[number] = version;
  }

  #seat(member: MemberRecord): void {
    const number = this.#pages.numberOf(member.clusterId);
    if (this.#published[number] !== member.clusterId) return;
    if (!this.#pages.at(number).add(member.index, member)) this.#invalidate(member.clusterId);
  }

  #invalidate(clusterId: string): void {
    const number = this.#pages.numberOf(clusterId);
    if (this.#published[number] !== clusterId) return;
    this.#published[number] = undefined;
    this.#pages.at(number).hide(this.#hazards);
  }
}
