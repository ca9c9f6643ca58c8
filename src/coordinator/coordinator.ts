// The only owner of the cluster table and the only writer of its store. Requests that have come in are one batch: applied
// in memory, committed at once, and only then answered. While a commit is under way no command is applied, so nobody is
// ever shown what may still be lost. Where other servers write the same store, the table is brought up to date before a
// batch is applied: nobody is answered from less than what anybody had been told before he asked.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { BATCH_COMMANDS_MAX, COMMIT_ATTEMPTS_MAX, SHARED_STORE_ANSWER_MS } from '../limits.ts';
import type { ClusterTable } from '../registry/cluster-table.ts';
import type { Command, OperatorCommand, Registration, Reply } from '../registry/command.ts';
import { type Effect, type Outcome, refuse } from '../registry/outcome.ts';
import { type CatchUp, type CommitOutcome, type Store, StoreFullError, StoreUnreachableError } from '../store/store.ts';
import { Charges, type Purse } from './charges.ts';
import type { ClusterBoard } from './cluster-board.ts';

/** Told what the coordinator does, for metrics and logs. */
export interface CoordinatorObserver {
  /** A batch is done: its commands, its stored changes, and the seconds its commits took. */
  batch(commands: number, changes: number, commitSeconds: number): void;
  /** The last seat of a cluster is taken, and that is stored: seconds since it was created. */
  filled(seconds: number): void;
  /** A client's token has taken the place of the one before it, and that is stored. */
  replaced(before: Registration, after: Registration): void;
  /** Something has been forgotten because its time was up. */
  expired(changes: number): void;
  /** The store has no room (with the reason), or has room again. Told when it changes. */
  full(reason: string | undefined): void;
  /** The store cannot be reached (with the reason), or can be again. Told when it changes. */
  unreachable(reason: string | undefined): void;
  /** What has been acknowledged may not be stored any more: the process must not go on. */
  broken(error: unknown): void;
}

/** Milliseconds on a clock that never goes back. */
export type Clock = () => number;

interface Request {
  readonly commands: readonly (Command | OperatorCommand)[];
  /** Of each command, whose growth budget pays for what it adds; nobody's where it is undefined. */
  readonly origins: readonly (number | undefined)[];
  readonly askedAt: number;
  readonly resolve: (replies: Reply[]) => void;
}

/** A command on its way through a batch. */
interface Item extends Purse {
  readonly command: Command | OperatorCommand;
  reply: Reply;
}

/** Entries of the table looked at in one sweep for what has expired. */
const SWEEP_ENTRIES = 5_000;

/** What is forgotten in one sweep of a shared table: about as much as etcd takes in a tenth of a second. */
const SWEEP_SHARED_MAX = 400;

/** Of the time in which a client is answered, what a sweep of a shared table needs to be worth beginning. */
const SWEEP_SHARED_MS = 500;

/** Uses told to other servers in one sweep. */
const SWEEP_USES = 2_000;

/** Told from a table that may be behind: what a registration is, and who has joined. */
const TOLD_WHEN_BEHIND: ReadonlySet<Reply['kind']> = new Set(['registered', 'client', 'roster']);

const CANNOT_STORE: Reply = { kind: 'refused', refusal: 'cannot-store' };

/** The coordinator takes nothing in any more. */
export class CoordinatorClosingError extends Error {
  override readonly name = 'CoordinatorClosingError';
}

export class Coordinator {
  readonly #table: ClusterTable;
  readonly #store: Store;
  readonly #observer: CoordinatorObserver;
  readonly #clock: Clock;
  readonly #board: ClusterBoard | undefined;
  readonly #charges: Charges;
  /** Bounded by the workers: each has a few requests under way, each of one batch of frames. */
  #waiting: Request[] = [];
  /** Bounded by whoever looks. */
  #looks: (() => void)[] = [];
  /** Resolves when the work under way is done; undefined if there is none. */
  #working: Promise<void> | undefined;
  #sweepDue = false;
  #full = false;
  #unreachable = false;
  #freshness: CatchUp['freshness'] = 'current';
  /** After an error of which nobody knows what it left stored, nothing is acknowledged any more. */
  #broken = false;
  /** Resolves when the store is closed; undefined before close(). */
  #closing: Promise<void> | undefined;

  /**
   * Of a table that nobody else writes, workers may be shown what they ask for most. Without `charges`, nothing that is added
   * has to be paid for.
   */
  constructor(
    table: ClusterTable,
    store: Store,
    observer: CoordinatorObserver,
    clock: Clock,
    board?: ClusterBoard,
    charges = new Charges(),
  ) {
    this.#table = table;
    this.#store = store;
    this.#observer = observer;
    this.#clock = clock;
    this.#board = board;
    this.#charges = charges;
  }

