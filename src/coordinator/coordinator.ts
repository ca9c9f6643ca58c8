// Stages 3 and 4, sequential: the only owner of the cluster table and the only writer of its store. A batch is applied
// in memory, committed, and only then answered. Invariant: no command is applied during a commit, so no reply shows
// uncommitted changes. With a shared store, a catch-up precedes each batch, so replies are linearizable across servers.
// Requests come from serve-channels.ts and from operators through `ask`; commit-batch.ts carries them out; replies go
// back through the promise.
import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { BATCH_COMMANDS_MAX, ROUND_BYTES, SHARED_STORE_ANSWER_MS } from '../limits.ts';
import { isComplete } from '../registry/barrier.ts';
import type { Cluster } from '../registry/cluster.ts';
import type { ClusterTable } from '../registry/cluster-table.ts';
import type { Command, OperatorCommand, Reply } from '../registry/command.ts';
import type { Mark } from '../registry/round-clock.ts';
import { type ChangeRing, clusterKey, type PostedChange } from '../shared-memory/change-ring.ts';
import type { Store } from '../store/store.ts';
import { Charges } from './charges.ts';
import { BatchCommitter, type BatchItem, CANNOT_STORE, type Clock, newHistory } from './commit-batch.ts';
import type { CoordinatorObserver } from './coordinator-observer.ts';
import type { RosterCache } from './roster-cache/writer.ts';

interface Request {
  readonly commands: readonly (Command | OperatorCommand)[];
  /** By command: the origin whose growth budget pays; none if undefined. */
  readonly origins: readonly (number | undefined)[];
  readonly askedAt: number;
  readonly resolve: (replies: Reply[]) => void;
}

function randomRound(): string {
  return randomBytes(ROUND_BYTES).toString('hex');
}

/** A sweep of a shared table starts only with this much time left before the deadline. */
const SWEEP_SHARED_MS = 500;

/** A request that was told to wait is parked after this time at the latest; until then it counts as parked. */
const WAIT_PARKED_MS = 1_000;

/** The coordinator accepts nothing more. */
export class CoordinatorClosingError extends Error {
  override readonly name = 'CoordinatorClosingError';
}

export class Coordinator {
  readonly #table: ClusterTable;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #batches: BatchCommitter;
  /** BOUNDED by the callers: serve-channels waits for each reply, and operators' queries have a limit. */
  #waiting: Request[] = [];
  /** BOUNDED by OPERATOR_QUERIES_MAX: a query has one look pending at a time. */
  #looks: (() => void)[] = [];
  /** Resolves when the present work is done; undefined if there is none. */
  #working: Promise<void> | undefined;
  #sweepDue = false;
  readonly #changes: ChangeRing | undefined;
  /** Set when the store has changes that may be of another server. */
  #arrived = false;
  /** Last time at which a request was told to wait. */
  #lastWait = Number.NEGATIVE_INFINITY;
  /** A round is due. */
  #roundDue = false;
  /** Resolves when the store is closed; undefined before close(). */
  #closing: Promise<void> | undefined;

