// The table of clients and clusters: applies commands in order and says which records changed. Pure: no clock, no
// randomness, no storage. Invariants: an ID belongs to one client, one cluster or the registry; a name to one cluster; a
// client's seats are exactly the clusters it is a member of.
import { strict as assert } from 'node:assert';
import { RECENT_CLUSTERS_MAX } from '../limits.ts';
import { Client } from './client.ts';
import { Cluster } from './cluster.ts';
import { type ClusterQuery, ClusterScan, type ClusterSummary, summaryOf } from './cluster-scan.ts';
import type {
  ClientRecord,
  ClusterRecord,
  ClusterRef,
  Command,
  CreateCommand,
  GetClusterCommand,
  Learned,
  MemberRecord,
  MemberRef,
  OperatorCommand,
  RegisterCommand,
  Registration,
  Reply,
  StoredRecord,
  Use,
} from './command.ts';
import { answer, type Effect, type Outcome, refuse, refuseUnknown } from './outcome.ts';
import { RecentChanges } from './recent-changes.ts';
import { Sweep } from './sweep.ts';
import { UseBook } from './use-book.ts';

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
/** Others are told of uses so often at most, in the time after which what nobody uses is forgotten. */
const USES_PER_TTL = 4;

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
  /** Undefined where nobody else has to be told of uses. */
  readonly #uses: UseBook | undefined;
  /** Of the command being applied, in milliseconds. */
  #now: number;

  /**
   * `registryId` is the one ID that can be nobody's, besides that of all zeros. `now` is the clock all expiry counts
   * from, in milliseconds: whatever is absorbed counts as used then, so that an outage of the registry expires nobody.
   * With `shared`, other servers have the same table, and `takeUses` says what they have to be told.
   */
  constructor(registryId: string, limits: TableLimits, now: number, shared = false) {
    this.#registryId = registryId;
    this.#limits = limits;
    this.#now = now;
    this.#uses = shared ? new UseBook() : undefined;
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

  /** Forgets what has expired among the next `count` clients and clusters, going round; `most` of it, the rest next time. */
  expire(now: number, count: number, most = Infinity): Effect[] {
    this.#now = now;
    const { ephemeralTtlMs } = this.#limits;
    const effects: Effect[] = [];
    for (const cluster of this.#clusterSweep.next(count)) {
      if (effects.length >= most) break;
      const idle = isEphemeral(cluster) && now - cluster.lastUse >= ephemeralTtlMs;
      if (idle && !this.#uses?.isHeld(cluster.record.id)) effects.push(this.#remove(cluster, true));
    }
    for (const client of this.#clientSweep.next(count)) {
      if (effects.length >= most) break;
      const idle = client.seats.length === 0 && now - client.lastUse >= this.#ttlOf(client);
      if (idle && !this.#uses?.isHeld(client.record.clientId)) effects.push(this.#expireClient(client));
    }
    return effects;
  }

  /** Of a shared table: uses that the other servers have to be told of, `count` at most; they count as told. */
  takeUses(count: number): Use[] {
    return this.#uses?.take(count) ?? [];
  }

  /** They could not be told: they have to be told again. */
  untellUses(uses: readonly Use[]): void {
    for (const use of uses) this.#uses?.note(use);
  }

  /** Takes over that everything is otherwise. Clients that are not stored stay, unless somebody else has their ID. */
  absorbAnew(records: readonly StoredRecord[], now: number): void {
    const unstored = [...this.#clients.values()].filter(({ stored }) => !stored);
    this.#clients.clear();
    this.#clustersById.clear();
    this.#clustersByName.clear();
    this.#uses?.clear();
    this.#members = 0;
    this.#seats = 0;
    this.#fullClusters = 0;
    this.#now = now;
    for (const record of records) this.absorb(record);
    for (const client of unstored) {
      const { clientId } = client.record;
      if (!this.#clients.has(clientId)) this.#clients.set(clientId, client);
    }
  }

  /**
   * Takes a change over as it is: at startup, after a command of ours, or because another server stored it first. What is
   * absorbed again is no change. What another server stored counts as used `now`, in milliseconds. In a shared table what
   * was stored before something of ours comes after it: then a member may be of a cluster that is gone, and is gone with it.
   */
  absorb(change: Learned, now = this.#now): void {
    this.#now = now;
    switch (change.kind) {
      case 'client': {
        const known = this.#clients.get(change.clientId);
        if (known && isSameClient(known.record, change)) {
          known.stored = true;
        } else this.#setClient(change, true);
        this.#used(change.clientId);
        return;
      }
      case 'cluster': {
        const displaced = this.#clustersByName.get(change.name);
        if (displaced?.record.id === change.id) return;
        if (displaced) this.#removeCluster(displaced);
        this.#addCluster(new Cluster(change, this.#now));
        return;
      }
      case 'member': {
        if (this.#isGone(change.clusterId)) return;
        const client = this.#clients.get(change.clientId);
        const seated = this.#clustersById.get(change.clusterId)?.seats[change.index];
        if (seated && isSameRegistration(seated, change)) return;
        this.#used(change.clusterId);
        const ofClient = client && isSameRegistration(client.record, change);
        this.#seat(change.clusterId, change.index, ofClient ? client.record : change, client);
        return;
      }
      case 'seat': {
        const client = this.#clients.get(change.clientId);
        if (this.#isGone(change.clusterId) || (this.#uses && !client)) return;
        assert(client, 'a seat without a registration has a client');
        this.#used(change.clusterId);
        this.#seat(change.clusterId, change.index, client.record, client);
        return;
      }
      case 'use':
        this.#uses?.hold(change.id);
        this.#used(change.id);
        return;
      case 'use-over':
        this.#uses?.letGo(change.id);
        return;
      case 'seat-empty': {
        const cluster = this.#clustersById.get(change.clusterId);
        if (cluster?.seats[change.index]) this.#unseat(cluster, change.index);
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
    this.#useCluster(cluster);
    const reply: Reply = { kind: 'cluster', cluster: propertiesOf(cluster) };
    const before = cluster.seats[seat];
    if (before === record) return answer(reply);

    const index = seat < 0 ? cluster.freeIndex : seat;
    const { stored } = client;
    this.#seat(cluster.record.id, index, record, client);
    client.stored = true;
    const member: MemberRecord = { ...cluster.memberRecord(index), ...(this.#uses && { ofClient: true }) };
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
    if (client?.seats.includes(cluster)) this.#useCluster(cluster);
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

  #remove(cluster: Cluster, expired = false): Effect {
    const { id, name } = cluster.record;
    const { seats } = cluster;
    this.#removeCluster(cluster);
    return {
      changes: [
        { kind: 'cluster-removal', id, name, seats: seats.length, ...(expired && this.#uses && { expired: true }) },
      ],
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
    if (!client) return undefined;
    client.lastUse = this.#now;
    if (client.stored && this.#uses) client.toldUse = this.#tell(clientId, client.toldUse, this.#ttlOf(client));
    return client;
  }

  #useCluster(cluster: Cluster): void {
    cluster.lastUse = this.#now;
    if (!this.#uses || !isEphemeral(cluster)) return;
    cluster.toldUse = this.#tell(cluster.record.id, cluster.toldUse, this.#limits.ephemeralTtlMs);
  }

  /** Notes a use unless the other servers know of one that is recent enough; returns of when they know, in seconds. */
  #tell(id: string, told: number, ttlMs: number): number {
    const now = wholeSeconds(this.#now);
    if (this.#now - told * 1_000 < ttlMs / USES_PER_TTL) return told;
    this.#uses!.note({ id, ttlMs });
    return now;
  }

  /** Of a shared table: we have removed it, and hear only now of what was stored before that. IDs do not come again. */
  #isGone(clusterId: string): boolean {
    return this.#uses !== undefined && !this.#clustersById.has(clusterId);
  }

  /** All servers know of this use. */
  #used(id: string): void {
    if (!this.#uses) return;
    const used = this.#clients.get(id) ?? this.#clustersById.get(id);
    if (!used) return;
    used.lastUse = this.#now;
    used.toldUse = wholeSeconds(this.#now);
  }

  #ttlOf({ record }: Client): number {
    return record.ephemeral ? this.#limits.ephemeralTtlMs : this.#limits.idleRegistrationTtlMs;
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

/** Whether a record is as it is stored already. */
function isSameClient(known: ClientRecord, record: ClientRecord): boolean {
  return (
    known.ephemeral === record.ephemeral &&
    known.endPointCount === record.endPointCount &&
    known.sigKeyDigest === record.sigKeyDigest &&
    isSameRegistration(known, record)
  );
}

function isSameRegistration(one: Registration, other: Registration): boolean {
  return one.clientId === other.clientId && one.name === other.name && Buffer.compare(one.token, other.token) === 0;
}

function isEphemeral({ record }: Cluster): boolean {
  return (record.attrs & CLUSTER_EPHEMERAL) !== 0n;
}

function wholeSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1_000);
}

function propertiesOf({ record }: Cluster) {
  return { id: record.id, size: record.size, endPointCount: record.endPointCount, attrs: record.attrs };
}
