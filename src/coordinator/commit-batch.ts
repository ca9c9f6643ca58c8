// Carries out a batch: applies its commands in memory, commits what they change, and fills in the replies. Invariants: a
// reply leaves only after its changes are stored; what could not be stored is undone in the table.
import { COMMIT_ATTEMPTS_MAX } from '../limits.ts';
import type { ClusterTable } from '../registry/cluster-table.ts';
import type { Command, OperatorCommand, Reply } from '../registry/command.ts';
import { type Effect, type Outcome, refuse } from '../registry/outcome.ts';
import type { CommitOutcome, Store } from '../store/store.ts';
import type { Charges, Purse } from './charges.ts';
import type { CoordinatorObserver } from './coordinator-observer.ts';
import type { RosterCache } from './roster-cache/writer.ts';
import { StoreHealth } from './store-health.ts';

/** Milliseconds on a clock that never goes back. */
export type Clock = () => number;

/** A command on its way through a batch. */
export interface BatchItem extends Purse {
  readonly command: Command | OperatorCommand;
  reply: Reply;
}

/** Entries of the table looked at in one sweep for what has expired. */
const SWEEP_ENTRIES = 5_000;

/** What is forgotten in one sweep of a shared table: about as much as etcd takes in a tenth of a second. */
const SWEEP_SHARED_MAX = 400;

/** Uses told to other servers in one sweep. */
const SWEEP_USES = 2_000;

/** Told from a table that may be behind: what a registration is, and who has joined. */
const TOLD_WHEN_BEHIND: ReadonlySet<Reply['kind']> = new Set(['registered', 'client', 'roster']);

/** The reply to a command whose change is not stored (E5). */
export const CANNOT_STORE: Reply = { kind: 'refused', refusal: 'cannot-store' };

/** What batches are carried out on. */
export interface BatchContext {
  readonly table: ClusterTable;
  readonly store: Store;
  readonly observer: CoordinatorObserver;
  readonly clock: Clock;
  /** Where workers are shown what they ask for most; undefined where other servers write the same store. */
  readonly rosterCache: RosterCache | undefined;
  /** Who pays for what is added. */
  readonly charges: Charges;
}

export class BatchCommitter {
  readonly #table: ClusterTable;
  readonly #store: Store;
  readonly #observer: CoordinatorObserver;
  readonly #clock: Clock;
  readonly #rosterCache: RosterCache | undefined;
  readonly #charges: Charges;
  readonly #health: StoreHealth;

  constructor({ table, store, observer, clock, rosterCache, charges }: BatchContext) {
    this.#table = table;
    this.#store = store;
    this.#observer = observer;
    this.#clock = clock;
    this.#rosterCache = rosterCache;
    this.#charges = charges;
    this.#health = new StoreHealth(store, observer);
  }

  /** Milliseconds that a store on other machines has; one on this machine has as many as it takes. */
  left(until: number): number {
    return this.#store.catchUp ? until - this.#clock() : Infinity;
  }

