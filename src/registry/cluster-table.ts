// The table of clients and clusters. Stage 3 of the data path: applies commands. Sequential: only
// commit-batch.ts, in the coordinator's thread, calls apply(). The changes that it returns go to the store.
//
// Pure: no clock, no randomness, no storage. Invariants: an ID belongs to one client, one cluster or the registry. A
// name belongs to one cluster. A client's seats are exactly the clusters it is a member of.
import { strict as assert } from 'node:assert';
import { RECENT_CLUSTERS_MAX } from '../limits.ts';
import { endAdmission, judgeJoin, judgeRead } from './admission.ts';
import type { Client } from './client.ts';
import { Cluster, isEphemeral } from './cluster.ts';
import { type ClusterQuery, ClusterScan, type ClusterSummary, summaryOf } from './cluster-scan.ts';
import type {
  ClientRecord,
  ClusterRecord,
  ClusterRef,
  Command,
  CreateCommand,
  EntryRecord,
  GetClusterCommand,
  JoinCommand,
  Learned,
  MemberRecord,
  MemberSelector,
  OperatorCommand,
  Reply,
  StoredRecord,
  Use,
} from './command.ts';
import { LeaseTracker } from './lease-tracker.ts';
import { answer, type Effect, type Outcome, refuse, refuseUnknown } from './outcome.ts';
import { Registrations } from './registrations.ts';
import { replay, reset } from './replay.ts';
import { startIdleTime, takeSeat, vacateSeat } from './seating.ts';
import { Sweep } from './sweep.ts';
import { type FillCounts, TableContents, type TableCounts } from './table-contents.ts';
import { type TableLimits, TimeToLive } from './time-to-live.ts';
import { changeTokens, repeatCreate, withTokens } from './token-commands.ts';

/** Counts of the whole table and the clusters that changed last. */
export interface TableOverview extends TableCounts, FillCounts {
  /** Most recently changed first; at most RECENT_CLUSTERS_MAX. */
  readonly recent: readonly ClusterSummary[];
}

/** A member as the admin port shows it. */
export interface ShownMember extends MemberRecord {
  /**
   * Milliseconds since the last command of its client that the table saw; undefined if there was none since the table
   * was loaded. Members' roster requests may be answered from the roster cache, so the table does not see all of them.
   */
  readonly idleMs: number | undefined;
}

export class ClusterTable {
  #limits: TableLimits;
  readonly #contents: TableContents;
  readonly #registrations: Registrations;
  readonly #clientSweep: Sweep<Client>;
  readonly #clusterSweep: Sweep<Cluster>;
  readonly #ttl: TimeToLive;
  /** Time of the current command, in milliseconds. */
  #now: number;
  /** Time at which the whole table was loaded last. An entry with this last use has not been used since. */
  #loadedAt: number;

  /**
   * No client or cluster may use `registryId` or an ID of zeros. `now` is in milliseconds, on the clock that expiry
   * uses. Records that are replayed count as used at replay, so an outage of the registry expires nothing. Set `shared`
   * if other servers use the same store; `takeUses` then returns the uses to announce to them.
   */
  constructor(registryId: string, limits: TableLimits, now: number, shared = false) {
    this.#limits = limits;
    this.#now = now;
    this.#loadedAt = now;
    this.#contents = new TableContents(shared ? new LeaseTracker() : undefined);
    this.#ttl = new TimeToLive(limits, this.#contents);
    this.#registrations = new Registrations(registryId, limits, this.#contents);
    this.#clientSweep = new Sweep(this.#contents.clients);
    this.#clusterSweep = new Sweep(this.#contents.clustersById);
  }

  /** Replaces the limits. Entries above a lower limit stay. */
  setLimits(limits: TableLimits): void {
    this.#limits = limits;
    this.#ttl.setLimits(limits);
  }

  get counts(): TableCounts {
    return this.#contents.counts;
  }

  get fill(): FillCounts {
    return this.#contents.fill;
  }

  /** Number of clients that only the sealed dialect may use. */
  get marked(): number {
    return this.#contents.marked;
  }

  /** Yields every stored record: clients, then clusters, then members, then entries. */
  records(): Iterable<ClientRecord | ClusterRecord | MemberRecord | EntryRecord> {
    return this.#contents.records();
  }

