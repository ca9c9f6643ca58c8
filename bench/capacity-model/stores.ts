// What a commit takes: in the file of one server, or in an etcd that all servers have in common.
import { TRANSACTIONS_MAX } from '../../src/store/etcd/etcd-commit.ts';
import type { EventQueue } from './event-queue.ts';
import { PARAMETERS } from './parameters.ts';

/** What the model of a coordinator needs of a store. */
export interface StoreModel {
  /** Until the table is as new as anybody has been told. */
  catchUp(done: () => void): void;
  /** CPU of the coordinator's thread for so many changes. */
  commitWork(changes: number): number;
  /** Until they are stored, beyond that. */
  commit(changes: number, keys: number, done: () => void): void;
}

/** A commit is a transaction of the coordinator's own thread, and one sync. */
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

/** The leader takes requests one after the other; what else an answer takes, it takes beside that. */
export class EtcdModel implements StoreModel {
  readonly #events: EventQueue;
  readonly #random: () => number;
  readonly #written: (keys: number) => void;
  /** When the leader is done with what it has. */
  #freeAt = 0;
  busy = 0;

  /** `written` is told of keys that all servers hear of. */
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

  /** How long from now until the leader is through with it. */
  #serve(work: number): number {
    this.#freeAt = Math.max(this.#freeAt, this.#events.now) + work;
    this.busy += work;
    return this.#freeAt - this.#events.now;
  }

  /** Reads spread as writes do. */
  #latency(median: number): number {
    const spread = Math.log(PARAMETERS.etcdLatencyP99.value / PARAMETERS.etcdLatencyMedian.value) / Z99;
    const normal = Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random());
    return median * Math.exp(spread * normal);
  }
}
