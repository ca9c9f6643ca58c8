// The table of clients and clusters. Stage 3 of the data path: applies commands. Sequential: only
// commit-batch.ts, in the coordinator's thread, calls apply(). The changes that it returns go to the store.
//
// Pure: no clock, no randomness, no storage. Invariants: an ID belongs to one client, one cluster or the registry. A
// name belongs to one cluster. A client's seats are exactly the clusters it is a member of.
import { RECENT_CLUSTERS_MAX } from '../limits.ts';
import { judgeRead, refuseAdmission } from './admission.ts';
import { type Decision, decide } from './barrier.ts';
import type { ClusterChanges } from './changed-clusters.ts';
import type { Client } from './client.ts';
import { Cluster, isEphemeral } from './cluster.ts';
import { type ClusterQuery, ClusterScan, type ClusterSummary, summaryOf } from './cluster-scan.ts';
import { propertiesOf } from './cluster-views.ts';
import type {
  ClientRecord,
  ClusterRecord,
  ClusterRef,
  Command,
  EntryRecord,
  GetClusterCommand,
  GetRosterCommand,
  JoinCommand,
  Learned,
  MemberRecord,
  MemberSelector,
  OperatorCommand,
  StoredRecord,
  Use,
} from './command.ts';
import { create, keep } from './create.ts';
import { type RosterMaker, savedRoster } from './epoch.ts';
import { evict, leave } from './evict.ts';
import { join } from './join.ts';
import { LeaseTracker } from './lease-tracker.ts';
import { answer, type Effect, type Outcome, refuse, refuseUnknown } from './outcome.ts';
import { readCluster } from './read-cluster.ts';
import { Registrations } from './registrations.ts';
import { replay, reset } from './replay.ts';
import { expireAdmitted } from './replay-round.ts';
import { type Mark, RoundClock } from './round-clock.ts';
import { startIdleTime } from './seating.ts';
import { Sweep } from './sweep.ts';
import { type FillCounts, type Pay, TableContents, type TableCounts } from './table-contents.ts';
import type { ShownMember, TableOverview } from './table-views.ts';
import { type TableLimits, TimeToLive } from './time-to-live.ts';
import { changeTokens } from './token-commands.ts';

