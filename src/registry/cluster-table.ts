// The table of clients and clusters: applies commands in order and says which records changed. Pure: no clock, no
// randomness, no storage. Invariants: an ID belongs to one client, one cluster or the registry; a name to one cluster; a
// client's seats are exactly the clusters it is a member of.
import { strict as assert } from 'node:assert';
import { RECENT_CLUSTERS_MAX } from '../limits.ts';
import { Client } from './client.ts';
import { Cluster } from './cluster.ts';
import { type ClusterQuery, ClusterScan, type ClusterSummary, summaryOf } from './cluster-scan.ts';
import type {
  Change,
  ClientRecord,
  ClusterRecord,
  ClusterRef,
  Command,
  CreateCommand,
  GetClusterCommand,
  MemberRecord,
  MemberRef,
  OperatorCommand,
  RegisterCommand,
  Registration,
  Reply,
  StoredRecord,
} from './command.ts';
import { answer, type Effect, type Outcome, refuse, refuseUnknown } from './outcome.ts';
import { RecentChanges } from './recent-changes.ts';
import { Sweep } from './sweep.ts';

/** How much the table holds at most, and for how long. */
export interface TableLimits {
  readonly clients: number;
  readonly clusters: number;
  /** An ephemeral cluster that no member asks for, and an ephemeral client without a seat, is forgotten after this. */
  readonly ephemeralTtlMs: number;
  /** Any other client without a seat is forgotten when it has not been heard of for so long. */
  readonly idleRegistrationTtlMs: number;
}

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

/** The table at a glance. */
export interface TableOverview extends TableCounts, FillCounts {
  /** Those that changed last, the last one first, RECENT_CLUSTERS_MAX at most. */
  readonly recent: readonly ClusterSummary[];
}

const CLUSTER_EPHEMERAL = 1n;

export class ClusterTable {
  readonly #registryId: string;
  readonly #limits: TableLimits;
  readonly #clients = new Map<string, Client>();
  readonly #clustersById = new Map<string, Cluster>();
  readonly #clustersByName = new Map<string, Cluster>();
  readonly #clientSweep = new Sweep(this.#clients);
  readonly #changes = new RecentChanges();
  readonly #clusterSweep = new Sweep(this.#clustersById);
  #members = 0;
  #seats = 0;
  #fullClusters = 0;
  /** Of the command being applied, in milliseconds. */
  #now: number;

  /**
   * `registryId` is the one ID that can be nobody's, besides that of all zeros. `now` is the clock all expiry counts
   * from, in milliseconds: whatever is absorbed counts as used then, so that an outage of the registry expires nobody.
   */
  constructor(registryId: string, limits: TableLimits, now: number) {
    this.#registryId = registryId;
    this.#limits = limits;
    this.#now = now;
  }

