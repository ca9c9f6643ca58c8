// The clients and clusters of a table, with their counts. Invariants: a client's seats are exactly the clusters it is a
// member of. The counts match the maps.
import { strict as assert } from 'node:assert';
import type { Refusal } from '../errors.ts';
import { Barriers } from './barrier.ts';
import { ChangedClusters } from './changed-clusters.ts';
import { Client } from './client.ts';
import type { Cluster } from './cluster.ts';
import type { LossReason } from './cluster-versions.ts';
import type { ClientRecord, ClusterRecord, EntryRecord, MemberRecord, Registration } from './command.ts';
import type { RosterMaker } from './epoch.ts';
import type { LeaseTracker } from './lease-tracker.ts';
import type { Outcome } from './outcome.ts';
import { RecentChanges } from './recent-changes.ts';

/** Number of entries of each kind. */
export interface TableCounts {
  readonly clients: number;
  readonly clusters: number;
  readonly members: number;
}

/** Fill level of all clusters together. */
export interface FillCounts {
  readonly fullClusters: number;
  /** Seats of all clusters, taken or free. */
  readonly seats: number;
}

/** Pays for an addition before it is made. Returns the refusal if the client's address has no budget left (R4). */
export type Pay = (adds: NonNullable<Outcome['adds']>) => Refusal | undefined;

export class TableContents {
  /**
   * Pays for what the present command adds. A command asks before it changes seats: an undone addition would raise
   * versions and wake waiting clients.
   */
  pay: Pay = () => undefined;
  readonly clients = new Map<string, Client>();
  readonly clustersById = new Map<string, Cluster>();
  readonly clustersByName = new Map<string, Cluster>();
  readonly changes = new RecentChanges();
  /** Clusters whose roster has changed, for those who wait. */
  readonly changed = new ChangedClusters();
  /** Epochs of the roster bodies asked for lately, by cluster. BOUNDED by ROSTERS_ASKED_MAX. */
  readonly rostersAsked = new Map<string, number>();
  /** Undefined unless other servers share the store. */
  readonly uses: LeaseTracker | undefined;
  readonly barriers: Barriers;
  /** Undefined in a table that only replays records, which makes no epoch. */
  rosters: RosterMaker | undefined;
  /** Number of marked clients by the digest of their SigKey. BOUNDED by the clients. */
  readonly #markedKeys = new Map<string, number>();
  /** IDs of the marked clients. */
  readonly #markedIds = new Set<string>();
  #members = 0;
  #seats = 0;
  #fullClusters = 0;

  constructor(uses: LeaseTracker | undefined) {
    this.uses = uses;
    this.barriers = new Barriers(uses !== undefined, (cluster) => {
      cluster.versions.raise();
      this.changed.note(cluster.record.id);
    });
  }

