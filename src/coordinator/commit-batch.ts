// Stages 3 and 4, sequential, called by coordinator.ts: carries out a batch. Stage 3 is ClusterTable.apply, stage 4
// Store.commit; the replies return through coordinator.ts. Invariants: a reply leaves only after its changes are
// stored; the table undoes what could not be stored.
import { randomBytes } from 'node:crypto';
import { COMMIT_ATTEMPTS_MAX, HISTORY_BYTES } from '../limits.ts';
import type { Decision } from '../registry/barrier.ts';
import type { ClusterTable } from '../registry/cluster-table.ts';
import type { Command, OperatorCommand, Reply } from '../registry/command.ts';
import { EPOCH_KEY } from '../registry/epoch.ts';
import { type Effect, type Outcome, refuse } from '../registry/outcome.ts';
import type { CommitOutcome, Store } from '../store/store.ts';
import type { Charges, Purse } from './charges.ts';
import type { CoordinatorObserver } from './coordinator-observer.ts';
import type { RosterCache } from './roster-cache/writer.ts';
import { StoreHealth } from './store-health.ts';
import type { TableAddition } from './table-additions.ts';

/** Milliseconds on a clock that never goes back. */
export type Clock = () => number;

/** A command on its way through a batch. */
export interface BatchItem extends Purse {
  readonly command: Command | OperatorCommand;
  reply: Reply;
}

/** Clusters, and as many clients, that one sweep examines. */
const SWEEP_ENTRIES = 5_000;

/** Entries that one sweep of a shared table removes at most: about 0.1 s of work for etcd. */
const SWEEP_SHARED_MAX = 400;

/** Clusters that one step of settleRounds() decides about. */
const DECISIONS_MAX = 1_000;

/** Steps of settleRounds(): confirmations, completion or removal, a new round. The next batch or sweep goes on. */
const STEPS_MAX = 4;

/** Uses that one sweep announces to other servers at most. */
const SWEEP_USES = 2_000;

/** Replies that a table which may be behind still gives: registrations and rosters. */
const REPLIES_WHEN_BEHIND: ReadonlySet<Reply['kind']> = new Set([
  'registered',
  'client',
  'roster',
  'waiting',
  'saved-roster',
]);

/** A new History of a table (V1), hex. */
export function newHistory(): string {
  return randomBytes(HISTORY_BYTES).toString('hex');
}

/** The reply to a command whose change is not stored (E5). */
export const CANNOT_STORE: Reply = { kind: 'refused', refusal: 'cannot-store' };

/** The parts that a batch works on. */
export interface BatchContext {
  readonly table: ClusterTable;
  readonly store: Store;
  readonly observer: CoordinatorObserver;
  readonly clock: Clock;
  /** Undefined for a store that several servers share. */
  readonly rosterCache: RosterCache | undefined;
  /** Growth budgets of addresses (R4). */
  readonly charges: Charges;
  /** 16 random hex digits, for a round. */
  readonly newRound: () => string;
}

export class BatchCommitter {
  readonly #table: ClusterTable;
  readonly #store: Store;
  readonly #observer: CoordinatorObserver;
  readonly #clock: Clock;
  readonly #rosterCache: RosterCache | undefined;
  readonly #charges: Charges;
  readonly #newRound: () => string;
  readonly #health: StoreHealth;

  constructor({ table, store, observer, clock, rosterCache, charges, newRound }: BatchContext) {
    this.#table = table;
    this.#store = store;
    this.#observer = observer;
    this.#clock = clock;
    this.#rosterCache = rosterCache;
    this.#charges = charges;
    this.#newRound = newRound;
    this.#health = new StoreHealth(store, observer);
  }

  /** False while the store fails or has no room, and while the table may be behind it. */
  get storeAnswers(): boolean {
    return this.#health.answers;
  }

  /** Milliseconds left for a shared store; Infinity for a local one, which has no deadline. */
  left(deadline: number): number {
    return this.#store.catchUp ? deadline - this.#clock() : Infinity;
  }

