// The rate at which one process is full, from the CPU time that each of its threads spends on a session. It ignores
// queueing, so it bounds every measurement from above.

/** CPU time in microseconds, by thread. */
export interface SessionCost {
  /** A further front end, for a session that it served; 0 without one. */
  readonly front: number;
  /** The main thread, for any session; so are those below. It serves them if there is no further front end. */
  readonly main: number;
  readonly coordinator: number;
  /** All workers together. */
  readonly workers: number;
  /** V8's helper threads. */
  readonly rest: number;
}

/** Something of a process that can be full. */
export type Part = 'cores' | 'main thread' | 'front ends' | 'coordinator';

/** The rate at which a process is full. */
export interface Ceiling {
  /** The part that is full first. */
  readonly part: Part;
  /** Sessions a second. */
  readonly rate: number;
  /** Utilization (0 to 1) of each part at that rate; of each further front end alike. */
  readonly busy: Readonly<Partial<Record<Part, number>>>;
}

const SECOND = 1e6;

/** Microseconds of CPU for a whole session. */
export function sessionTime({ main, front, coordinator, workers, rest }: SessionCost): number {
  return main + front + coordinator + workers + rest;
}

/**
 * The ceiling of a process with `fronts` front ends on `cores` cores. The front ends share the sessions evenly. Each
 * core has a worker, so workers are never full before the cores are.
 */
export function ceilingOf(cost: SessionCost, fronts: number, cores: number): Ceiling {
  /** The share of a part that one session a second takes. */
  const shares: [Part, number][] = [
    ['cores', sessionTime(cost) / (cores * SECOND)],
    ['main thread', cost.main / SECOND],
    ['coordinator', cost.coordinator / SECOND],
  ];
  if (fronts > 1) shares.splice(2, 0, ['front ends', cost.front / (fronts * SECOND)]);
  const [part, share] = shares.reduce((most, one) => (one[1] > most[1] ? one : most));
  const rate = 1 / share;
  return { part, rate, busy: Object.fromEntries(shares.map(([name, one]) => [name, one * rate])) };
}
