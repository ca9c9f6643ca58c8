// Virtual time: events in order, each with an owner that may be frozen or dead. Between two events all promises that
// can go on do.

/** A server or member, whose events wait while it is frozen and are dropped once it is dead. */
export interface Owner {
  dead: boolean;
  frozenUntil: number;
}

interface Event {
  readonly at: number;
  readonly place: number;
  readonly owner: Owner | undefined;
  readonly run: () => void;
}

export class VirtualTime {
  now = 0;
  #place = 0;
  /** A binary heap. */
  readonly #events: Event[] = [];

  schedule(afterMs: number, owner: Owner | undefined, run: () => void): void {
    this.#push({ at: this.now + Math.max(0, afterMs), place: ++this.#place, owner, run });
  }

  /** Never resolves for an owner that dies meanwhile. */
  sleep(ms: number, owner?: Owner): Promise<void> {
    return new Promise((resolve) => this.schedule(ms, owner, resolve));
  }

  /** Runs events until `isOver` or the time. */
  async run(until: number, isOver: () => boolean): Promise<void> {
    for (;;) {
      const event = this.#pop();
      if (!event || event.at > until || isOver()) return;
      this.now = event.at;
      const { owner } = event;
      if (owner?.dead) continue;
      if (owner && owner.frozenUntil > this.now) {
        // Kept in order: events of one owner thaw by their places.
        this.#push({ ...event, at: owner.frozenUntil });
        continue;
      }
      event.run();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #push(event: Event): void {
    const heap = this.#events;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent]!, event)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#events;
    const first = heap[0];
    const last = heap.pop();
    if (!first || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (isBefore(last!, heap[child]!)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last!;
    return first;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.at < other.at || (one.at === other.at && one.place < other.place);
}

/** Pseudo-random numbers from a seed (mulberry32). */
export class Seeded {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** From 0 to below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  whole(least: number, most: number): number {
    return Math.floor(this.between(least, most + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  hex(digits: number): string {
    return Array.from({ length: digits }, () => this.whole(0, 15).toString(16)).join('');
  }
}