  /** Replays what other servers have committed. Does nothing for a local store. */
  async catchUp(deadline: number): Promise<void> {
    if (!this.#store.catchUp || this.#health.isBroken) return;
    if (this.left(deadline) <= 0) {
      this.#health.catchUpSkipped();
      this.#table.setRoundsBack();
      return;
    }
    try {
      const { reset, changes, freshness, reason } = await this.#store.catchUp(this.left(deadline));
      const now = this.#clock();
      if (reset) {
        this.#table.reset(reset, now);
        this.#table.beginHistory(newHistory());
      }
      for (const change of changes) this.#table.replay(change, now);
      this.#health.caughtUp(freshness, reason);
      if (freshness !== 'current') this.#table.setRoundsBack();
    } catch (error) {
      this.#table.setRoundsBack();
      this.#health.failed(error);
    }
  }

  /**
   * Fills in the replies. After a conflict, applies the command again to the current table, COMMIT_ATTEMPTS_MAX times
   * in all.
   */
  async serve(batch: readonly BatchItem[], deadline: number): Promise<void> {
    let open = batch;
    let changes = 0;
    let commitSeconds = 0;
    for (let attempt = 1; open.length > 0 && attempt <= COMMIT_ATTEMPTS_MAX; attempt++) {
      const now = this.#clock();
      if (attempt > 1) await this.catchUp(deadline);
      if (this.#health.freshness !== 'current' || this.left(deadline) <= 0) {
        this.#answerUnstored(open, now);
        open = [];
        break;
      }
      const outcomes = open.map((item) => this.#apply(item, now));
      const commits = await this.#commit(outcomes, deadline);
      commitSeconds += (this.#clock() - now) / 1000;
      if (commits === undefined) {
        this.#answerUnstored(open, now);
        open = [];
      } else {
        changes += outcomes.reduce((sum, outcome) => sum + outcome.changes.length, 0);
        this.#publish(outcomes, commits, outcomes);
        open = this.#settle(open, outcomes, commits);
      }
    }
    for (const item of open) {
      item.reply = CANNOT_STORE;
      this.#charges.giveBack(item);
    }
    if (batch.length > 0) this.#observer.batch(batch.length, changes, commitSeconds);
  }

  /** Applies a command in memory. Refuses or undoes it if its origin's growth budget cannot pay for the addition. */
  #apply(item: BatchItem, now: number): Outcome {
    const outcome = this.#table.apply(item.command, now, (adds) => this.#charges.charge(item, adds));
    const refusal = this.#charges.charge(item, outcome.adds);
    if (refusal === undefined) return outcome;
    outcome.undo();
    return refuse(refusal);
  }

  /** Removes some expired entries. Before that, probes a store that failed, and announces uses to other servers. */
  async sweep(deadline: number): Promise<void> {
    if (this.#health.freshness !== 'current') return;
    if (this.#health.needsProbe && !(await this.#probe(deadline))) return;
    await this.#announceUses(deadline);
    if (this.left(deadline) <= 0) return;
    const effects = this.#table.expire(this.#clock(), SWEEP_ENTRIES, this.#store.catchUp ? SWEEP_SHARED_MAX : Infinity);
    const commits = await this.#commit(effects, deadline);
    if (commits === undefined) return;
    // Entries that another server uses stay. The next catch-up brings whatever else caused a conflict.
    this.#publish(effects, commits, []);
    if (commits.some((commit) => commit?.kind === 'conflict')) this.#takeBack(effects, commits);
    const expired = commits.filter((commit) => commit?.kind !== 'conflict').length;
    if (expired > 0) this.#observer.expired(expired);
  }

  /**
   * Decides about clusters with a barrier: begins rounds, stores confirmations, completes clusters, empties seats (Q3 to
   * Q7). A decision whose condition failed is made anew from the caught-up table.
   */
  async settleRounds(deadline: number): Promise<void> {
    for (let step = 0; step < STEPS_MAX && this.#table.hasUndecided; step++) {
      await this.catchUp(deadline);
      if (this.#health.freshness !== 'current' || this.#health.isBroken || this.left(deadline) <= 0) return;
      const decisions = this.#table.decideRounds(this.#clock(), this.#newRound, DECISIONS_MAX);
      const commits = await this.#commit(decisions, deadline);
      if (commits === undefined) return;
      this.#publish(decisions, commits, []);
      if (commits.some((commit) => commit?.kind === 'conflict')) this.#takeBack(decisions, commits);
      this.#reportRounds(decisions.filter((_, i) => commits[i]?.kind !== 'conflict'));
    }
  }

  #reportRounds(decisions: readonly Decision[]): void {
    for (const { event } of decisions) if (event) this.#observer.round?.(event);
  }

  async #announceUses(deadline: number): Promise<void> {
    const uses = this.#table.takeUses(SWEEP_USES);
    if (uses.length === 0 || !this.#store.announceUses) return;
    try {
      await this.#store.announceUses(uses, this.left(deadline));
    } catch (error) {
      this.#table.requeueUses(uses);
      this.#health.failed(error);
    }
  }

  async #probe(deadline: number): Promise<boolean> {
    try {
      await this.#store.probe(this.left(deadline));
      this.#health.stored();
      return true;
    } catch (error) {
      this.#health.failed(error);
      return false;
    }
  }

  /**
   * Commits the changes of effects. Returns an outcome for each effect, undefined for one without changes. Returns
   * undefined if the store failed; all effects are undone then.
   */
  async #commit(effects: readonly Effect[], deadline: number): Promise<(CommitOutcome | undefined)[] | undefined> {
    const items = effects.map(({ changes }) => changes).filter((changes) => changes.length > 0);
    if (items.length === 0) return effects.map(() => undefined);
    try {
      if (this.#health.isBroken) throw new Error('the store is broken');
      const commits = await this.#store.commit(items, this.left(deadline));
      this.#health.stored();
      let next = 0;
      return effects.map(({ changes }) => (changes.length > 0 ? commits[next++] : undefined));
    } catch (error) {
      for (const effect of [...effects].reverse()) effect.undo();
      for (const { changes } of effects) this.#rosterCache?.undone(changes);
      this.#table.setRoundsBack();
      this.#health.failed(error);
      return undefined;
    }
  }

  /** Updates the roster cache: applies the stored changes, then publishes the clusters that `outcomes` reply with. */
  #publish(
    effects: readonly Effect[],
    commits: readonly (CommitOutcome | undefined)[],
    outcomes: readonly Outcome[],
  ): void {
    const rosterCache = this.#rosterCache;
    if (!rosterCache) return;
    // A store with a roster cache has no other writer. If there is a conflict nevertheless, the cached clusters are
    // unknown.
    if (commits.some((commit) => commit?.kind === 'conflict')) return rosterCache.clear();
    const complete = new Set<string>();
    for (const { changes } of effects) {
      for (const change of changes) {
        rosterCache.apply(change);
        if (change.kind === 'entry' && change.key === EPOCH_KEY) complete.add(change.clusterId);
      }
    }
    for (const id of complete) this.#show(rosterCache, id, true);
    for (const { reply } of outcomes) {
      if (reply.kind === 'roster') this.#show(rosterCache, reply.cluster.id, reply.sealed !== undefined);
      // A cluster that a sealed client made, which a sealed member will read.
      else if (reply.kind === 'cluster')
        this.#show(rosterCache, reply.cluster.id, reply.cluster.confirmMs !== undefined);
    }
  }

  #show(rosterCache: RosterCache, clusterId: string, stated: boolean): void {
    const cluster = this.#table.cluster(clusterId);
    if (cluster) rosterCache.publish(cluster, stated);
  }

  /** After a conflict: undoes all effects, then replays the stored ones and the records that won. */
  #takeBack(effects: readonly Effect[], commits: readonly (CommitOutcome | undefined)[]): void {
    for (const effect of [...effects].reverse()) effect.undo();
    for (const [i, { changes }] of effects.entries()) {
      if (commits[i]?.kind === 'stored') for (const change of changes) this.#table.replay(change);
    }
    for (const commit of commits) {
      if (commit?.kind !== 'conflict') continue;
      for (const change of commit.current) this.#table.replay(change);
    }
  }

