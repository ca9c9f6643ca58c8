// Models of a commit's cost: lmdb of one server, or an etcd that all servers share.
import { TRANSACTIONS_MAX } from '../../src/store/etcd/etcd-commit.ts';
import type { EventQueue } from './event-queue.ts';
import { PARAMETERS } from './parameters.ts';

/** The store as the model of a coordinator uses it. */
export interface StoreModel {
  /** Calls `done` when the table includes every commit acknowledged so far by any server. */
  catchUp(done: () => void): void;
  /** CPU time of the coordinator's thread for `changes` changes. */
  commitWork(changes: number): number;
  /** Calls `done` when the changes are stored; `commitWork` is not part of this wait. */
  commit(changes: number, keys: number, done: () => void): void;
}

/** A commit is a transaction on the coordinator's thread plus one sync. */
export class LmdbModel implements StoreModel {
  readonly #events: EventQueue;

  constructor(events: EventQueue) {
    this.#events = events;
  }

  catchUp(done: () => void): void {
    done();
  }

  commitWork(changes: number): number {
    return changes * PARAMETERS.lmdbChange.value;
  }

  commit(changes: number, _keys: number, done: () => void): void {
    this.#events.after(changes > 0 ? PARAMETERS.lmdbSync.value : 0, done);
  }
}

/** The 99th percentile of the standard normal distribution. */
const Z99 = 2.326;

/** The leader serves requests one at a time. The rest of a reply's latency overlaps with other requests. */
export class EtcdModel implements StoreModel {
  readonly #events: EventQueue;
  readonly #random: () => number;
  readonly #written: (keys: number) => void;
  /** The time when the leader will have served all requests so far. */
  #freeAt = 0;
  busy = 0;

  /** `written` receives the number of keys of each request; every server sees them as watch events. */
  constructor(events: EventQueue, random: () => number, written: (keys: number) => void) {
    this.#events = events;
    this.#random = random;
    this.#written = written;
  }

  catchUp(done: () => void): void {
    const served = this.#serve(PARAMETERS.etcdRead.value);
    this.#events.after(served + this.#latency(PARAMETERS.etcdReadLatencyMedian.value), done);
  }

  commitWork(): number {
    return 0;
  }

  commit(changes: number, keys: number, done: () => void): void {
    const requests = Math.ceil(changes / TRANSACTIONS_MAX);
    let open = requests;
    if (open === 0) return done();
    for (let i = 0; i < requests; i++) {
      const served = this.#serve(PARAMETERS.etcdRequest.value + (changes / requests) * PARAMETERS.etcdChange.value);
      this.#events.after(served + this.#latency(PARAMETERS.etcdLatencyMedian.value), () => {
        this.#written(keys / requests);
        open -= 1;
        if (open === 0) done();
      });
    }
  }

  /** Time from now until the leader has served `work` more. */
  #serve(work: number): number {
    this.#freeAt = Math.max(this.#freeAt, this.#events.now) + work;
    this.busy += work;
    return this.#freeAt - this.#events.now;
  }

  /** Draws a latency. Reads are assumed to spread like writes. */
  #latency(median: number): number {
    const spread = Math.log(PARAMETERS.etcdLatencyP99.value / PARAMETERS.etcdLatencyMedian.value) / Z99;
    const normal = Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random());
    return median * Math.exp(spread * normal);
  }
}
