// The only owner of the cluster table and the only writer of its store. Requests that have come in are one batch: applied
// in memory, committed at once, and only then answered. While a commit is under way no command is applied, so nobody is
// ever shown what may still be lost.
import { COMMIT_ATTEMPTS_MAX } from '../limits.ts';
import type { ClusterTable, Outcome } from '../registry/cluster-table.ts';
import type { Change, Command, Reply } from '../registry/command.ts';
import type { CommitOutcome, Store } from '../store/store.ts';

/** Told what the coordinator does, for metrics and logs. */
export interface CoordinatorObserver {
  /** A batch is done: its commands, its stored changes, and the seconds its commits took. */
  batch(commands: number, changes: number, commitSeconds: number): void;
  /** The store failed; every command of the batch that needed it was refused. */
  trouble(error: unknown): void;
}

interface Request {
  readonly commands: readonly Command[];
  readonly resolve: (replies: Reply[]) => void;
}

/** A command on its way through a batch. */
interface Item {
  readonly command: Command;
  reply: Reply;
}

const CANNOT_STORE: Reply = { kind: 'refused', refusal: 'cannot-store' };

export class Coordinator {
  readonly #table: ClusterTable;
  readonly #store: Store;
  readonly #observer: CoordinatorObserver;
  /** Bounded by the workers: each has a few requests under way, each of one batch of frames. */
  #waiting: Request[] = [];
  #working = false;

  constructor(table: ClusterTable, store: Store, observer: CoordinatorObserver) {
    this.#table = table;
    this.#store = store;
    this.#observer = observer;
  }

  /** Commands waiting for the batch under way. */
  get queueLength(): number {
    return this.#waiting.reduce((sum, request) => sum + request.commands.length, 0);
  }

  /** Fills the table from the store. */
  async load(): Promise<void> {
    for await (const change of this.#store.load()) this.#table.absorb(change);
  }

  /** Replies to commands, in their order, each after what it changed is stored. */
  ask(commands: readonly Command[]): Promise<Reply[]> {
    return new Promise((resolve) => {
      this.#waiting.push({ commands, resolve });
      if (!this.#working) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#working = true;
    // What else has arrived in this turn of the event loop joins the first batch.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const requests = this.#waiting;
      this.#waiting = [];
      const batch = requests.map((request) =>
        request.commands.map((command): Item => ({ command, reply: CANNOT_STORE })),
      );
      await this.#serve(batch.flat());
      for (const [i, request] of requests.entries()) request.resolve(batch[i]!.map((item) => item.reply));
    }
    this.#working = false;
  }

  /** Fills in the replies. A command that lost to another server is applied again to what stands now. */
  async #serve(batch: readonly Item[]): Promise<void> {
    let open = batch;
    let changes = 0;
    let commitSeconds = 0;
    for (let attempt = 1; open.length > 0 && attempt <= COMMIT_ATTEMPTS_MAX; attempt++) {
      const outcomes = open.map((item) => this.#table.apply(item.command));
      const changed = outcomes.flatMap((outcome) => outcome.change ?? []);
      const started = performance.now();
      const ends = await this.#commit(outcomes, changed);
      commitSeconds += (performance.now() - started) / 1000;
      if (ends === undefined) {
        this.#answerUnstored(open);
        open = [];
      } else {
        open = this.#settle(open, outcomes, ends);
        changes += changed.length;
      }
    }
    for (const item of open) item.reply = CANNOT_STORE;
    this.#observer.batch(batch.length, changes, commitSeconds);
  }

  /** How each change ended; undefined if the store failed and every change has been taken back. */
  async #commit(outcomes: readonly Outcome[], changes: readonly Change[]): Promise<CommitOutcome[] | undefined> {
    if (changes.length === 0) return [];
    try {
      return await this.#store.commit(changes);
    } catch (error) {
      for (const outcome of [...outcomes].reverse()) outcome.undo();
      this.#observer.trouble(error);
      return undefined;
    }
  }

  /** Replies to a batch that could not be stored: to each command by itself, as far as it changes nothing. */
  #answerUnstored(items: readonly Item[]): void {
    for (const item of items) {
      const { reply, change, undo } = this.#table.apply(item.command);
      undo();
      item.reply = change ? CANNOT_STORE : reply;
    }
  }

  /** Replies to what is settled; returns what has to be applied again. */
  #settle(items: readonly Item[], outcomes: readonly Outcome[], ends: readonly CommitOutcome[]): Item[] {
    const lost = ends.filter((end) => end.kind === 'lost');
    for (const end of lost) for (const change of end.standing) this.#table.absorb(change);
    const again: Item[] = [];
    let next = 0;
    for (const [i, item] of items.entries()) {
      const { reply, change } = outcomes[i]!;
      // Where anything was lost, an answer that changed nothing may rest on it.
      if (change ? ends[next++]!.kind === 'lost' : lost.length > 0) again.push(item);
      else item.reply = reply;
    }
    return again;
  }
}
