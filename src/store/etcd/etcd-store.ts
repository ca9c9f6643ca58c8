// Stage 4, sequential. The store on etcd, for several servers at once. Every item is a transaction, so a majority of
// etcd has what is reported as stored. Each server's table is a cache: loaded from a range at one revision, and updated
// by a watch from the next revision. Catch-up is a linearizable read: it asks etcd for the head and waits until the
// watch has reached it.
import { randomBytes } from 'node:crypto';
import type { Learned, StoredRecord, Use } from '../../registry/command.ts';
import {
  type CatchUp,
  type CommitOutcome,
  type Store,
  type StoreItem,
  StoreUnreachableError,
  StoreUnusableError,
} from '../store.ts';
import { ETCD, type TxnRequest, type TxnResponse, toNumber } from './etcd-calls.ts';
import { type Claimant, claim } from './etcd-claim.ts';
import { type EtcdAccess, EtcdClient, type EtcdObserver } from './etcd-client.ts';
import { commitItems } from './etcd-commit.ts';
import { put } from './etcd-conditions.ts';
import { EtcdError } from './etcd-error.ts';
import { EtcdKeys } from './etcd-keys.ts';
import { headNow, passingStateAt, recordsAt } from './etcd-range.ts';
import { EtcdUses } from './etcd-uses.ts';
import { probeServers } from './server-probe.ts';
import { type Head, type ResyncKind, WatchStream } from './watch-stream.ts';

/** Options of EtcdStore.open. */
export interface EtcdOptions {
  readonly access: EtcdAccess;
  /** Hex. */
  readonly registryId: string;
  /** Prefix of the registry's keys; `xlreg/ID/` by default. */
  readonly prefix: string | undefined;
  readonly observer?: EtcdStoreObserver;
  /** Milliseconds to wait for etcd; 10,000 by default. */
  readonly openMs?: number;
  /** A server by default. */
  readonly as?: Claimant;
}

/** Receives the store's events, for metrics. */
export interface EtcdStoreObserver extends EtcdObserver {
  /** A catch-up took so many seconds; the table was `behind` by so many revisions at its start. */
  caughtUp(seconds: number, behind: number): void;
  /** The table is read again. */
  readAgain(): void;
  /** True if the server of this index among the end points is up. */
  probed(server: number, up: boolean): void;
}

/** A starting server waits this long for etcd. */
const OPEN_MS = 10_000;
/** Default time limit of a call (Store). */
const WITHIN_MS = 2_000;
/** Limit of a catch-up, which leaves time for the commit after it. */
const CATCH_UP_MS_MAX = 900;
/** A watch that is later than this is resumed at the current server. */
const WATCH_LATE_MS = 300;
/** Limit of a call that no client waits for. */
const BACKGROUND_CALL_MS = 1_000;
/** Pauses between attempts to reach etcd again; they double. */
const RETRY_PAUSE_MS = { first: 50, most: 1_000 } as const;
const SIZE_EVERY_MS = 30_000;

const SILENT: EtcdStoreObserver = { requested() {}, probed() {}, caughtUp() {}, readAgain() {} };

export class EtcdStore implements Store {
  readonly term: number;
  readonly #client: EtcdClient;
  readonly #keys: EtcdKeys;
  readonly #observer: EtcdStoreObserver;
  readonly #uses: EtcdUses;
  readonly #clusterId: string;
  #watch: WatchStream | undefined;
  #onArrival: () => void = () => {};
  /** The revision of the table. */
  #known = 0;
  /** Revisions of own commits that the watch has not reached. */
  readonly #own = new Set<number>();
  /** The circuit breaker: why calls are skipped until etcd answers again; undefined if it is closed. */
  #circuitOpen: string | undefined;
  /** The table cannot be updated and is read again; `read` resolves then. */
  #resync: { readonly kind: ResyncKind; readonly reason: string; readonly read: Promise<void> } | undefined;
  /** The records read again, for the next catch-up. */
  #reset: StoredRecord[] | undefined;
  /** The uses, round states and confirmations read with them. */
  #resetState: Learned[] = [];
  #size = 0;
  #sizeAt = -Infinity;
  readonly #stopProbes: () => void;
  #closed = false;

  private constructor(
    client: EtcdClient,
    keys: EtcdKeys,
    observer: EtcdStoreObserver,
    { clusterId, term }: { readonly clusterId: string; readonly term: number },
    stopProbes: () => void,
  ) {
    this.term = term;
    this.#stopProbes = stopProbes;
    this.#client = client;
    this.#keys = keys;
    this.#observer = observer;
    this.#uses = new EtcdUses(client, keys);
    this.#clusterId = clusterId;
  }

