// A machine's cores and threads. A thread does one piece of work at a time. Ready threads wait for a core in FIFO order
// and keep it until their piece of work is done.
import type { EventQueue } from './event-queue.ts';

interface Work {
  readonly duration: number;
  readonly done: () => void;
}

export class Machine {
  readonly #events: EventQueue;
  readonly cores: number;
  readonly #ready: (() => void)[] = [];
  #free: number;
  /** Core time used so far. */
  busy = 0;

  constructor(events: EventQueue, cores: number) {
    this.#events = events;
    this.cores = cores;
    this.#free = cores;
  }

  /** Waits for a free core, occupies it for `duration`, then calls `done`. */
  occupy(duration: number, done: () => void): void {
    const start = () => {
      this.busy += duration;
      this.#events.after(duration, () => {
        const next = this.#ready.shift();
        if (next) next();
        else this.#free += 1;
        done();
      });
    };
    if (this.#free === 0) return void this.#ready.push(start);
    this.#free -= 1;
    start();
  }
}

/** One or more threads of a machine with a shared FIFO queue of work. */
export class Threads {
  readonly #machine: Machine;
  readonly #waiting: Work[] = [];
  #idle: number;

  constructor(machine: Machine, count: number) {
    this.#machine = machine;
    this.#idle = count;
  }

  /** Queues work that needs a core for `duration`; calls `done` when it is finished. */
  do(duration: number, done: () => void): void {
    this.#waiting.push({ duration, done });
    this.#next();
  }

  #next(): void {
    if (this.#idle === 0) return;
    const work = this.#waiting.shift();
    if (work === undefined) return;
    this.#idle -= 1;
    this.#machine.occupy(work.duration, () => {
      this.#idle += 1;
      work.done();
      this.#next();
    });
  }
}
