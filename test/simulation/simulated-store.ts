// A server's store in the simulation: the real plans and keys of the store on etcd, over transactions in memory. The way
// there is slow, loses requests and answers, and delivers some writes long after the server has given up.
import type { Learned, StoredRecord } from '../../src/registry/command.ts';
import type { TxnRequest, TxnResponse } from '../../src/store/etcd/etcd-calls.ts';
import { commitItems } from '../../src/store/etcd/etcd-commit.ts';
import { EtcdKeys } from '../../src/store/etcd/etcd-keys.ts';
import {
  type CatchUp,
  type CommitOutcome,
  type Store,
  type StoreItem,
  StoreUnreachableError,
} from '../../src/store/store.ts';
import type { MiniEtcd } from './mini-etcd.ts';
import type { Owner, Seeded, VirtualTime } from './virtual-time.ts';

/** The shared part: etcd, and what is wrong with it. */
export interface StoreWorld {
  readonly time: VirtualTime;
  readonly random: Seeded;
  readonly etcd: MiniEtcd;
  /** Until when etcd has no leader. */
  outageUntil: number;
  /** Milliseconds that a way to etcd takes at most. */
  readonly slowest: number;
  /** Probabilities of what happens to a request. */
  readonly odds: { readonly lostRequest: number; readonly lostAnswer: number; readonly lateWrite: number };
  /** Called before and after each transaction that has reached etcd. */
  committed(before: ReadonlyMap<string, unknown>, request: TxnRequest, server: number): void;
}

const WITHIN_MS = 2_000;
const ATTEMPT_MS = 300;

export const KEYS = new EtcdKeys('r/');

export class SimulatedStore implements Store {
  readonly #world: StoreWorld;
  readonly #owner: Owner;
  readonly #server: number;
  readonly #edit: (request: TxnRequest) => TxnRequest;
  #known = 0;
  #state: Learned[] = [];
  /** Until when this server does not reach etcd. */
  cutUntil = 0;

  /** `edit` plants a bug in each transaction. */
  constructor(world: StoreWorld, owner: Owner, server: number, edit: (request: TxnRequest) => TxnRequest) {
    this.#world = world;
    this.#owner = owner;
    this.#server = server;
    this.#edit = edit;
  }

  async *load(): AsyncIterable<readonly StoredRecord[]> {
    const { etcd } = this.#world;
    this.#known = etcd.revision;
    const records = KEYS.recordPrefixes.flatMap((prefix) => etcd.under(prefix));
    this.#state = KEYS.rounds
      .flatMap((prefix) => etcd.under(prefix))
      .map(([key, { value }]) => KEYS.learned(key, value)!);
    yield records.map(([key, { value }]) => KEYS.record(key, value));
  }

  async catchUp(withinMs = WITHIN_MS): Promise<CatchUp> {
    const { time, random, etcd } = this.#world;
    await time.sleep(random.between(1, this.#world.slowest), this.#owner);
    if (this.#isAway) {
      await time.sleep(Math.min(withinMs, 900), this.#owner);
      return { reset: undefined, changes: this.#state.splice(0), freshness: 'behind', reason: 'no etcd' };
    }
    const known = this.#known;
    this.#known = etcd.revision;
    const events = etcd.log.slice(firstAfter(etcd.log, known));
    const changes = [...this.#state.splice(0), ...events.flatMap(({ key, value }) => KEYS.learned(key, value) ?? [])];
    await time.sleep(random.between(0, this.#world.slowest), this.#owner);
    return { reset: undefined, changes, freshness: 'current' };
  }

  async commit(batch: readonly StoreItem[], withinMs = WITHIN_MS): Promise<CommitOutcome[]> {
    const { time } = this.#world;
    const deadline = time.now + withinMs;
    const { outcomes } = await commitItems(batch, {
      keys: KEYS,
      known: this.#known,
      stamp: () => Buffer.from('stamp'),
      transact: (request) => this.#transact(this.#edit(request), deadline),
    });
    return outcomes;
  }

  async probe(): Promise<void> {
    if (this.#isAway) throw new StoreUnreachableError('no etcd');
  }

  size(): number {
    return 0;
  }

  room(): number {
    return Infinity;
  }

  async backup(): Promise<void> {}

  async close(): Promise<void> {}

  get #isAway(): boolean {
    const { time, outageUntil } = this.#world;
    return time.now < Math.max(outageUntil, this.cutUntil);
  }

  /** Repeats a request while its outcome is unknown. */
  async #transact(request: TxnRequest, deadline: number): Promise<TxnResponse> {
    const { time, random, odds } = this.#world;
    for (;;) {
      await time.sleep(random.between(1, this.#world.slowest), this.#owner);
      const fate = random.next();
      const lost = this.#isAway || fate < odds.lostRequest;
      const late = !lost && fate < odds.lostRequest + odds.lateWrite;
      if (late) time.schedule(random.between(100, 4_000), undefined, () => this.#apply(request));
      if (!lost && !late) {
        const response = this.#apply(request);
        if (!random.chance(odds.lostAnswer)) {
          await time.sleep(random.between(1, this.#world.slowest), this.#owner);
          return response;
        }
      }
      await time.sleep(ATTEMPT_MS, this.#owner);
      if (time.now >= deadline) throw new StoreUnreachableError('etcd has not answered in time');
    }
  }

  #apply(request: TxnRequest): TxnResponse {
    const { etcd } = this.#world;
    const before = new Map(etcd.keys);
    const response = etcd.transact(request);
    this.#world.committed(before, request, this.#server);
    return response;
  }
}

function firstAfter(log: readonly { readonly revision: number }[], revision: number): number {
  let [from, to] = [0, log.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (log[middle]!.revision <= revision) from = middle + 1;
    else to = middle;
  }
  return from;
}