  /** Takes over what other servers have stored. */
  async catchUp(until: number): Promise<void> {
    if (!this.#store.catchUp || this.#health.isBroken) return;
    if (this.left(until) <= 0) {
      this.#health.notAsked();
      return;
    }
    try {
      const { reset: anew, changes, freshness, reason } = await this.#store.catchUp(this.left(until));
      const now = this.#clock();
      if (anew) this.#table.reset(anew, now);
      for (const change of changes) this.#table.replay(change, now);
      this.#health.caughtUp(freshness, reason);
    } catch (error) {
      this.#health.failed(error);
    }
  }

  /** Fills in the replies. A command that lost to another server is applied again to what stands now. */
  async serve(batch: readonly BatchItem[], until: number): Promise<void> {
    let open = batch;
    let changes = 0;
    let commitSeconds = 0;
    for (let attempt = 1; open.length > 0 && attempt <= COMMIT_ATTEMPTS_MAX; attempt++) {
      const now = this.#clock();
      if (attempt > 1) await this.catchUp(until);
      if (this.#health.freshness !== 'current' || this.left(until) <= 0) {
        this.#answerUnstored(open, now);
        open = [];
        break;
      }
      const outcomes = open.map((item) => this.#apply(item, now));
      const ends = await this.#commit(outcomes, until);
      commitSeconds += (this.#clock() - now) / 1000;
      if (ends === undefined) {
        this.#answerUnstored(open, now);
        open = [];
      } else {
        changes += outcomes.reduce((sum, outcome) => sum + outcome.changes.length, 0);
        this.#show(outcomes, ends, outcomes);
        open = this.#settle(open, outcomes, ends);
      }
    }
    for (const item of open) {
      item.reply = CANNOT_STORE;
      this.#charges.giveBack(item);
    }
    if (batch.length > 0) this.#observer.batch(batch.length, changes, commitSeconds);
  }

  /** Carries a command out in memory, unless nobody can pay for what it adds: then it is refused, and adds nothing. */
  #apply(item: BatchItem, now: number): Outcome {
    const outcome = this.#table.apply(item.command, now);
    const refusal = this.#charges.charge(item, outcome.adds);
    if (refusal === undefined) return outcome;
    outcome.undo();
    return refuse(refusal);
  }

  /** Forgets some of what has expired; first finds out whether a store that took no changes does so again. */
  async sweep(until: number): Promise<void> {
    if (this.#health.freshness !== 'current') return;
    if (this.#health.needsProbe && !(await this.#probe(until))) return;
    await this.#tellUses(until);
    if (this.left(until) <= 0) return;
    const effects = this.#table.expire(this.#clock(), SWEEP_ENTRIES, this.#store.catchUp ? SWEEP_SHARED_MAX : Infinity);
    const ends = await this.#commit(effects, until);
    if (ends === undefined) return;
    // What is in use elsewhere stays; of what else stands, the next look at the store tells.
    this.#show(effects, ends, []);
    if (ends.some((end) => end?.kind === 'conflict')) this.#takeBack(effects, ends);
    const expired = ends.filter((end) => end?.kind !== 'conflict').length;
    if (expired > 0) this.#observer.expired(expired);
  }

  async #tellUses(until: number): Promise<void> {
    const uses = this.#table.takeUses(SWEEP_USES);
    if (uses.length === 0 || !this.#store.announceUses) return;
    try {
      await this.#store.announceUses(uses, this.left(until));
    } catch (error) {
      this.#table.requeueUses(uses);
      this.#health.failed(error);
    }
  }

  async #probe(until: number): Promise<boolean> {
    try {
      await this.#store.probe(this.left(until));
      this.#health.stored();
      return true;
    } catch (error) {
      this.#health.failed(error);
      return false;
    }
  }

  /**
   * How each effect ended, undefined for one without changes; undefined if the store failed and every effect has been
   * undone.
   */
  async #commit(effects: readonly Effect[], until: number): Promise<(CommitOutcome | undefined)[] | undefined> {
    const items = effects.map(({ changes }) => changes).filter((changes) => changes.length > 0);
    if (items.length === 0) return effects.map(() => undefined);
    try {
      if (this.#health.isBroken) throw new Error('the store is broken');
      const ends = await this.#store.commit(items, this.left(until));
      this.#health.stored();
      let next = 0;
      return effects.map(({ changes }) => (changes.length > 0 ? ends[next++] : undefined));
    } catch (error) {
      for (const effect of [...effects].reverse()) effect.undo();
      this.#health.failed(error);
      return undefined;
    }
  }

  /** Shows the workers what is stored of effects, and the clusters that have been asked for. */
  #show(effects: readonly Effect[], ends: readonly (CommitOutcome | undefined)[], asked: readonly Outcome[]): void {
    const rosterCache = this.#rosterCache;
    if (!rosterCache) return;
    // Nobody else writes where there is a roster cache; if somebody did, what stands would not be known here.
    if (ends.some((end) => end?.kind === 'conflict')) return rosterCache.clear();
    for (const { changes } of effects) for (const change of changes) rosterCache.apply(change);
    for (const { reply } of asked) {
      if (reply.kind !== 'roster' && reply.kind !== 'cluster') continue;
      const cluster = this.#table.cluster(reply.cluster.id);
      if (cluster) rosterCache.publish(cluster);
    }
  }

  /** Makes the table show what is stored of effects, and of what they lost to. */
  #takeBack(effects: readonly Effect[], ends: readonly (CommitOutcome | undefined)[]): void {
    for (const effect of [...effects].reverse()) effect.undo();
    for (const [i, { changes }] of effects.entries()) {
      if (ends[i]?.kind === 'stored') for (const change of changes) this.#table.replay(change);
    }
    for (const end of ends) if (end?.kind === 'conflict') for (const change of end.current) this.#table.replay(change);
  }

  /** Replies to a batch that could not be stored: to each command by itself, as far as it needs no store. */
  #answerUnstored(items: readonly BatchItem[], now: number): void {
    for (const item of items) {
      const { reply, changes, undo } = this.#apply(item, now);
      const told = changes.length === 0 && this.#isTold(reply);
      item.reply = told ? reply : CANNOT_STORE;
      if (told) continue;
      undo();
      this.#charges.giveBack(item);
    }
  }

  /** Whether a reply that needs no store can be given from the table as it is. */
  #isTold(reply: Reply): boolean {
    if (this.#health.freshness === 'wrong') return false;
    return (this.#health.freshness === 'current' && !this.#health.isUnreachable) || TOLD_WHEN_BEHIND.has(reply.kind);
  }

  /** Replies to what is settled; returns what has to be applied again. */
  #settle(
    items: readonly BatchItem[],
    outcomes: readonly Outcome[],
    ends: readonly (CommitOutcome | undefined)[],
  ): readonly BatchItem[] {
    const lost = ends.some((end) => end?.kind === 'conflict');
    if (lost) this.#takeBack(outcomes, ends);
    return items.filter((item, i) => {
      const { reply, filledAfterMs, replaces } = outcomes[i]!;
      // Where anything was lost, an answer that changed nothing may rest on it.
      if (lost && ends[i]?.kind !== 'stored') return true;
      item.reply = reply;
      if (replaces) this.#observer.replaced(replaces.before, replaces.after);
      if (filledAfterMs !== undefined) this.#observer.filled(filledAfterMs / 1000);
      return false;
    });
  }
}