  /** Connects to etcd and claims the registry's prefix. Rejects with StoreUnusableError. */
  static async open({
    access,
    registryId,
    prefix,
    observer = SILENT,
    openMs = OPEN_MS,
    as = 'server',
  }: EtcdOptions): Promise<EtcdStore> {
    const keys = EtcdKeys.of(registryId, prefix);
    const client = new EtcdClient(access, observer);
    try {
      const claimed = await claim(client, keys, { registryId, as }, performance.now() + openMs);
      // A command is gone before a probe could tell anything.
      const stopProbes = as === 'server' ? probeServers(client, access.endPoints.length, observer.probed) : () => {};
      return new EtcdStore(client, keys, observer, claimed, stopProbes);
    } catch (error) {
      client.close();
      throw error;
    }
  }

  async *load(): AsyncIterable<readonly StoredRecord[]> {
    this.#assertOpen();
    this.#watch?.stop();
    const deadline = performance.now() + OPEN_MS;
    try {
      const { head, revision } = await headNow(this.#client, this.#keys, deadline);
      yield* recordsAt(this.#client, this.#keys, revision);
      this.#resetState = await passingStateAt(this.#client, this.#keys, revision);
      this.#begin(head, revision);
    } catch (error) {
      if (error instanceof StoreUnusableError) throw error;
      throw new StoreUnusableError((error as Error).message, { cause: error });
    }
  }

  async catchUp(withinMs = WITHIN_MS): Promise<CatchUp> {
    this.#assertOpen();
    const deadline = performance.now() + Math.min(withinMs, CATCH_UP_MS_MAX);
    if (this.#circuitOpen === undefined && this.#watch) await this.#reachHead(this.#watch, deadline);
    if (this.#resync) await Promise.race([this.#resync.read, delay(deadline - performance.now())]);
    void this.#askSize();
    const changes = this.#learn();
    const reset = this.#reset;
    this.#reset = undefined;
    const resync = this.#resync;
    if (resync) return { reset, changes, freshness: resync.kind, reason: resync.reason };
    if (this.#circuitOpen !== undefined) return { reset, changes, freshness: 'behind', reason: this.#circuitOpen };
    return { reset, changes, freshness: 'current' };
  }

  async commit(batch: readonly StoreItem[], withinMs = WITHIN_MS): Promise<CommitOutcome[]> {
    this.#assertOpen();
    if (batch.length === 0) return [];
    const deadline = performance.now() + withinMs;
    const { outcomes, revisions } = await this.#request(() =>
      commitItems(batch, {
        keys: this.#keys,
        known: this.#known,
        stamp: () => randomBytes(12),
        transact: (request) => this.#client.call<TxnRequest, TxnResponse>(ETCD.txn, request, deadline),
      }),
    );
    for (const revision of revisions) this.#own.add(revision);
    return outcomes;
  }

  onArrival(listener: () => void): void {
    this.#onArrival = listener;
  }

  hasNews(): boolean {
    return this.#watch?.hasEventsBeside(this.#own) ?? false;
  }

  async announceUses(uses: readonly Use[], withinMs = WITHIN_MS): Promise<void> {
    this.#assertOpen();
    const deadline = performance.now() + withinMs;
    await this.#request(() => this.#uses.announce(uses, deadline));
  }

  async probe(withinMs = WITHIN_MS): Promise<void> {
    this.#assertOpen();
    const deadline = performance.now() + withinMs;
    const request: TxnRequest = { compare: [], success: [put(this.#keys.probe, '1')], failure: [] };
    await this.#request(() => this.#client.call(ETCD.txn, request, deadline));
  }

  /** Bytes of the database file of one etcd server, which other users share; 30 s old at most while etcd answers. */
  size(): number {
    return this.#size;
  }

  /** etcd does not report its quota. */
  room(): number {
    return Infinity;
  }

  async backup(): Promise<void> {
    this.#assertOpen();
    throw new Error('a registry cannot back up its etcd; use etcdctl snapshot save');
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopProbes();
    this.#watch?.stop();
    this.#client.close();
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error('the store is closed');
  }

  #begin(head: Head, revision: number): void {
    this.#own.clear();
    this.#known = revision;
    this.#watch = new WatchStream(
      ...([this.#client, this.#keys, head, revision] as const),
      (kind, reason) => this.#readAgain(kind, reason),
      () => this.#onArrival(),
    );
  }

  /** Waits until the watch has reached the present head of etcd. */
  async #reachHead(watch: WatchStream, deadline: number): Promise<void> {
    const began = performance.now();
    const before = watch.head;
    try {
      const { head, clusterId, revision } = await headNow(this.#client, this.#keys, deadline);
      const replaced =
        clusterId !== this.#clusterId ||
        head.revision < before.revision ||
        (head.revision === before.revision && head.stamp !== before.stamp);
      if (replaced) return this.#readAgain('wrong', 'etcd has a different history: it was restored or replaced');
      const behind = Math.max(0, head.revision - watch.head.revision);
      while (
        !this.#resync &&
        !(await watch.reach(head.revision, Math.min(WATCH_LATE_MS, deadline - performance.now())))
      ) {
        if (performance.now() >= deadline) throw new StoreUnreachableError('the watch of etcd is late');
        watch.restart();
      }
      const reached = watch.head;
      if (reached.revision === head.revision && reached.stamp !== head.stamp) {
        return this.#readAgain('wrong', 'etcd has a different history: it was restored or replaced');
      }
      this.#observer.caughtUp((performance.now() - began) / 1_000, Math.min(behind, revision));
    } catch (error) {
      if (!(error instanceof StoreUnreachableError || error instanceof EtcdError)) throw error;
      this.#openCircuit(error.message);
    }
  }

  /**
   * The changes that the watch has brought. If all of them are this server's own, the table has them already and none
   * is returned. Otherwise all are returned in order, because own changes may depend on those of other servers.
   */
  #learn(): Learned[] {
    const learned = this.#resetState;
    this.#resetState = [];
    if (!this.#watch || this.#resync) return learned;
    const { events, revision } = this.#watch.take();
    const foreign = events.some((event) => !this.#own.has(event.revision));
    for (const { key, value } of foreign ? events : []) {
      const change = this.#keys.learned(key, value);
      if (change) learned.push(change);
    }
    this.#known = Math.max(this.#known, revision);
    for (const own of this.#own) if (own <= this.#known) this.#own.delete(own);
    return learned;
  }

  /** Makes a call. Reports a refusal of etcd as unreachable, not as broken, because etcd may accept a later call. */
  async #request<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      const refused = error instanceof EtcdError;
      if (refused || error instanceof StoreUnreachableError) this.#openCircuit(error.message);
      throw refused ? new StoreUnreachableError(error.message, { cause: error }) : error;
    }
  }

  /** Opens the circuit breaker: callers skip etcd until #recover closes it. */
  #openCircuit(reason: string): void {
    if (this.#circuitOpen !== undefined) return;
    this.#circuitOpen = reason;
    void this.#recover();
  }

  /** Calls etcd until it answers and the watch has caught up; then closes the circuit. */
  async #recover(): Promise<void> {
    for (let pause: number = RETRY_PAUSE_MS.first; !this.#closed; pause = Math.min(2 * pause, RETRY_PAUSE_MS.most)) {
      await delay(pause);
      const deadline = performance.now() + CATCH_UP_MS_MAX;
      try {
        const { head } = await headNow(this.#client, this.#keys, deadline);
        const watch = this.#watch;
        // If the head of etcd went back, close the circuit: the next catch-up detects the different history.
        if (watch && !this.#resync && head.revision >= watch.head.revision) {
          if (!(await watch.reach(head.revision, deadline - performance.now()))) {
            watch.restart();
            continue;
          }
        }
        this.#circuitOpen = undefined;
        return;
      } catch (error) {
        this.#circuitOpen = (error as Error).message;
        this.#client.nextServer();
      }
    }
  }

  /** Starts to read the whole table again, without a time limit. Catch-up reports `kind` meanwhile. */
  #readAgain(kind: ResyncKind, reason: string): void {
    if (this.#resync || this.#closed) return;
    this.#watch?.stop();
    this.#observer.readAgain();
    this.#resync = { kind, reason, read: this.#readAll() };
  }

  async #readAll(): Promise<void> {
    for (let pause: number = RETRY_PAUSE_MS.first; !this.#closed; pause = Math.min(2 * pause, RETRY_PAUSE_MS.most)) {
      try {
        const { head, revision } = await headNow(this.#client, this.#keys, performance.now() + BACKGROUND_CALL_MS);
        const records: StoredRecord[] = [];
        for await (const some of recordsAt(this.#client, this.#keys, revision)) records.push(...some);
        this.#resetState = await passingStateAt(this.#client, this.#keys, revision);
        this.#reset = records;
        this.#resync = undefined;
        this.#begin(head, revision);
        return;
      } catch (error) {
        if (error instanceof StoreUnusableError) this.#resync = { ...this.#resync!, reason: error.message };
        await delay(pause);
      }
    }
  }

  async #askSize(): Promise<void> {
    const now = performance.now();
    if (now - this.#sizeAt < SIZE_EVERY_MS || this.#circuitOpen !== undefined) return;
    this.#sizeAt = now;
    const status = await this.#client.call(ETCD.status, {}, now + BACKGROUND_CALL_MS).catch(() => undefined);
    if (status) this.#size = toNumber(status.dbSize);
  }
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, milliseconds)));
}
