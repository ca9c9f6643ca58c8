// The only owner of the cluster table and the only writer of its store. Requests that have come in are one batch: applied
// in memory, committed at once, and only then answered. While a commit is under way no command is applied, so nobody is
// ever shown what may still be lost.
import { COMMIT_ATTEMPTS_MAX } from '../limits.ts';
import type { ClusterTable } from '../registry/cluster-table.ts';
import type { Command, OperatorCommand, Reply } from '../registry/command.ts';
import type { Effect, Outcome } from '../registry/outcome.ts';
import { type CommitOutcome, type Store, StoreFullError } from '../store/store.ts';

/** Told what the coordinator does, for metrics and logs. */
export interface CoordinatorObserver {
  /** A batch is done: its commands, its stored changes, and the seconds its commits took. */
  batch(commands: number, changes: number, commitSeconds: number): void;
  /** The last seat of a cluster is taken, and that is stored: seconds since it was created. */
  filled(seconds: number): void;
  /** Something has been forgotten because its time was up. */
  expired(changes: number): void;
  /** The store has no room (with the reason), or has room again. Told when it changes. */
  full(reason: string | undefined): void;
  /** What has been acknowledged may not be stored any more: the process must not go on. */
  broken(error: unknown): void;
}

/** Milliseconds on a clock that never goes back. */
export type Clock = () => number;

interface Request {
  readonly commands: readonly (Command | OperatorCommand)[];
  readonly resolve: (replies: Reply[]) => void;
}

/** A command on its way through a batch. */
interface Item {
  readonly command: Command | OperatorCommand;
  reply: Reply;
}

/** Entries of the table looked at in one sweep for what has expired. */
const SWEEP_ENTRIES = 5_000;

const CANNOT_STORE: Reply = { kind: 'refused', refusal: 'cannot-store' };

export class Coordinator {
  readonly #table: ClusterTable;
  readonly #store: Store;
  readonly #observer: CoordinatorObserver;
  readonly #clock: Clock;
  /** Bounded by the workers: each has a few requests under way, each of one batch of frames. */
  #waiting: Request[] = [];
  /** Bounded by whoever looks. */
  #looks: (() => void)[] = [];
  /** Resolves when the work under way is done; undefined if there is none. */
  #working: Promise<void> | undefined;
  #sweepDue = false;
  #full = false;
  /** After an error of which nobody knows what it left stored, nothing is acknowledged any more. */
  #broken = false;

  constructor(table: ClusterTable, store: Store, observer: CoordinatorObserver, clock: Clock) {
    this.#table = table;
    this.#store = store;
    this.#observer = observer;
    this.#clock = clock;
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
    this.#sweepDue = true;
    this.#working ??= this.#work();
  }

  /** Replies to commands, in their order, each after what it changed is stored. */
  ask(commands: readonly (Command | OperatorCommand)[]): Promise<Reply[]> {
    return new Promise((resolve) => {
      this.#waiting.push({ commands, resolve });
      this.#working ??= this.#work();
    });
  }

  /** What `read`, which has to be short, finds in the table when nothing in it waits to be stored. */
  look<T>(read: (table: ClusterTable) => T): Promise<T> {
    return new Promise((resolve) => {
      this.#looks.push(() => resolve(read(this.#table)));
      this.#working ??= this.#work();
    });
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    // What else is asked in the same breath joins the first batch.
    await undefined;
    while (this.#waiting.length > 0 || this.#sweepDue || this.#looks.length > 0) {
      if (this.#sweepDue) await this.#sweepNow();
      this.#looks.shift()?.();
      const requests = this.#waiting;
      this.#waiting = [];
      const batch = requests.map((request) =>
        request.commands.map((command): Item => ({ command, reply: CANNOT_STORE })),
      );
      await this.#serve(batch.flat());
      for (const [i, request] of requests.entries()) request.resolve(batch[i]!.map((item) => item.reply));
    }
    this.#working = undefined;
  }

  /** Fills in the replies. A command that lost to another server is applied again to what stands now. */
  async #serve(batch: readonly Item[]): Promise<void> {
    let open = batch;
    let changes = 0;
    let commitSeconds = 0;
    for (let attempt = 1; open.length > 0 && attempt <= COMMIT_ATTEMPTS_MAX; attempt++) {
      const now = this.#clock();
      const outcomes = open.map((item) => this.#table.apply(item.command, now));
      const ends = await this.#commit(outcomes);
      commitSeconds += (this.#clock() - now) / 1000;
      if (ends === undefined) {
        this.#answerUnstored(open, now);
        open = [];
      } else {
        open = this.#settle(open, outcomes, ends);
        changes += ends.length;
      }
    }
    for (const item of open) item.reply = CANNOT_STORE;
    if (batch.length > 0) this.#observer.batch(batch.length, changes, commitSeconds);
  }

  async #sweepNow(): Promise<void> {
    this.#sweepDue = false;
    if (this.#full && !(await this.#probe())) return;
    const effects = this.#table.expire(this.#clock(), SWEEP_ENTRIES);
    const ends = await this.#commit(effects);
    if (ends && effects.length > 0) this.#observer.expired(effects.length);
  }

  async #probe(): Promise<boolean> {
    try {
      await this.#store.probe();
      this.#setFull(undefined);
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  /** How each change ended; undefined if the store failed and every effect has been undone. */
  async #commit(effects: readonly Effect[]): Promise<CommitOutcome[] | undefined> {
    const changes = effects.flatMap((effect) => effect.changes);
    if (changes.length === 0) return [];
    try {
      if (this.#broken) throw new Error('the store is broken');
      const ends = await this.#store.commit(changes);
      this.#setFull(undefined);
      return ends;
    } catch (error) {
      for (const effect of [...effects].reverse()) effect.undo();
      this.#fail(error);
      return undefined;
    }
  }

  #fail(error: unknown): void {
    if (error instanceof StoreFullError) return this.#setFull(error.message);
    if (!this.#broken) this.#observer.broken(error);
    this.#broken = true;
  }

  #setFull(reason: string | undefined): void {
    const full = reason !== undefined;
    if (full !== this.#full) this.#observer.full(reason);
    this.#full = full;
  }

  /** Replies to a batch that could not be stored: to each command by itself, as far as it needs no store. */
  #answerUnstored(items: readonly Item[], now: number): void {
    for (const item of items) {
      const { reply, changes, undo } = this.#table.apply(item.command, now);
      if (changes.length > 0) undo();
      item.reply = changes.length > 0 ? CANNOT_STORE : reply;
    }
  }

  /** Replies to what is settled; returns what has to be applied again. */
  #settle(items: readonly Item[], outcomes: readonly Outcome[], ends: readonly CommitOutcome[]): Item[] {
    const lost = ends.filter((end) => end.kind === 'lost');
    for (const end of lost) for (const change of end.standing) this.#table.absorb(change);
    const again: Item[] = [];
    let next = 0;
    for (const [i, item] of items.entries()) {
      const { reply, changes, filledAfterMs } = outcomes[i]!;
      const own = ends.slice(next, next + changes.length);
      next += changes.length;
      // Where anything was lost, an answer that changed nothing may rest on it.
      if (changes.length > 0 ? own.some((end) => end.kind === 'lost') : lost.length > 0) again.push(item);
      else {
        item.reply = reply;
        if (filledAfterMs !== undefined) this.#observer.filled(filledAfterMs / 1000);
      }
    }
    return again;
  }
}