  /** Fills the table from the store. */
  async load(): Promise<void> {
    for await (const records of this.#store.load()) for (const record of records) this.#table.absorb(record);
  }

  /**
   * To be called every second or so: forgets some of what has expired, and finds out whether a store that was full has
   * room again, even if nobody asks for anything.
   */
  sweep(): void {
    if (this.#closing) return;
    this.#sweepDue = true;
    this.#working ??= this.#work();
  }

  /**
   * Replies to commands, in their order, each after what it changed is stored. Refuses all of them after close(). The caller
   * keeps to BATCH_COMMANDS_MAX: the commands of one call are committed together. `origins` says of each command whose growth
   * budget pays for what it adds (R4); without it nobody pays.
   */
  ask(commands: readonly (Command | OperatorCommand)[], origins: readonly number[] = []): Promise<Reply[]> {
    if (this.#closing) return Promise.resolve(commands.map(() => CANNOT_STORE));
    return new Promise((resolve) => {
      this.#waiting.push({ commands, origins, askedAt: this.#clock(), resolve });
      this.#working ??= this.#work();
    });
  }

  /**
   * What `read`, which has to be short, finds in the table when nothing in it waits to be stored. Looks are one in a turn of
   * the event loop. Rejects with CoordinatorClosingError after close().
   */
  look<T>(read: (table: ClusterTable) => T): Promise<T> {
    if (this.#closing) return Promise.reject(new CoordinatorClosingError('the coordinator is closing'));
    return new Promise((resolve) => {
      this.#looks.push(() => resolve(read(this.#table)));
      this.#working ??= this.#work();
    });
  }

  /** Resolves when nothing is under way; more may be by then, unless it closes. */
  async settled(): Promise<void> {
    await this.#working;
  }

  /** Whether work is under way, which may wait for a turn of the event loop. */
  get isBusy(): boolean {
    return this.#working !== undefined;
  }

  /** Whether close() has been called. */
  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  /** Refuses what comes from now on, finishes what has come, then closes the store. Rejects as the store's close. */
  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    await this.settled();
    await this.#store.close();
  }

  async #work(): Promise<void> {
    // What else is asked in the same breath joins the first batch.
    await undefined;
    while (this.#waiting.length > 0 || this.#sweepDue || this.#looks.length > 0) {
      // What comes while the table is brought up to date may rest on more than that.
      const requests = this.#takeRequests();
      const until = (requests[0]?.askedAt ?? this.#clock()) + SHARED_STORE_ANSWER_MS;
      const look = this.#looks.shift();
      await this.#catchUp(until);
      look?.();
      const batch = requests.map((request) =>
        request.commands.map((command, i): Item => {
          return { command, reply: CANNOT_STORE, origin: request.origins[i] ?? 0, paid: undefined };
        }),
      );
      await this.#serve(batch.flat(), until);
      for (const [i, request] of requests.entries()) request.resolve(batch[i]!.map((item) => item.reply));
      // Who has come meanwhile waits for the sweep, too.
      if (this.#sweepDue && this.#left(until) >= SWEEP_SHARED_MS) await this.#sweepNow(until);
      // A store in memory or on this machine answers in microtasks: without a turn, looks in a row would starve the lanes.
      if (look) await nextTurn();
    }
    this.#working = undefined;
  }

  /** Those that have waited longest. */
  #takeRequests(): readonly Request[] {
    let commands = 0;
    const end = this.#waiting.findIndex((request) => {
      commands += request.commands.length;
      return commands > BATCH_COMMANDS_MAX;
    });
    // One by itself is a batch, however long.
    const count = end < 0 ? this.#waiting.length : Math.max(1, end);
    const requests = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    return requests;
  }

  /** Milliseconds that a store on other machines has; one on this machine has as many as it takes. */
  #left(until: number): number {
    return this.#store.catchUp ? until - this.#clock() : Infinity;
  }