  get counts(): TableCounts {
    return { clients: this.#clients.size, clusters: this.#clustersById.size, members: this.#members };
  }

  get fill(): FillCounts {
    return { fullClusters: this.#fullClusters, seats: this.#seats };
  }

  /** Every record that is stored, clients and clusters before members. */
  *records(): Iterable<ClientRecord | ClusterRecord | MemberRecord> {
    for (const client of this.#clients.values()) if (client.stored) yield client.record;
    for (const cluster of this.#clustersById.values()) yield cluster.record;
    for (const cluster of this.#clustersById.values()) {
      for (const [index, member] of cluster.seats.entries()) if (member) yield cluster.memberRecord(index);
    }
  }

  /** What there is in all, and what happened last. */
  overview(): TableOverview {
    const recent: ClusterSummary[] = [];
    for (const id of this.#changes.newest()) {
      const cluster = this.#clustersById.get(id);
      if (cluster) recent.push(summaryOf(cluster));
      if (recent.length === RECENT_CLUSTERS_MAX) break;
    }
    return { ...this.counts, ...this.fill, recent };
  }

  /** A page of clusters, to be looked for step by step. */
  scanClusters(query: ClusterQuery): ClusterScan {
    return new ClusterScan(this.#clustersById, query);
  }

  /** A cluster as it is now with its members; undefined if there is none. Their tokens are no views of anything larger. Counts as no
   * use. */
  showCluster(ref: ClusterRef): { cluster: ClusterSummary; members: MemberRecord[] } | undefined {
    const cluster = this.#find(ref);
    if (!cluster) return undefined;
    const members = cluster.seats.flatMap((member, index) => {
      return member ? [{ ...cluster.memberRecord(index), token: new Uint8Array(member.token) }] : [];
    });
    return { cluster: summaryOf(cluster), members };
  }

  /** Carries a command out in memory. */
  apply(command: Command | OperatorCommand, now: number): Outcome {
    this.#now = now;
    switch (command.kind) {
      case 'register':
        return this.#register(command);
      case 'find-client': {
        const client = this.#use(command.clientId);
        return client ? answer({ kind: 'client', token: client.record.token }) : refuse('client-unknown');
      }
      case 'create':
        return this.#create(command);
      case 'join':
        return this.#join(command.clientId, command.cluster);
      case 'get-cluster':
        return this.#getCluster(command);
      case 'evict':
        return this.#evict(command.cluster, command.member);
      case 'delete-cluster':
        return this.#delete(command.cluster);
    }
  }

  /** Forgets what has expired among the next `count` clients and clusters, going round. */
  expire(now: number, count: number): Effect[] {
    this.#now = now;
    const { ephemeralTtlMs, idleRegistrationTtlMs } = this.#limits;
    const effects: Effect[] = [];
    for (const cluster of this.#clusterSweep.next(count)) {
      const ephemeral = (cluster.record.attrs & CLUSTER_EPHEMERAL) !== 0n;
      if (ephemeral && now - cluster.lastUse >= ephemeralTtlMs) effects.push(this.#remove(cluster));
    }
    for (const client of this.#clientSweep.next(count)) {
      const ttl = client.record.ephemeral ? ephemeralTtlMs : idleRegistrationTtlMs;
      if (client.seats.length === 0 && now - client.lastUse >= ttl) effects.push(this.#expireClient(client));
    }
    return effects;
  }

  /** Takes a change over as it is: at startup, after a command of ours, or because another server stored it first. */
  absorb(change: Change | StoredRecord): void {
    switch (change.kind) {
      case 'client':
        this.#setClient(change, true);
        return;
      case 'cluster': {
        const displaced = this.#clustersByName.get(change.name);
        if (displaced?.record.id === change.id) return;
        if (displaced) this.#removeCluster(displaced);
        this.#addCluster(new Cluster(change, this.#now));
        return;
      }
      case 'member':
        this.#seat(change.clusterId, change.index, change, this.#clients.get(change.clientId));
        return;
      case 'seat': {
        const client = this.#clients.get(change.clientId);
        assert(client, 'a seat without a registration has a client');
        this.#seat(change.clusterId, change.index, client.record, client);
        return;
      }
      case 'client-removal':
        this.#clients.delete(change.clientId);
        return;
      case 'cluster-removal': {
        const cluster = this.#clustersById.get(change.id);
        if (cluster) this.#removeCluster(cluster);
        return;
      }
      case 'member-removal': {
        const cluster = this.#clustersById.get(change.clusterId);
        if (cluster && cluster.seatOf(change.clientId) === change.index) this.#unseat(cluster, change.index);
        return;
      }
    }
  }

  #register(command: RegisterCommand): Outcome {
    const { clientId } = command;
    const known = this.#use(clientId);
    const taken = known
      ? known.record.sigKeyDigest !== command.sigKeyDigest
      : clientId === this.#registryId || /^0+$/.test(clientId) || this.#clustersById.has(clientId);
    if (taken) return refuse('id-in-use');
    const reply: Reply = { kind: 'registered' };
    if (known && isSameRecord(known.record, command)) return answer(reply);
    if (!known && this.#clients.size >= this.#limits.clients) return refuse('registry-full');

    const record: ClientRecord = { ...command, kind: 'client' };
    const before = known && { record: known.record, stored: known.stored };
    const client = this.#setClient(record, known?.stored || !record.ephemeral);
    // The seats keep the token they were taken with, so the store must not go on taking the client's for theirs.
    const seats = client.seats.map((cluster) => cluster.memberRecord(cluster.seatOf(clientId)));
    return {
      reply,
      changes: client.stored ? [record, ...seats] : [],
      undo: () => (before ? this.#setClient(before.record, before.stored) : this.#clients.delete(clientId)),
    };
  }

  #create(command: CreateCommand): Outcome {
    const existing = this.#clustersByName.get(command.name);
    if (existing) return answer({ kind: 'cluster', cluster: propertiesOf(existing) });
    if (this.#clustersById.size >= this.#limits.clusters) return refuse('registry-full');
    assert(!this.#clustersById.has(command.id) && !this.#clients.has(command.id), 'a fresh cluster ID is fresh');
    const cluster = new Cluster({ ...command, kind: 'cluster' }, this.#now, this.#now);
    this.#addCluster(cluster);
    return {
      reply: { kind: 'cluster', cluster: propertiesOf(cluster) },
      changes: [cluster.record],
      undo: () => this.#removeCluster(cluster),
    };
  }

  #join(clientId: string, ref: ClusterRef): Outcome {
    const client = this.#use(clientId);
    if (!client) return refuse('client-unknown');
    const cluster = this.#find(ref);
    if (!cluster) return refuseUnknown(ref);
    const { record } = client;
    if (record.endPointCount < cluster.record.endPointCount) {
      return refuse(cluster.record.endPointCount === 1 ? 'one-end-point-needed' : 'two-end-points-needed');
    }
    const seat = cluster.seatOf(clientId);
    if (seat < 0 && cluster.isFull) return refuse('cluster-full');
    const namesake = cluster.seatNamed(record.name);
    if (namesake >= 0 && namesake !== seat) return refuse('member-name-in-use');
    cluster.lastUse = this.#now;
    const reply: Reply = { kind: 'cluster', cluster: propertiesOf(cluster) };
    const before = cluster.seats[seat];
    if (before === record) return answer(reply);

    const index = seat < 0 ? cluster.freeIndex : seat;
    const { stored } = client;
    this.#seat(cluster.record.id, index, record, client);
    client.stored = true;
    const member = cluster.memberRecord(index);
    return {
      reply,
      changes: stored ? [member] : [record, member],
      ...(!before && cluster.isFull && cluster.createdAt !== undefined
        ? { filledAfterMs: this.#now - cluster.createdAt }
        : undefined),
      undo: () => {
        client.stored = stored;
        if (before) cluster.seat(index, before);
        else this.#unseat(cluster, index);
      },
    };
  }

  #getCluster(command: GetClusterCommand): Outcome {
    const cluster = this.#find(command.cluster);
    if (!cluster) return refuseUnknown(command.cluster);
    const client = this.#use(command.clientId);
    if (client?.seats.includes(cluster)) cluster.lastUse = this.#now;
    const from = command.goOn?.clusterId === cluster.record.id ? command.goOn.from : 0;
    const { which, next, bytes } = cluster.roster(command.which, from, command.rosterBytesMax);
    return answer({ kind: 'roster', cluster: propertiesOf(cluster), which, next, roster: bytes });
  }

  #evict(ref: ClusterRef, member: MemberRef): Outcome {
    const cluster = this.#find(ref);
    if (!cluster) return refuseUnknown(ref);
    const index = 'id' in member ? cluster.seatOf(member.id) : cluster.seatNamed(member.name);
    const evicted = cluster.seats[index];
    if (!evicted) return refuse('client-unknown');
    const { clientId } = evicted;
    const { id } = cluster.record;
    this.#unseat(cluster, index);
    // That it is full again says nothing of how long it took.
    cluster.createdAt = undefined;
    return {
      reply: { kind: 'cluster', cluster: propertiesOf(cluster) },
      changes: [{ kind: 'member-removal', clusterId: id, index, clientId }],
      undo: () => this.#seat(id, index, evicted, this.#clients.get(clientId)),
    };
  }

  #delete(ref: ClusterRef): Outcome {
    const cluster = this.#find(ref);
    if (!cluster) return refuseUnknown(ref);
    return { reply: { kind: 'cluster', cluster: propertiesOf(cluster) }, ...this.#remove(cluster) };
  }

  #remove(cluster: Cluster): Effect {
    const { id, name } = cluster.record;
    const { seats } = cluster;
    this.#removeCluster(cluster);
    return {
      changes: [{ kind: 'cluster-removal', id, name, seats: seats.length }],
      undo: () => {
        this.#addCluster(cluster);
        for (const member of seats) if (member) this.#clients.get(member.clientId)?.takeSeat(cluster);
        this.#members += cluster.memberCount;
      },
    };
  }

  #expireClient(client: Client): Effect {
    const { clientId } = client.record;
    this.#clients.delete(clientId);
    return {
      changes: client.stored ? [{ kind: 'client-removal', clientId }] : [],
      undo: () => this.#clients.set(clientId, client),
    };
  }

  #find(ref: ClusterRef): Cluster | undefined {
    return 'id' in ref ? this.#clustersById.get(ref.id) : this.#clustersByName.get(ref.name);
  }

  /** The client of this ID, which has just been heard of. */
  #use(clientId: string): Client | undefined {
    const client = this.#clients.get(clientId);
    if (client) client.lastUse = this.#now;
    return client;
  }

  #setClient(record: ClientRecord, stored: boolean): Client {
    const known = this.#clients.get(record.clientId);
    if (known) {
      known.record = record;
      known.stored = stored;
      return known;
    }
    const client = new Client(record, stored, this.#now);
    this.#clients.set(record.clientId, client);
    return client;
  }

  #addCluster(cluster: Cluster): void {
    this.#changes.note(cluster.record.id);
    this.#clustersById.set(cluster.record.id, cluster);
    this.#clustersByName.set(cluster.record.name, cluster);
    this.#seats += cluster.record.size;
    if (cluster.isFull) this.#fullClusters += 1;
  }

  #removeCluster(cluster: Cluster): void {
    this.#clustersById.delete(cluster.record.id);
    this.#clustersByName.delete(cluster.record.name);
    this.#members -= cluster.memberCount;
    this.#seats -= cluster.record.size;
    if (cluster.isFull) this.#fullClusters -= 1;
    for (const member of cluster.seats) if (member) this.#clients.get(member.clientId)?.giveUpSeat(cluster);
  }

  /** Takes a seat over, from whoever may have it; `client` is the member's, if there is one. */
  #seat(clusterId: string, index: number, member: Registration, client: Client | undefined): void {
    const cluster = this.#clustersById.get(clusterId);
    assert(cluster, 'a member has a cluster');
    this.#changes.note(clusterId);
    const before = cluster.seats[index];
    cluster.seat(index, member);
    if (before === undefined) {
      this.#members += 1;
      if (cluster.isFull) this.#fullClusters += 1;
    }
    if (before?.clientId === member.clientId) return;
    if (before) this.#clients.get(before.clientId)?.giveUpSeat(cluster);
    client?.takeSeat(cluster);
  }

  /** Empties a seat that is taken. */
  #unseat(cluster: Cluster, index: number): void {
    const { clientId } = cluster.seats[index]!;
    this.#changes.note(cluster.record.id);
    if (cluster.isFull) this.#fullClusters -= 1;
    cluster.unseat(index);
    this.#clients.get(clientId)?.giveUpSeat(cluster);
    this.#members -= 1;
  }
}

function isSameRecord(record: ClientRecord, command: RegisterCommand): boolean {
  return Buffer.compare(record.token, command.token) === 0 && record.ephemeral === command.ephemeral;
}

function propertiesOf({ record }: Cluster) {
  return { id: record.id, size: record.size, endPointCount: record.endPointCount, attrs: record.attrs };
}