  /** Returns the counts and the clusters that changed last. */
  overview(): TableOverview {
    const recent: ClusterSummary[] = [];
    for (const id of this.#contents.changes.newest()) {
      const cluster = this.#contents.clustersById.get(id);
      if (cluster) recent.push(summaryOf(cluster));
      if (recent.length === RECENT_CLUSTERS_MAX) break;
    }
    return { ...this.counts, ...this.fill, recent };
  }

  /** Starts a scan for one page of clusters. The caller drives it in steps. */
  scanClusters(query: ClusterQuery): ClusterScan {
    return new ClusterScan(this.#contents.clustersById, query);
  }

  /** Returns the live cluster, or undefined. The caller must not change it. */
  cluster(id: string): Cluster | undefined {
    return this.#contents.clustersById.get(id);
  }

  /**
   * Returns a cluster with its members, or undefined. Tokens are copies, so they keep no larger buffer alive. Does not
   * count as a use. `now` is in milliseconds.
   */
  showCluster(ref: ClusterRef, now = this.#now): { cluster: ClusterSummary; members: ShownMember[] } | undefined {
    const cluster = this.#find(ref);
    if (!cluster) return undefined;
    const members = cluster.seats.flatMap((member, index) => {
      if (!member) return [];
      const { token, sealed } = member;
      const copies = { token: new Uint8Array(token), ...(sealed && { sealed: new Uint8Array(sealed) }) };
      return [{ ...cluster.memberRecord(index), ...copies, idleMs: this.#idleMs(member.clientId, now) }];
    });
    return { cluster: summaryOf(cluster), members };
  }

  /** Applies a command in memory. The outcome lists the changes to store before its reply may leave. */
  apply(command: Command | OperatorCommand, now: number): Outcome {
    this.#now = now;
    switch (command.kind) {
      case 'register':
        return this.#registrations.register(command, this.#use(command.clientId), now);
      case 'find-client':
        return this.#registrations.find(command, this.#use(command.clientId));
      case 'create':
        return this.#create(command);
      case 'join':
        return this.#join(command);
      case 'change-tokens':
      case 'operate-tokens': {
        const client = command.kind === 'change-tokens' ? this.#use(command.clientId) : undefined;
        const cluster = this.#find(command.cluster);
        if (!cluster) return refuseUnknown(command.cluster);
        return changeTokens(cluster, command, client?.record.sigKeyDigest, propertiesOf(cluster));
      }
      case 'leave':
        return this.#leave(command.clientId, command.cluster);
      case 'get-cluster':
        return this.#getCluster(command);
      case 'evict':
        return this.#evict(command.cluster, command.member);
      case 'delete-cluster':
        return this.#delete(command.cluster);
      case 'keep-cluster':
        return this.#keep(command);
      case 'lift-marks':
        return this.#registrations.liftMarks(command, now);
    }
  }

  /**
   * Removes expired entries among the next `count` clusters and `count` clients of the sweep. Removes at most `most`;
   * the sweep returns to the others in its next round.
   */
  expire(now: number, count: number, most = Infinity): Effect[] {
    this.#now = now;
    const effects: Effect[] = [];
    for (const cluster of this.#clusterSweep.next(count)) {
      if (effects.length >= most) break;
      const idle = now - cluster.lastUse >= this.#ttl.ofCluster(cluster);
      if (idle && !this.#contents.uses?.isHeld(cluster.record.id)) effects.push(this.#remove(cluster, true));
    }
    for (const client of this.#clientSweep.next(count)) {
      if (effects.length >= most) break;
      const idle = client.seats.length === 0 && now - client.lastUse >= this.#ttl.ofIdleClient(client);
      if (idle && !this.#contents.uses?.isHeld(client.record.clientId)) effects.push(this.#expireClient(client));
    }
    return effects;
  }

  /** Returns at most `count` uses to announce to the other servers, and marks them announced. */
  takeUses(count: number): Use[] {
    return this.#contents.uses?.take(count) ?? [];
  }

  /** Queues uses again that could not be announced. */
  requeueUses(uses: readonly Use[]): void {
    for (const use of uses) this.#contents.uses?.note(use);
  }

  /** Replaces the whole table with `records`, as of `now`. */
  reset(records: readonly StoredRecord[], now: number): void {
    this.#now = now;
    this.#loadedAt = now;
    reset(this.#contents, records, now);
  }

  /** Applies a stored record: at the start, in a catch-up, and after a conflict. */
  replay(change: Learned, now = this.#now): void {
    this.#now = now;
    replay(this.#contents, change, now);
  }

  #create(command: CreateCommand): Outcome {
    const existing = this.#contents.clustersByName.get(command.name);
    if (existing) {
      const digest = this.#contents.clients.get(command.clientId)?.record.sigKeyDigest;
      return repeatCreate(existing, command, digest, propertiesOf(existing));
    }
    if (this.#contents.clustersById.size >= this.#limits.clusters) return refuse('registry-full');
    const maker = this.#contents.clients.get(command.clientId);
    if (maker && maker.clustersMade >= this.#limits.clustersPerClient) return refuse('clusters-per-client');
    const { name, id, size, endPointCount, attrs, admits } = command;
    const record: ClusterRecord = { kind: 'cluster', name, id, size, endPointCount, attrs };
    if (!admits) return { ...this.#add(record, maker), adds: 'cluster' };
    if (!maker) return refuse('client-unknown');
    const added = this.#add({ ...record, owner: maker.record.sigKeyDigest }, maker);
    return withTokens(this.#contents.clustersById.get(id)!, admits, { ...added, adds: 'cluster' });
  }

  #keep({ kind: _, ...properties }: OperatorCommand & { kind: 'keep-cluster' }): Outcome {
    const cluster = this.#contents.clustersByName.get(properties.name);
    if (!cluster) {
      if (this.#contents.clustersById.size >= this.#limits.clusters) return refuse('registry-full');
      return this.#add({ ...properties, kind: 'cluster', keep: true }, undefined);
    }
    const reply: Reply = { kind: 'cluster', cluster: propertiesOf(cluster) };
    const before = cluster.record;
    if (before.keep) return answer(reply);
    cluster.record = { ...before, keep: true };
    return {
      reply,
      changes: [cluster.record],
      undo: () => {
        cluster.record = before;
      },
    };
  }

  #add(record: ClusterRecord, maker: Client | undefined): Outcome {
    assert(
      !this.#contents.clustersById.has(record.id) && !this.#contents.clients.has(record.id),
      'a fresh cluster ID is fresh',
    );
    const cluster = new Cluster(record, this.#now, this.#now);
    cluster.maker = maker;
    this.#contents.addCluster(cluster);
    return {
      reply: { kind: 'cluster', cluster: propertiesOf(cluster) },
      changes: [record],
      undo: () => this.#contents.removeCluster(cluster),
    };
  }

  #join({ clientId, cluster: ref, claim }: JoinCommand): Outcome {
    const client = this.#use(clientId);
    if (!client) return refuse('client-unknown');
    const cluster = this.#find(ref);
    if (!cluster) return refuseUnknown(ref);
    const { record } = client;
    if (record.endPointCount < cluster.record.endPointCount) {
      return refuse(cluster.record.endPointCount === 1 ? 'one-end-point-needed' : 'two-end-points-needed');
    }
    const right = judgeJoin(cluster, record, claim, this.#contents.clients);
    if (typeof right === 'string') return refuse(right);
    const seat = cluster.seatOf(clientId);
    if (right.replaces === undefined) {
      if (seat < 0 && cluster.isFull) return refuse('cluster-full');
      const namesake = cluster.seatNamed(record.name);
      if (namesake >= 0 && namesake !== seat) return refuse('member-name-in-use');
    }
    if (seat < 0 && client.seats.length >= this.#limits.seatsPerClient) return refuse('seats-per-client');
    this.#useCluster(cluster);
    const reply: Reply = { kind: 'cluster', cluster: propertiesOf(cluster) };
    if (cluster.seats[seat] === record && !right.use) return answer(reply);
    const seated = takeSeat(this.#contents, client, cluster, right, { now: this.#now, time: claim?.time ?? 0 });
    return { reply, ...seated };
  }

  #getCluster(command: GetClusterCommand): Outcome {
    const cluster = this.#find(command.cluster);
    if (!cluster) return refuseUnknown(command.cluster);
    const client = this.#use(command.clientId);
    const refusal = judgeRead(cluster, client, command.claim);
    if (refusal) return refuse(refusal);
    if (client?.seats.includes(cluster)) this.#useCluster(cluster);
    const from = command.cursor?.clusterId === cluster.record.id ? command.cursor.from : 0;
    const { which, next, bytes } = cluster.roster(command.which, from, command.rosterBytesMax, command.sealed);
    return answer({ kind: 'roster', cluster: propertiesOf(cluster), which, next, roster: bytes });
  }

  #evict(ref: ClusterRef, member: MemberSelector): Outcome {
    const cluster = this.#find(ref);
    if (!cluster) return refuseUnknown(ref);
    const index = 'id' in member ? cluster.seatOf(member.id) : cluster.seatNamed(member.name);
    const evicted = cluster.seats[index];
    if (!evicted) return refuse('client-unknown');
    const ended = endAdmission(cluster, this.#contents.clients.get(evicted.clientId)?.record.sigKeyDigest);
    const reply: Reply = { kind: 'cluster', cluster: propertiesOf(cluster) };
    return { reply, ...vacateSeat(this.#contents, cluster, index, this.#now, ended) };
  }

  #leave(clientId: string, ref: ClusterRef): Outcome {
    this.#use(clientId);
    const cluster = this.#find(ref);
    if (!cluster) return refuseUnknown(ref);
    const reply: Reply = { kind: 'cluster', cluster: propertiesOf(cluster) };
    const index = cluster.seatOf(clientId);
    if (index < 0) return answer(reply);
    const { name: member } = cluster.seats[index]!;
    return { reply, ...vacateSeat(this.#contents, cluster, index, this.#now), audits: [{ action: 'leave', member }] };
  }

  #delete(ref: ClusterRef): Outcome {
    const cluster = this.#find(ref);
    if (!cluster) return refuseUnknown(ref);
    for (const member of cluster.seats) if (member) startIdleTime(this.#contents, member, this.#now);
    return { reply: { kind: 'cluster', cluster: propertiesOf(cluster) }, ...this.#remove(cluster) };
  }

  #remove(cluster: Cluster, expired = false): Effect {
    const { id, name } = cluster.record;
    const { seats } = cluster;
    this.#contents.removeCluster(cluster);
    return {
      changes: [
        {
          kind: 'cluster-removal',
          id,
          name,
          seats: seats.length,
          ...(expired && this.#contents.uses && { expired: true }),
        },
      ],
      undo: () => {
        this.#contents.addCluster(cluster);
      },
    };
  }

  #expireClient(client: Client): Effect {
    const { clientId } = client.record;
    this.#contents.deleteClient(clientId);
    return {
      changes: client.stored ? [{ kind: 'client-removal', clientId }] : [],
      undo: () => this.#contents.putClient(client),
    };
  }

  #find(ref: ClusterRef): Cluster | undefined {
    return 'id' in ref ? this.#contents.clustersById.get(ref.id) : this.#contents.clustersByName.get(ref.name);
  }

  #idleMs(clientId: string, now: number): number | undefined {
    const lastUse = this.#contents.clients.get(clientId)?.lastUse ?? this.#loadedAt;
    return lastUse === this.#loadedAt ? undefined : now - lastUse;
  }

  /** Returns the client and counts the command as its use. */
  #use(clientId: string): Client | undefined {
    const client = this.#contents.clients.get(clientId);
    if (!client) return undefined;
    client.lastUse = this.#now;
    if (client.stored)
      this.#contents.uses?.announce(client, { id: clientId, ttlMs: this.#ttl.ofClient(client) }, this.#now);
    return client;
  }

  #useCluster(cluster: Cluster): void {
    cluster.lastUse = this.#now;
    if (!isEphemeral(cluster.record)) return;
    const use = { id: cluster.record.id, ttlMs: this.#limits.ephemeralTtlMs };
    this.#contents.uses?.announce(cluster, use, this.#now);
  }
}

function propertiesOf({ record }: Cluster) {
  return { id: record.id, size: record.size, endPointCount: record.endPointCount, attrs: record.attrs };
}
