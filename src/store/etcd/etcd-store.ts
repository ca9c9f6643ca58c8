// The table in etcd, for any number of servers at once. Every decision is a transaction of etcd, so a majority has what is
// reported as stored; the servers' tables are caches, filled from a range at a revision and kept current by one watch from
// the next. Nobody is answered from the cache before it has come to the change that etcd names as the last one.
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
import { headNow, recordsAt, usesAt } from './etcd-range.ts';
import { EtcdUses } from './etcd-uses.ts';
import { type Gap, type Head, WatchStream } from './watch-stream.ts';

/** How a store on etcd is opened. */
export interface EtcdOptions {
  readonly access: EtcdAccess;
  /** Hex. */
  readonly registryId: string;
  /** What the keys of this registry begin with; `xlreg/ID/` unless told otherwise. */
  readonly prefix: string | undefined;
  readonly observer?: EtcdStoreObserver;
  /** Milliseconds to wait for etcd, 10,000 unless told otherwise. */
  readonly openMs?: number;
  /** Who comes; a server unless told otherwise. */
  readonly as?: Claimant;
}

/** Told what the store does, for metrics. */
export interface EtcdStoreObserver extends EtcdObserver {
  /** A catching up took so many seconds, with this many revisions to go at its beginning. */
  caughtUp(seconds: number, behind: number): void;
  /** All was read again. */
  readAgain(): void;
}

/** A server that starts waits so long for etcd. */
const OPEN_MS = 10_000;
const WITHIN_MS = 2_000;
/** Catching up leaves time for what it is done for. */
const CATCH_UP_MS_MAX = 900;
/** The watch may be so late before it is begun again, with another server. */
const FEED_LATE_MS = 300;
/** A single question that nobody waits for. */
const QUESTION_MS = 1_000;
const RETURN_PAUSE_MS = { first: 50, most: 1_000 } as const;
const SIZE_EVERY_MS = 30_000;

const SILENT: EtcdStoreObserver = { requested() {}, caughtUp() {}, readAgain() {} };

export class EtcdStore implements Store {
  readonly #client: EtcdClient;
  readonly #keys: EtcdKeys;
  readonly #observer: EtcdStoreObserver;
  readonly #uses: EtcdUses;
  readonly #clusterId: string;
  #feed: WatchStream | undefined;
  /** The revision that the table is of. */
  #known = 0;
  /** Revisions of our own that the feed has not come to. */
  readonly #own = new Set<number>();
  /** Why etcd is not asked, until it answers again. */
  #circuitOpen: string | undefined;
  /** What was learned is of no use any more: all is read again. */
  #gap: { readonly kind: Gap; readonly reason: string; readonly read: Promise<void> } | undefined;
  #anew: StoredRecord[] | undefined;
  #usesAnew: Learned[] = [];
  #size = 0;
  #sizeAt = -Infinity;
  #closed = false;

  private constructor(client: EtcdClient, keys: EtcdKeys, observer: EtcdStoreObserver, clusterId: string) {
    this.#client = client;
    this.#keys = keys;
    this.#observer = observer;
    this.#uses = new EtcdUses(client, keys);
    this.#clusterId = clusterId;
  }

