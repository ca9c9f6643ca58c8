// A machine's cores, and threads that need one for whatever they do. A thread does one thing after the other; who is ready
// waits for a core in the order of coming, and keeps it until the piece of work is done.
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
  /** Time of cores used so far. */
  busy = 0;

  constructor(events: EventQueue, cores: number) {
    this.#events = events;
    this.cores = cores;
    this.#free = cores;
  }

  /** Runs something on a core once there is one, for so long. */
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

/** One or more threads of a machine that take their work from one queue. */
export class Threads {
  readonly #machine: Machine;
  readonly #waiting: Work[] = [];
  #idle: number;

  constructor(machine: Machine, count: number) {
    this.#machine = machine;
    this.#idle = count;
  }

  /** Work of so long; it is done when its turn has come and it had a core for as long. */
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
