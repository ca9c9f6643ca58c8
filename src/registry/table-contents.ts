// The clients and clusters of a table, and what is counted of them. Invariants: a client's seats are exactly the clusters it is
// a member of; the counts are those of what is there.
import { strict as assert } from 'node:assert';
import { Client } from './client.ts';
import type { Cluster } from './cluster.ts';
import type { ClientRecord, ClusterRecord, MemberRecord, Registration } from './command.ts';
import type { LeaseTracker } from './lease-tracker.ts';
import { RecentChanges } from './recent-changes.ts';

/** How many of everything there is. */
export interface TableCounts {
  readonly clients: number;
  readonly clusters: number;
  readonly members: number;
}

/** How far the clusters are. */
export interface FillCounts {
  readonly fullClusters: number;
  /** Of all clusters, taken or not. */
  readonly seats: number;
}

export class TableContents {
  readonly clients = new Map<string, Client>();
  readonly clustersById = new Map<string, Cluster>();
  readonly clustersByName = new Map<string, Cluster>();
  /** Which clusters changed last. */
  readonly changes = new RecentChanges();
  /** Undefined where nobody else has to be told of uses: the table is not shared. */
  readonly uses: LeaseTracker | undefined;
  #members = 0;
  #seats = 0;
  #fullClusters = 0;

  constructor(uses: LeaseTracker | undefined) {
    this.uses = uses;
  }

  get counts(): TableCounts {
    return { clients: this.clients.size, clusters: this.clustersById.size, members: this.#members };
  }

  get fill(): FillCounts {
    return { fullClusters: this.#fullClusters, seats: this.#seats };
  }

  /** Every record that is stored, clients and clusters before members. */
  *records(): Iterable<ClientRecord | ClusterRecord | MemberRecord> {
    for (const client of this.clients.values()) if (client.stored) yield client.record;
    for (const cluster of this.clustersById.values()) yield cluster.record;
    for (const cluster of this.clustersById.values()) {
      for (const [index, member] of cluster.seats.entries()) if (member) yield cluster.memberRecord(index);
    }
  }

  clear(): void {
    this.clients.clear();
    this.clustersById.clear();
    this.clustersByName.clear();
    this.uses?.clear();
    this.#members = 0;
    this.#seats = 0;
    this.#fullClusters = 0;
  }

  /** A client that is new counts as used `now`, in milliseconds. */
  setClient(record: ClientRecord, stored: boolean, now: number): Client {
    const known = this.clients.get(record.clientId);
    if (known) {
      known.record = record;
      known.stored = stored;
      return known;
    }
    const client = new Client(record, stored, now);
    this.clients.set(record.clientId, client);
    return client;
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
  }

  removeCluster(cluster: Cluster): void {
    this.clustersById.delete(cluster.record.id);
    this.clustersByName.delete(cluster.record.name);
    this.#members -= cluster.memberCount;
    this.#seats -= cluster.record.size;
    if (cluster.maker) cluster.maker.clustersMade -= 1;
    if (cluster.isFull) this.#fullClusters -= 1;
    for (const member of cluster.seats) if (member) this.clients.get(member.clientId)?.giveUpSeat(cluster);
  }

  /** Takes a seat over, from whoever may have it; `client` is the member's, if there is one. */
  seat(clusterId: string, index: number, member: Registration, client: Client | undefined): void {
    const cluster = this.clustersById.get(clusterId);
    assert(cluster, 'a member has a cluster');
    this.changes.note(clusterId);
    const before = cluster.seats[index];
    cluster.seat(index, member);
    if (before === undefined) {
      this.#members += 1;
      if (cluster.isFull) this.#fullClusters += 1;
    }
    if (before?.clientId === member.clientId) return;
    if (before) this.clients.get(before.clientId)?.giveUpSeat(cluster);
    client?.takeSeat(cluster);
  }

  /** Empties a seat that is taken. */
  unseat(cluster: Cluster, index: number): void {
    const { clientId } = cluster.seats[index]!;
    this.changes.note(cluster.record.id);
    if (cluster.isFull) this.#fullClusters -= 1;
    cluster.unseat(index);
    this.clients.get(clientId)?.giveUpSeat(cluster);
    this.#members -= 1;
  }
}