  /**
   * `rosterCache` only for a store that no other server writes. Without `charges`, additions are free. `changes` gets each
   * change of a roster once it is stored.
   */
  constructor(
    table: ClusterTable,
    store: Store,
    observer: CoordinatorObserver,
    clock: Clock,
    rosterCache?: RosterCache,
    charges = new Charges(),
    changes?: ChangeRing,
    newRound = randomRound,
  ) {
    this.#table = table;
    this.#store = store;
    this.#clock = clock;
    this.#changes = changes;
    this.#batches = new BatchCommitter({ table, store, observer, clock, rosterCache, charges, newRound });
    const history = newHistory();
    table.beginHistory(history);
    rosterCache?.beginHistory(history);
    store.onArrival?.(() => this.#hear());
  }

  /** Replays every record of the store. Rejects with StoreUnusableError. */
  async load(): Promise<void> {
    for await (const records of this.#store.load()) for (const record of records) this.#table.replay(record);
    // Nobody waits yet.
    this.#table.takeChanged();
  }

  /**
   * Schedules a sweep: it probes a store that failed, announces uses, and removes some expired entries. Call it about
   * every second; it works without any command.
   */
  sweep(): void {
    if (this.#closing) return;
    this.#sweepDue = true;
    this.#working ??= this.#work();
  }

  /**
   * A mark of the front end is back from every worker: what had arrived before it is served. Its times are on the
   * coordinator's clock.
   */
  marked(mark: Mark): void {
    if (this.#closing || !this.#table.ageRounds(mark, this.#batches.storeAnswers)) return;
    this.#roundDue = true;
    this.#working ??= this.#work();
  }

  /** Number of open rounds. While there are any, the front end sends marks. */
  get openRounds(): number {
    return this.#table.openRounds;
  }

  /**
   * Resolves to the replies, in the order of the commands, when their changes are stored. After close() it refuses them
   * all. The commands of one call are committed together; the caller passes BATCH_COMMANDS_MAX at most. `origins` has,
   * by command, the origin whose growth budget pays (R4); without it additions are free.
   */
  ask(commands: readonly (Command | OperatorCommand)[], origins: readonly number[] = []): Promise<Reply[]> {
    if (this.#closing) return Promise.resolve(commands.map(() => CANNOT_STORE));
    return new Promise((resolve) => {
      this.#waiting.push({ commands, origins, askedAt: this.#clock(), resolve });
      this.#working ??= this.#work();
    });
  }

  /**
   * Calls `read` between two batches, when the table has no uncommitted changes, and resolves to its result. `now` is the
   * time of the call on the table's clock. `read` has to be short. Each turn of the event loop runs one look. Rejects with CoordinatorClosingError after close().
   */
  look<T>(read: (table: ClusterTable, now: number) => T): Promise<T> {
    if (this.#closing) return Promise.reject(new CoordinatorClosingError('the coordinator is closing'));
    return new Promise((resolve) => {
      this.#looks.push(() => resolve(read(this.#table, this.#clock())));
      this.#working ??= this.#work();
    });
  }

  /** Resolves when the present work is done. New work may have begun by then, unless the coordinator closes. */
  async settled(): Promise<void> {
    await this.#working;
  }

  /** True if it works, and so may need a turn of the event loop. */
  get isBusy(): boolean {
    return this.#working !== undefined;
  }

  /** True if close() has been called. */
  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  /** Refuses new commands, finishes those that have come, then closes the store. Rejects as the store's close does. */
  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    await this.settled();
    await this.#store.close();
  }

  async #work(): Promise<void> {
    // Calls in the same microtask turn join the first batch.
    await undefined;
    while (this.#waiting.length > 0 || this.#sweepDue || this.#roundDue || this.#looks.length > 0 || this.#newsDue()) {
      this.#roundDue = false;
      // Take the requests first: one that arrives during catch-up may depend on a later state, so it goes into the next
      // batch.
      const requests = this.#takeRequests();
      const deadline = (requests[0]?.askedAt ?? this.#clock()) + SHARED_STORE_ANSWER_MS;
      const look = this.#looks.shift();
      await this.#batches.catchUp(deadline);
      look?.();
      const batch = requests.map((request) =>
        request.commands.map((command, i): BatchItem => {
          return { command, reply: CANNOT_STORE, origin: request.origins[i] ?? 0, paid: undefined };
        }),
      );
      await this.#batches.serve(batch.flat(), deadline);
      if (batch.some((items) => items.some(({ reply }) => reply.kind === 'waiting'))) this.#lastWait = this.#clock();
      this.#post();
      for (const [i, request] of requests.entries()) request.resolve(batch[i]!.map((item) => item.reply));
      // The replies leave first.
      await undefined;
      await this.#batches.settleRounds(deadline);
      this.#post();
      // Requests that arrive during the sweep wait for it, so it needs time before their deadline.
      if (this.#sweepDue && this.#batches.left(deadline) >= SWEEP_SHARED_MS) {
        this.#sweepDue = false;
        await this.#batches.sweep(deadline);
        this.#post();
      }
      // A local store resolves in microtasks; without this turn, consecutive looks would starve the channels.
      if (look) await nextTurn();
    }
    this.#working = undefined;
  }

  /** Catches up at once if a request waits here for what another server has stored. */
  #hear(): void {
    const isWaitedFor = this.#changes?.isParked || this.#clock() - this.#lastWait < WAIT_PARKED_MS;
    if (this.#closing || !isWaitedFor) return;
    this.#arrived = true;
    this.#working ??= this.#work();
  }

  /** True once after hear(), unless a batch has caught up meanwhile. */
  #newsDue(): boolean {
    const arrived = this.#arrived;
    this.#arrived = false;
    return arrived && !this.#closing && this.#store.hasNews?.() === true;
  }

  /** Posts the clusters that have changed. The table has no uncommitted changes here. */
  #post(): void {
    const ring = this.#changes;
    if (!ring) return;
    const changed = this.#table.takeChanged();
    if (changed === 'all') ring.skip();
    else for (const id of changed) ring.post(changeOf(id, this.#table.cluster(id)));
    if (changed === 'all' || changed.size > 0) ring.wake();
  }

  /** The oldest requests, BATCH_COMMANDS_MAX commands in all. */
  #takeRequests(): readonly Request[] {
    let commands = 0;
    const end = this.#waiting.findIndex((request) => {
      commands += request.commands.length;
      return commands > BATCH_COMMANDS_MAX;
    });
    // A single request is never split.
    const count = end < 0 ? this.#waiting.length : Math.max(1, end);
    const requests = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    return requests;
  }
}

function changeOf(id: string, cluster: Cluster | undefined): PostedChange {
  const version = cluster?.versions.version ?? 0;
  // A new round and the loss of the own seat end waits for completion, too.
  const complete =
    cluster !== undefined && (isComplete(cluster) || cluster.round !== undefined || cluster.versions.hasLosses);
  return { cluster: clusterKey(id), version, complete, gone: cluster === undefined };
}
