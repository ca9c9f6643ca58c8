// Stage 1, front end, sequential: jobs that wait for a worker, oldest first. Withdrawn jobs stay until they are reached
// or dropped.
import { helloUnits } from './job.ts';
import type { JobTicket } from './worker-handle.ts';

/** BOUNDED by the caller, which asks for `length` or `units` before it pushes. */
export class JobQueue {
  #tickets: JobTicket[] = [];
  #units = 0;
  #pushed = 0;

  get length(): number {
    return this.#tickets.length;
  }

  /** Work of all jobs, in RSA Hellos if they are Hellos. */
  get units(): number {
    return this.#units;
  }

  /** Number of jobs pushed so far. */
  get pushed(): number {
    return this.#pushed;
  }

  /** True if the first `count` jobs pushed have been taken or dropped. */
  hasPassed(count: number): boolean {
    const [first] = this.#tickets;
    return first === undefined || first.place > count;
  }

  push(ticket: JobTicket): void {
    ticket.place = ++this.#pushed;
    this.#tickets.push(ticket);
    this.#units += helloUnits(ticket.job.kind);
  }

  /** Removes the first `count` tickets that are not withdrawn, and every withdrawn ticket before them. */
  take(count: number): JobTicket[] {
    const taken: JobTicket[] = [];
    let examined = 0;
    while (examined < this.#tickets.length && taken.length < count) {
      const ticket = this.#tickets[examined++]!;
      this.#units -= helloUnits(ticket.job.kind);
      if (!ticket.withdrawn) taken.push(ticket);
    }
    this.#tickets.splice(0, examined);
    return taken;
  }

  /** Removes withdrawn tickets. */
  dropWithdrawn(): void {
    this.#tickets = this.#tickets.filter(({ withdrawn }) => !withdrawn);
    this.#units = this.#tickets.reduce((sum, { job }) => sum + helloUnits(job.kind), 0);
  }
}