  /** Finds etcd and the registry in it, or begins one. Rejects with StoreUnusableError. */
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
      const clusterId = await claim(client, keys, { registryId, as }, performance.now() + openMs);
      return new EtcdStore(client, keys, observer, clusterId);
    } catch (error) {
      client.close();
      throw error;
    }
  }

  async *load(): AsyncIterable<readonly StoredRecord[]> {
    this.#assertOpen();
    this.#feed?.stop();
    const deadline = performance.now() + OPEN_MS;
    try {
      const { head, revision } = await headNow(this.#client, this.#keys, deadline);
      yield* recordsAt(this.#client, this.#keys, revision);
      this.#usesAnew = await usesAt(this.#client, this.#keys, revision);
      this.#begin(head, revision);
    } catch (error) {
      if (error instanceof StoreUnusableError) throw error;
      throw new StoreUnusableError((error as Error).message, { cause: error });
    }
  }

  async catchUp(withinMs = WITHIN_MS): Promise<CatchUp> {
    this.#assertOpen();
    const deadline = performance.now() + Math.min(withinMs, CATCH_UP_MS_MAX);
    if (this.#circuitOpen === undefined && this.#feed) await this.#reachHead(this.#feed, deadline);
    if (this.#gap) await Promise.race([this.#gap.read, delay(deadline - performance.now())]);
    void this.#askSize();
    const changes = this.#learn();
    const anew = this.#anew;
    this.#anew = undefined;
    const gap = this.#gap;
    if (gap) return { reset: anew, changes, freshness: gap.kind, reason: gap.reason };
    if (this.#circuitOpen !== undefined)
      return { reset: anew, changes, freshness: 'behind', reason: this.#circuitOpen };
    return { reset: anew, changes, freshness: 'current' };
  }

  async commit(batch: readonly StoreItem[], withinMs = WITHIN_MS): Promise<CommitOutcome[]> {
    this.#assertOpen();
    if (batch.length === 0) return [];
    const deadline = performance.now() + withinMs;
    const { outcomes, revisions } = await this.#asking(() =>
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

  async announceUses(uses: readonly Use[], withinMs = WITHIN_MS): Promise<void> {
    this.#assertOpen();
    const deadline = performance.now() + withinMs;
    await this.#asking(() => this.#uses.tell(uses, deadline));
  }

  async probe(withinMs = WITHIN_MS): Promise<void> {
    this.#assertOpen();
    const deadline = performance.now() + withinMs;
    const request: TxnRequest = { compare: [], success: [put(this.#keys.probe, '1')], failure: [] };
    await this.#asking(() => this.#client.call(ETCD.txn, request, deadline));
  }

  /** Of etcd's file on the server that is asked, which is not this registry's alone; as of half a minute ago. */
  size(): number {
    return this.#size;
  }

  /** etcd does not tell its quota. */
  room(): number {
    return Infinity;
  }

  async backup(): Promise<void> {
    this.#assertOpen();
    throw new Error('a registry cannot back up its etcd: etcdctl snapshot save does');
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#feed?.stop();
    this.#client.close();
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error('the store is closed');
  }

  #begin(head: Head, revision: number): void {
    this.#own.clear();
    this.#known = revision;
    this.#feed = new WatchStream(this.#client, this.#keys, head, revision, (kind, reason) =>
      this.#readAgain(kind, reason),
    );
  }

  /** Waits until the feed has come to the last change that etcd knows of. */
  async #reachHead(feed: WatchStream, deadline: number): Promise<void> {
    const began = performance.now();
    const before = feed.head;
    try {
      const { head, clusterId, revision } = await headNow(this.#client, this.#keys, deadline);
      const replaced =
        clusterId !== this.#clusterId ||
        head.revision < before.revision ||
        (head.revision === before.revision && head.stamp !== before.stamp);
      if (replaced) return this.#readAgain('wrong', 'etcd is not the one that it was');
      const behind = Math.max(0, head.revision - feed.head.revision);
      while (!this.#gap && !(await feed.reach(head.revision, Math.min(FEED_LATE_MS, deadline - performance.now())))) {
        if (performance.now() >= deadline) throw new StoreUnreachableError('etcd does not tell what has changed');
        feed.restart();
      }
      const there = feed.head;
      if (there.revision === head.revision && there.stamp !== head.stamp) {
        return this.#readAgain('wrong', 'etcd has another past than it had');
      }
      this.#observer.caughtUp((performance.now() - began) / 1_000, Math.min(behind, revision));
    } catch (error) {
      if (!(error instanceof StoreUnreachableError || error instanceof EtcdError)) throw error;
      this.#leave(error.message);
    }
  }

  /**
   * What the feed has brought. If all of it is this server's own, the table has it; else all of it counts, in order, since
   * what was stored last may rest on what somebody else had stored before.
   */
  #learn(): Learned[] {
    const learned = this.#usesAnew;
    this.#usesAnew = [];
    if (!this.#feed || this.#gap) return learned;
    const { events, revision } = this.#feed.take();
    const news = events.some((event) => !this.#own.has(event.revision));
    for (const { key, value } of news ? events : []) {
      const one = this.#keys.learned(key, value);
      if (one) learned.push(one);
    }
    this.#known = Math.max(this.#known, revision);
    for (const own of this.#own) if (own <= this.#known) this.#own.delete(own);
    return learned;
  }

  /** What etcd refuses, it may grant later: nobody is told that it is broken. */
  async #asking<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      const refused = error instanceof EtcdError;
      if (refused || error instanceof StoreUnreachableError) this.#leave(error.message);
      throw refused ? new StoreUnreachableError(error.message, { cause: error }) : error;
    }
  }

  /** etcd is not asked any more by who waits for an answer, until it answers again. */
  #leave(reason: string): void {
    if (this.#circuitOpen !== undefined) return;
    this.#circuitOpen = reason;
    void this.#return();
  }

  async #return(): Promise<void> {
    for (let pause: number = RETURN_PAUSE_MS.first; !this.#closed; pause = Math.min(2 * pause, RETURN_PAUSE_MS.most)) {
      await delay(pause);
      const deadline = performance.now() + CATCH_UP_MS_MAX;
      try {
        const { head } = await headNow(this.#client, this.#keys, deadline);
        const feed = this.#feed;
        // A feed that waits for what does not come any more is found out by the next who catches up.
        if (feed && !this.#gap && head.revision >= feed.head.revision) {
          if (!(await feed.reach(head.revision, deadline - performance.now()))) {
            feed.restart();
            continue;
          }
        }
        this.#circuitOpen = undefined;
        return;
      } catch (error) {
        this.#circuitOpen = (error as Error).message;
        this.#client.turnAway();
      }
    }
  }

  /** Reads everything again, for as long as it takes, while nobody is told anything that needs it. */
  #readAgain(kind: Gap, reason: string): void {
    if (this.#gap || this.#closed) return;
    this.#feed?.stop();
    this.#observer.readAgain();
    this.#gap = { kind, reason, read: this.#readAll() };
  }

  async #readAll(): Promise<void> {
    for (let pause: number = RETURN_PAUSE_MS.first; !this.#closed; pause = Math.min(2 * pause, RETURN_PAUSE_MS.most)) {
      try {
        const { head, revision } = await headNow(this.#client, this.#keys, performance.now() + QUESTION_MS);
        const records: StoredRecord[] = [];
        for await (const some of recordsAt(this.#client, this.#keys, revision)) records.push(...some);
        this.#usesAnew = await usesAt(this.#client, this.#keys, revision);
        this.#anew = records;
        this.#gap = undefined;
        this.#begin(head, revision);
        return;
      } catch (error) {
        if (error instanceof StoreUnusableError) this.#gap = { ...this.#gap!, reason: error.message };
        await delay(pause);
      }
    }
  }

  async #askSize(): Promise<void> {
    const now = performance.now();
    if (now - this.#sizeAt < SIZE_EVERY_MS || this.#circuitOpen !== undefined) return;
    this.#sizeAt = now;
    const status = await this.#client.call(ETCD.status, {}, now + QUESTION_MS).catch(() => undefined);
    if (status) this.#size = toNumber(status.dbSize);
  }
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, milliseconds)));
}