  /** Replies to a batch that cannot be stored. A command that changes nothing may still get its reply. */
  #answerUnstored(items: readonly BatchItem[], now: number): void {
    for (const item of items) {
      const { reply, changes, undo } = this.#apply(item, now);
      const answered = changes.length === 0 && this.#isAnswerable(reply);
      item.reply = answered ? reply : CANNOT_STORE;
      if (answered) continue;
      undo();
      this.#charges.giveBack(item);
    }
  }

  /** True if the table is fresh enough for a reply without changes. */
  #isAnswerable(reply: Reply): boolean {
    if (this.#health.freshness === 'wrong') return false;
    return (this.#health.freshness === 'current' && !this.#health.isUnreachable) || REPLIES_WHEN_BEHIND.has(reply.kind);
  }

  /** Fills in the final replies; returns the commands that have to be applied again. */
  #settle(
    items: readonly BatchItem[],
    outcomes: readonly Outcome[],
    commits: readonly (CommitOutcome | undefined)[],
  ): readonly BatchItem[] {
    const conflict = commits.some((commit) => commit?.kind === 'conflict');
    if (conflict) this.#takeBack(outcomes, commits);
    return items.filter((item, i) => {
      const { reply, filledAfterMs, completes, replaces, displaced, adds, audits = [] } = outcomes[i]!;
      // After a conflict, a reply without changes may depend on an undone effect.
      if (conflict && commits[i]?.kind !== 'stored') return true;
      item.reply = reply;
      if (adds === 'cluster' || adds === 'member') this.#added(item.command, reply);
      for (const event of audits) this.#audit(event, item.command, reply);
      if (replaces) this.#observer.replaced(replaces.before, replaces.after);
      if (displaced) this.#observer.displaced(displaced.registration, displaced.seats);
      if (filledAfterMs !== undefined) this.#observer.filled(filledAfterMs / 1000);
      if (completes && reply.kind === 'cluster') {
        this.#observer.round?.({ kind: 'completed', clusterId: reply.cluster.id });
      }
      return false;
    });
  }

  #added(command: BatchItem['command'], reply: Reply): void {
    if (!this.#observer.added || reply.kind !== 'cluster') return;
    if (command.kind !== 'create' && command.kind !== 'join') return;
    const { kind: action, clientId } = command;
    const cluster = this.#table.cluster(reply.cluster.id);
    const member = action === 'join' ? cluster?.seats[cluster.seatOf(clientId)]?.name : undefined;
    this.#audit({ action, member }, command, reply);
  }

  #audit(
    event: Pick<TableAddition, 'action'> & { member?: string | undefined },
    command: BatchItem['command'],
    reply: Reply,
  ): void {
    if (!('clientId' in command) || command.clientId === undefined || !('cluster' in reply)) return;
    const cluster = this.#table.cluster(reply.cluster.id);
    if (!cluster) return;
    const { id: clusterId, name } = cluster.record;
    const { clientId } = command;
    this.#observer.added?.({ member: undefined, ...event, clientId, clusterId, cluster: name, time: Date.now() });
  }
}