  /** Takes over what other servers have stored. */
  async #catchUp(until: number): Promise<void> {
    if (!this.#store.catchUp || this.#broken) return;
    if (this.#left(until) <= 0) {
      if (this.#freshness === 'current') this.#freshness = 'behind';
      return;
    }
    try {
      const { anew, changes, freshness, reason } = await this.#store.catchUp(this.#left(until));
      const now = this.#clock();
      if (anew) this.#table.absorbAnew(anew, now);
      for (const change of changes) this.#table.absorb(change, now);
      this.#freshness = freshness;
      this.#setUnreachable(freshness === 'current' ? undefined : (reason ?? 'the store cannot be asked'));
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Fills in the replies. A command that lost to another server is applied again to what stands now. */
  async #serve(batch: readonly Item[], until: number): Promise<void> {
    let open = batch;
    let changes = 0;
    let commitSeconds = 0;
    for (let attempt = 1; open.length > 0 && attempt <= COMMIT_ATTEMPTS_MAX; attempt++) {
      const now = this.#clock();
      if (attempt > 1) await this.#catchUp(until);
      if (this.#freshness !== 'current' || this.#left(until) <= 0) {
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
  #apply(item: Item, now: number): Outcome {
    const outcome = this.#table.apply(item.command, now);
    const refusal = this.#charges.charge(item, outcome.adds);
    if (refusal === undefined) return outcome;
    outcome.undo();
    return refuse(refusal);
  }

  async #sweepNow(until: number): Promise<void> {
    this.#sweepDue = false;
    if (this.#freshness !== 'current') return;
    // Of a shared store, catching up tells whether it can be reached.
    const silent = this.#unreachable && !this.#store.catchUp;
    if ((this.#full || silent) && !(await this.#probe(until))) return;
    await this.#tellUses(until);
    if (this.#left(until) <= 0) return;
    const effects = this.#table.expire(this.#clock(), SWEEP_ENTRIES, this.#store.catchUp ? SWEEP_SHARED_MAX : Infinity);
    const ends = await this.#commit(effects, until);
    if (ends === undefined) return;
    // What is in use elsewhere stays; of what else stands, the next look at the store tells.
    this.#show(effects, ends, []);
    if (ends.some((end) => end?.kind === 'lost')) this.#takeBack(effects, ends);
    const expired = ends.filter((end) => end?.kind !== 'lost').length;
    if (expired > 0) this.#observer.expired(expired);
  }

  async #tellUses(until: number): Promise<void> {
    const uses = this.#table.takeUses(SWEEP_USES);
    if (uses.length === 0 || !this.#store.tellUses) return;
    try {
      await this.#store.tellUses(uses, this.#left(until));
    } catch (error) {
      this.#table.untellUses(uses);
      this.#fail(error);
    }
  }

  async #probe(until: number): Promise<boolean> {
    try {
      await this.#store.probe(this.#left(until));
      this.#setStored();
      return true;
    } catch (error) {
      this.#fail(error);
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
      if (this.#broken) throw new Error('the store is broken');
      const ends = await this.#store.commit(items, this.#left(until));
      this.#setStored();
      let next = 0;
      return effects.map(({ changes }) => (changes.length > 0 ? ends[next++] : undefined));
    } catch (error) {
      for (const effect of [...effects].reverse()) effect.undo();
      this.#fail(error);
      return undefined;
    }
  }

  /** Shows the workers what is stored of effects, and the clusters that have been asked for. */
  #show(effects: readonly Effect[], ends: readonly (CommitOutcome | undefined)[], asked: readonly Outcome[]): void {
    const board = this.#board;
    if (!board) return;
    // Nobody else writes where there is a board; if somebody did, what stands would not be known here.
    if (ends.some((end) => end?.kind === 'lost')) return board.clear();
    for (const { changes } of effects) for (const change of changes) board.follow(change);
    for (const { reply } of asked) {
      if (reply.kind !== 'roster' && reply.kind !== 'cluster') continue;
      const cluster = this.#table.cluster(reply.cluster.id);
      if (cluster) board.show(cluster);
    }
  }

  /** Makes the table show what is stored of effects, and of what they lost to. */
  #takeBack(effects: readonly Effect[], ends: readonly (CommitOutcome | undefined)[]): void {
    for (const effect of [...effects].reverse()) effect.undo();
    for (const [i, { changes }] of effects.entries()) {
      if (ends[i]?.kind === 'stored') for (const change of changes) this.#table.absorb(change);
    }
    for (const end of ends) if (end?.kind === 'lost') for (const change of end.standing) this.#table.absorb(change);
  }

  #fail(error: unknown): void {
    if (error instanceof StoreFullError) return this.#setFull(error.message);
    if (error instanceof StoreUnreachableError) return this.#setUnreachable(error.message);
    if (!this.#broken) this.#observer.broken(error);
    this.#broken = true;
  }

  #setStored(): void {
    this.#setFull(undefined);
    if (!this.#store.catchUp) this.#setUnreachable(undefined);
  }

  #setFull(reason: string | undefined): void {
    const full = reason !== undefined;
    if (full !== this.#full) this.#observer.full(reason);
    this.#full = full;
  }

  #setUnreachable(reason: string | undefined): void {
    const unreachable = reason !== undefined;
    if (unreachable !== this.#unreachable) this.#observer.unreachable(reason);
    this.#unreachable = unreachable;
  }

  /** Replies to a batch that could not be stored: to each command by itself, as far as it needs no store. */
  #answerUnstored(items: readonly Item[], now: number): void {
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
    if (this.#freshness === 'wrong') return false;
    return (this.#freshness === 'current' && !this.#unreachable) || TOLD_WHEN_BEHIND.has(reply.kind);
  }

  /** Replies to what is settled; returns what has to be applied again. */
  #settle(
    items: readonly Item[],
    outcomes: readonly Outcome[],
    ends: readonly (CommitOutcome | undefined)[],
  ): readonly Item[] {
    const lost = ends.some((end) => end?.kind === 'lost');
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
