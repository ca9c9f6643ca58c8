// A discrete-event queue: a binary heap ordered by time, then by the order of planning.

interface Event {
  readonly time: number;
  readonly order: number;
  readonly happen: () => void;
}

/** A virtual clock that jumps from event to event. The caller chooses the unit of time. */
export class EventQueue {
  readonly #heap: Event[] = [];
  #planned = 0;
  #now = 0;

  get now(): number {
    return this.#now;
  }

  /** Plans an event `delay` after now; `delay` is 0 or more. */
  after(delay: number, happen: () => void): void {
    const event = { time: this.#now + delay, order: this.#planned++, happen };
    let at = this.#heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, this.#heap[parent]!)) break;
      this.#heap[at] = this.#heap[parent]!;
      at = parent;
    }
    this.#heap[at] = event;
  }

  /** Runs events in order until none is planned or `isOver` returns true. */
  run(isOver: () => boolean): void {
    while (this.#heap.length > 0 && !isOver()) {
      const event = this.#takeFirst();
      this.#now = event.time;
      event.happen();
    }
  }

  #takeFirst(): Event {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    const { length } = heap;
    let at = 0;
    for (let child = 1; child < length; child = 2 * at + 1) {
      if (child + 1 < length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    if (length > 0) heap[at] = last;
    return first;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.time < other.time || (one.time === other.time && one.order < other.order);
}
