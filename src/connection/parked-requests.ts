// Front end, sequential: requests that wait for a change of their cluster (V5, V6). A parked connection holds no slot,
// no worker and no timer of its own. The coordinator posts each stored change to the change ring; this file unparks the
// requests that the change ends. Invariant: a request is parked before the ring is compared with the place that was
// noted when its job was submitted, so no change between the worker's answer and the parking is lost.
import { WAIT_TICK_MS } from '../limits.ts';
import type { WaitCounts, WaitEnd } from '../metrics/wait-metrics.ts';
import { ChangeRing, endsWait, type ReadChanges } from '../shared-memory/change-ring.ts';

/** A request that waits. */
export interface ParkedRequest {
  /** Key of its cluster in the change ring. */
  readonly cluster: number;
  /** A later version ends the wait for a change. */
  version: number;
  readonly until: 'change' | 'complete';
  /** End of the wait on the clock of performance.now(). */
  readonly deadline: number;
  /** The plain GetCluster, for the job that resumes it. */
  readonly request: Uint8Array;
  /** Called once for each park(), when the request has been unparked. After `change` it may be parked again. */
  readonly unparked: (why: Exclude<WaitEnd, 'message' | 'fin' | 'closed'>) => void;
  /** Tick of the timer at which the wait ends; set while the request is parked. */
  tick: number;
}

export class ParkedRequests {
  readonly #ring: ChangeRing;
  /** By cluster. BOUNDED by the connections: each has one request at most. */
  readonly #byCluster = new Map<number, Set<ParkedRequest>>();
  /** By tick. BOUNDED likewise. */
  readonly #byTick = new Map<number, Set<ParkedRequest>>();
  readonly #ended: Record<WaitEnd, number> = { change: 0, time: 0, message: 0, fin: 0, drain: 0, closed: 0 };
  /** Requests resumed because of a change, some of which were parked again. */
  #woken = 0;
  #parked = 0;
  /** Place in the ring up to which changes have been read. */
  #read = 0;
  /** The last tick whose requests have been unparked. */
  #tick = 0;
  #timer: NodeJS.Timeout | undefined;
  #draining = false;
  #closed = false;

  /** `changes` is the memory of the ring, `reader` the number of this front end among its readers. */
  constructor(changes: SharedArrayBuffer, reader = 0) {
    this.#ring = new ChangeRing(changes, reader);
    void this.#listen();
  }

  /** The place in the ring to note when a job is submitted. */
  get place(): number {
    return this.#ring.head;
  }

  get counts(): WaitCounts {
    return { parked: this.#parked, woken: this.#woken, ended: this.#ended };
  }

  /** Parks a request. `place` is the one that was noted before its job was submitted. May unpark it at once. */
  park(request: ParkedRequest, place: number): void {
    if (this.#parked === 0) {
      this.#ring.setParked(true);
      this.#read = this.#ring.head;
      this.#tick = tickOf(performance.now());
      this.#timer = setInterval(() => this.#endDue(), WAIT_TICK_MS).unref();
    }
    this.#parked += 1;
    add(this.#byCluster, request.cluster, request);
    this.#schedule(request, Math.max(tickOf(request.deadline), this.#tick) + 1);
    if (this.#draining) this.#unpark(request, 'drain');
    else if (isEndedBy(this.#ring.since(place), request)) this.#unpark(request, 'change');
  }

  /** Removes a parked request. */
  remove(request: ParkedRequest): void {
    removeFrom(this.#byCluster, request.cluster, request);
    removeFrom(this.#byTick, request.tick, request);
    this.#parked -= 1;
    if (this.#parked > 0) return;
    this.#ring.setParked(false);
    clearInterval(this.#timer);
  }

  /** Counts a wait that has ended. */
  ended(why: WaitEnd): void {
    this.#ended[why] += 1;
  }

  /** Ends all waits, spread over `milliseconds`, and later ones at once. */
  drain(milliseconds: number): void {
    this.#draining = true;
    const ticks = Math.max(1, Math.floor(milliseconds / WAIT_TICK_MS));
    const requests = [...this.#byTick.values()].flatMap((set) => [...set]);
    for (const [place, request] of requests.entries()) {
      removeFrom(this.#byTick, request.tick, request);
      this.#schedule(request, this.#tick + 1 + Math.floor((place * ticks) / requests.length));
    }
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#ring.parker.unpark();
  }

  /** Reads changes whenever the coordinator has posted some while a request is parked. */
  async #listen(): Promise<void> {
    while (!this.#closed) {
      const { epoch } = this.#ring.parker;
      if (this.#parked > 0) this.#collect();
      await this.#ring.parker.parkAsync(epoch);
    }
  }

  #collect(): void {
    const { head } = this.#ring;
    const changes = this.#ring.since(this.#read, head);
    this.#read = head;
    if (changes === 'missed') {
      for (const parked of [...this.#byCluster.values()]) this.#unparkAll(parked);
      return;
    }
    for (const change of changes) {
      const ended = [...(this.#byCluster.get(change.cluster) ?? [])].filter(({ version, until }) =>
        endsWait(change, version, until),
      );
      this.#unparkAll(ended);
    }
  }

  #unparkAll(requests: Iterable<ParkedRequest>): void {
    for (const request of [...requests]) this.#unpark(request, 'change');
  }

  #unpark(request: ParkedRequest, why: 'change' | 'time' | 'drain'): void {
    this.remove(request);
    if (why === 'change') this.#woken += 1;
    request.unparked(why);
  }

  #schedule(request: ParkedRequest, tick: number): void {
    request.tick = tick;
    add(this.#byTick, tick, request);
  }

  #endDue(): void {
    const now = tickOf(performance.now());
    while (this.#tick < now) {
      this.#tick += 1;
      for (const request of [...(this.#byTick.get(this.#tick) ?? [])]) {
        this.#unpark(request, this.#draining ? 'drain' : 'time');
      }
    }
  }
}

function isEndedBy(changes: ReadChanges, { cluster, version, until }: ParkedRequest): boolean {
  if (changes === 'missed') return true;
  return changes.some((change) => change.cluster === cluster && endsWait(change, version, until));
}

function tickOf(milliseconds: number): number {
  return Math.floor(milliseconds / WAIT_TICK_MS);
}

function add<K>(sets: Map<K, Set<ParkedRequest>>, key: K, request: ParkedRequest): void {
  const set = sets.get(key);
  if (set) set.add(request);
  else sets.set(key, new Set([request]));
}

function removeFrom<K>(sets: Map<K, Set<ParkedRequest>>, key: K, request: ParkedRequest): void {
  const set = sets.get(key);
  set?.delete(request);
  if (set?.size === 0) sets.delete(key);
}
