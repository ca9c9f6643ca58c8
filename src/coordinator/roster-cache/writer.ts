// The coordinator's end of the roster cache: it publishes the clusters asked for last, applies each stored change, and hides
// what it cannot follow. Invariants: what is shown is stored; a page that a worker reads is not written.
import { type Cluster, isEphemeral } from '../../registry/cluster.ts';
import type { Change, ClusterRecord, MemberRecord, Registration } from '../../registry/command.ts';
import { Hazards } from './hazards.ts';
import { CachePages, fits } from './page.ts';

/** The coordinator's end: to be told of every change that is stored, in order. */
export class RosterCache {
  readonly #pages: CachePages;
  readonly #hazards: Hazards;
  /** The cluster that is shown on each page. */
  readonly #shown: (string | undefined)[] = [];

  constructor(memory: SharedArrayBuffer) {
    this.#pages = new CachePages(memory);
    this.#hazards = new Hazards(memory);
  }

  /** Follows a change that is stored. */
  apply(change: Change): void {
    switch (change.kind) {
      case 'cluster':
        // A mark may be of a cluster that has members already, which the change does not tell.
        if (change.keep) this.#invalidate(change.id);
        else this.#begin(change, []);
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

  /** Shows a cluster as it is stored, if it was not, unless its page shows one that has been asked for since the last time. */
  publish({ record, seats }: Cluster): void {
    const number = this.#pages.numberOf(record.id);
    if (this.#shown[number] === record.id) return this.#pages.name(record.name, number);
    if (this.#shown[number] !== undefined && this.#pages.at(number).takeUsed()) return;
    this.#begin(record, seats);
  }

  /** Shows nothing any more. */
  clear(): void {
    for (const id of this.#shown) if (id !== undefined) this.#invalidate(id);
  }

  /** An ephemeral cluster lives on what the coordinator is asked, so nothing of it is shown. */
  #begin(record: ClusterRecord, members: readonly (Registration | undefined)[]): void {
    const bytes = members.reduce((sum, member) => sum + (member?.token.length ?? 0), 0);
    if (isEphemeral(record) || !fits(bytes)) return;
    const number = this.#pages.numberOf(record.id);
    const page = this.#pages.at(number);
    this.#shown[number] = undefined;
    if (!page.hide(this.#hazards)) return;
    page.begin(record);
    for (const [index, member] of members.entries()) if (member) page.add(index, member);
    page.open();
    this.#shown[number] = record.id;
    this.#pages.name(record.name, number);
  }

  #seat(member: MemberRecord): void {
    const number = this.#pages.numberOf(member.clusterId);
    if (this.#shown[number] !== member.clusterId) return;
    if (!this.#pages.at(number).add(member.index, member)) this.#invalidate(member.clusterId);
  }

  #invalidate(clusterId: string): void {
    const number = this.#pages.numberOf(clusterId);
    if (this.#shown[number] !== clusterId) return;
    this.#shown[number] = undefined;
    this.#pages.at(number).hide(this.#hazards);
  }
}