  get counts(): TableCounts {
    return { clients: this.clients.size, clusters: this.clustersById.size, members: this.#members };
  }

  get fill(): FillCounts {
    return { fullClusters: this.#fullClusters, seats: this.#seats };
  }

  /** Yields every stored record: clients, then clusters, then members, then entries. */
  *records(): Iterable<ClientRecord | ClusterRecord | MemberRecord | EntryRecord> {
    for (const client of this.clients.values()) if (client.stored) yield client.record;
    for (const cluster of this.clustersById.values()) yield cluster.record;
    for (const cluster of this.clustersById.values()) {
      for (const [index, member] of cluster.seats.entries()) if (member) yield cluster.memberRecord(index);
    }
    for (const cluster of this.clustersById.values()) yield* cluster.entryRecords();
  }

  clear(): void {
    this.changed.noteAll();
    this.clients.clear();
    this.clustersById.clear();
    this.clustersByName.clear();
    this.uses?.clear();
    this.barriers.clear();
    this.#markedKeys.clear();
    this.#markedIds.clear();
    this.#members = 0;
    this.#seats = 0;
    this.#fullClusters = 0;
  }

  /** Adds or replaces a client. A new one counts as used at `now`, in milliseconds. */
  setClient(record: ClientRecord, stored: boolean, now: number): Client {
    const known = this.clients.get(record.clientId);
    if (known) {
      this.#countMark(known.record, -1);
      this.#countMark(record, 1);
      known.record = record;
      known.stored = stored;
      return known;
    }
    const client = new Client(record, stored, now);
    this.putClient(client);
    return client;
  }

  /** Puts back a client that is not in the table. */
  putClient(client: Client): void {
    this.clients.set(client.record.clientId, client);
    this.#countMark(client.record, 1);
  }

  deleteClient(clientId: string): void {
    const client = this.clients.get(clientId);
    if (!client) return;
    this.clients.delete(clientId);
    this.#countMark(client.record, -1);
  }

  /** Number of clients that only the sealed dialect may use. */
  get marked(): number {
    return this.#markedIds.size;
  }

  get markedIds(): Iterable<string> {
    return this.#markedIds;
  }

  /** True if a client with this SigKey is marked. */
  isMarkedKey(sigKeyDigest: string): boolean {
    return this.#markedKeys.has(sigKeyDigest);
  }

  #countMark({ clientId, marked, sigKeyDigest }: ClientRecord, by: 1 | -1): void {
    if (!marked) return;
    if (by > 0) this.#markedIds.add(clientId);
    else this.#markedIds.delete(clientId);
    const count = (this.#markedKeys.get(sigKeyDigest) ?? 0) + by;
    if (count === 0) this.#markedKeys.delete(sigKeyDigest);
    else this.#markedKeys.set(sigKeyDigest, count);
  }

  addCluster(cluster: Cluster): void {
    this.changes.note(cluster.record.id);
    this.clustersById.set(cluster.record.id, cluster);
    this.clustersByName.set(cluster.record.name, cluster);
    this.#members += cluster.memberCount;
    this.#seats += cluster.record.size;
    if (cluster.maker) cluster.maker.clustersMade += 1;
    if (cluster.isFull) this.#fullClusters += 1;
    for (const member of cluster.seats) if (member) this.clients.get(member.clientId)?.takeSeat(cluster);
    if (cluster.round) this.barriers.reopen(cluster);
  }

  removeCluster(cluster: Cluster): void {
    this.changed.note(cluster.record.id);
    this.barriers.forget(cluster);
    this.clustersById.delete(cluster.record.id);
    this.clustersByName.delete(cluster.record.name);
    this.#members -= cluster.memberCount;
    this.#seats -= cluster.record.size;
    if (cluster.maker) cluster.maker.clustersMade -= 1;
    if (cluster.isFull) this.#fullClusters -= 1;
    for (const member of cluster.seats) if (member) this.clients.get(member.clientId)?.giveUpSeat(cluster);
  }

  /** Gives a seat to a member, whoever held it. `client` is the member's client if it is registered. */
  seat(clusterId: string, index: number, member: Registration, client: Client | undefined): void {
    const cluster = this.clustersById.get(clusterId);
    assert(cluster, 'a member has a cluster');
    this.changes.note(clusterId);
    this.changed.note(clusterId);
    const before = cluster.seats[index];
    cluster.seat(index, member);
    if (before === undefined) {
      this.#members += 1;
      if (cluster.isFull) {
        this.#fullClusters += 1;
        this.barriers.touch(cluster);
      }
    }
    if (before?.clientId === member.clientId) return;
    if (before) this.clients.get(before.clientId)?.giveUpSeat(cluster);
    client?.takeSeat(cluster);
  }

  /** Empties a taken seat. Without a reason it undoes seat(). */
  unseat(cluster: Cluster, index: number, why?: LossReason): void {
    const { clientId } = cluster.seats[index]!;
    this.changes.note(cluster.record.id);
    this.changed.note(cluster.record.id);
    if (cluster.isFull) this.#fullClusters -= 1;
    cluster.unseat(index, why);
    this.clients.get(clientId)?.giveUpSeat(cluster);
    this.#members -= 1;
  }
}
