// The coordinator's end of the roster cache, in stage 4, sequential: it publishes the clusters that are asked for,
// applies each stored change, and invalidates a page that it cannot update. Invariants: published clusters are stored;
// a page that a worker reads is never rewritten.
import { isComplete } from '../../registry/barrier.ts';
import { type Cluster, isEphemeral } from '../../registry/cluster.ts';
import type { Change, ClusterRecord, MemberRecord, Registration } from '../../registry/command.ts';
import { Hazards } from './hazards.ts';
import { CachePages, fits } from './page.ts';

/** The only writer of the cache. The coordinator passes it every stored change, in order. */
export class RosterCache {
  readonly #pages: CachePages;
  readonly #hazards: Hazards;
  /** By page: the ID of the published cluster. */
  readonly #published: (string | undefined)[] = [];

  constructor(memory: SharedArrayBuffer) {
    this.#pages = new CachePages(memory);
    this.#hazards = new Hazards(memory);
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

  /** Publishes a stored cluster, unless its page holds another, read since publish() last tried it. */
  publish(cluster: Cluster): void {
    const { record, seats } = cluster;
    if (record.confirmMs && !isComplete(cluster)) return;
    const number = this.#pages.numberOf(record.id);
    if (this.#published[number] === record.id) return this.#pages.name(record.name, number);
    if (this.#published[number] !== undefined && this.#pages.at(number).takeUsed()) return;
    this.#begin(record, seats);
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
    const bytes = members.reduce((sum, member) => sum + (member?.token.length ?? 0), 0);
    if (isEphemeral(record) || record.owner !== undefined || !fits(bytes)) return;
    const number = this.#pages.numberOf(record.id);
    const page = this.#pages.at(number);
    this.#published[number] = undefined;
    if (!page.hide(this.#hazards)) return;
    page.begin(record);
    for (const [index, member] of members.entries()) if (member) page.add(index, member);
    page.publish();
    this.#published[number] = record.id;
    this.#pages.name(record.name, number);
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