export class ClusterTable {
  #limits: TableLimits;
  readonly #contents: TableContents;
  readonly #registrations: Registrations;
  readonly #clientSweep: Sweep<Client>;
  readonly #clusterSweep: Sweep<Cluster>;
  readonly #ttl: TimeToLive;
  readonly #roundClock: RoundClock;
  /** Time of the current command, in milliseconds. */
  #now: number;
  #history = '';
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
    this.#roundClock = new RoundClock(this.#contents.barriers);
    this.#registrations = new Registrations(registryId, limits, this.#contents);
    this.#clientSweep = new Sweep(this.#contents.clients);
    this.#clusterSweep = new Sweep(this.#contents.clustersById);
  }

  /** Replaces the limits. Entries above a lower limit stay. */
  setLimits(limits: TableLimits): void {
    this.#limits = limits;
    this.#ttl.setLimits(limits);
  }

  /** Sets the maker of roster bodies. Without one, no command changes an epoch. */
  setRosterMaker(rosters: RosterMaker): void {
    this.#contents.rosters = rosters;
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

  /**
   * Names what versions belong to (V1): 8 random bytes, hex. Call it at the start and after reset(), whose clusters count
   * from 1 again.
   */
  beginHistory(history: string): void {
    this.#history = history;
  }

  /** The clusters whose roster has changed since the last call. Call it when no change is uncommitted. */
  takeChanged(): ClusterChanges {
    return this.#contents.changed.take();
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

  /**
   * Applies a command in memory. The outcome lists the changes to store before its reply may leave. `pay` is asked before
   * a Join or a displacing registration changes seats; the caller charges `adds` of the outcome in any case.
   */
  apply(command: Command | OperatorCommand, now: number, pay: Pay = () => undefined): Outcome {
    this.#now = now;
    this.#contents.pay = pay;
    switch (command.kind) {
      case 'register':
        return this.#registrations.register(command, this.#use(command.clientId), now);
      case 'find-client':
        return this.#registrations.find(command, this.#use(command.clientId));
      case 'create':
        return create(command, this.#contents, this.#limits, now);
      case 'join':
        return this.#join(command);
      case 'confirm':
        return this.#confirm(command.clientId, command.clusterId, command.round);
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
      case 'get-roster':
        return this.#getRoster(command);
      case 'evict':
        return this.#evict(command.cluster, command.member);
      case 'delete-cluster':
        return this.#delete(command.cluster);
      case 'keep-cluster':
        return keep(command, this.#contents, this.#limits, now);
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

  /** Number of open rounds (Q3). */
  get openRounds(): number {
    return this.#contents.barriers.openRounds;
  }

  /** True if decideRounds() has clusters to look at. */
  get hasUndecided(): boolean {
    return this.#contents.barriers.hasTouched;
  }

  /**
   * Decides about clusters with a barrier that have changed: begins rounds, completes clusters, empties seats. The table
   * has to be caught up. The caller stores each decision or undoes it; an undone one is made anew by the next call.
   * `count` bounds the clusters, `newRound` returns 16 random hex digits.
   */
  decideRounds(now: number, newRound: () => string, count: number): Decision[] {
    this.#now = now;
    const contents = this.#contents;
    const { barriers, rosters } = contents;
    const expire = (cluster: Cluster, index: number) => expireAdmitted(contents, cluster, index, now);
    const context = { barriers, shared: contents.uses !== undefined, now, rosters, newRound, expire };
    return barriers.take(count).flatMap((cluster) => decide(cluster, context));
  }

  /** Ages the open rounds by a mark that is back, if the store answers. Returns true if a round is due. */
  ageRounds(mark: Mark, storeAnswers: boolean): boolean {
    return this.#roundClock.marked(mark, storeAnswers);
  }

  /** Sets the ages of all rounds back: confirmations may be late. */
  setRoundsBack(): void {
    this.#roundClock.setBack();
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

  #join(command: JoinCommand): Outcome {
    const client = this.#use(command.clientId);
    if (!client) return refuse('client-unknown');
    const cluster = this.#find(command.cluster);
    if (!cluster) return refuseUnknown(command.cluster);
    const outcome = join(command, client, cluster, this.#contents, this.#limits.seatsPerClient, this.#now);
    if (outcome.reply.kind === 'cluster') this.#useCluster(cluster);
    return outcome;
  }

  /** A Bye of an RSA dialect. It is answered with whatever it finds. */
  #confirm(clientId: string, clusterId: string, round: string): Outcome {
    const cluster = this.#contents.clustersById.get(clusterId);
    if (cluster) this.#contents.barriers.confirm(cluster, clientId, round);
    return answer({ kind: 'registered' });
  }

  /** The cluster that a client may read, which counts as a use of both; else the refusal. */
  #readable({ cluster: ref, clientId, claim }: GetClusterCommand | GetRosterCommand): Cluster | Outcome {
    const cluster = this.#find(ref);
    if (!cluster) return refuseUnknown(ref);
    const client = this.#use(clientId);
    const refusal = judgeRead(cluster, client, claim);
    if (refusal) return refuseAdmission(cluster, refusal, claim, this.#contents.clients);
    if (client?.seats.includes(cluster)) this.#useCluster(cluster);
    return cluster;
  }

  #getCluster(command: GetClusterCommand): Outcome {
    const cluster = this.#readable(command);
    if (!(cluster instanceof Cluster)) return cluster;
    this.#contents.barriers.confirm(cluster, command.clientId, command.round);
    return answer(readCluster(command, cluster, this.#history));
  }

  #getRoster(command: GetRosterCommand): Outcome {
    const cluster = this.#readable(command);
    return cluster instanceof Cluster ? savedRoster(cluster, this.#contents) : cluster;
  }

  #evict(ref: ClusterRef, member: MemberSelector): Outcome {
    const cluster = this.#find(ref);
    return cluster ? evict(cluster, member, this.#contents, this.#now) : refuseUnknown(ref);
  }

  #leave(clientId: string, ref: ClusterRef): Outcome {
    this.#use(clientId);
    const cluster = this.#find(ref);
    return cluster ? leave(cluster, clientId, this.#contents, this.#now) : refuseUnknown(ref);
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
