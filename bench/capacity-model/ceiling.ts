// The rate at which one process is full, from the CPU time that each of its threads spends on a session. It ignores
// queueing, so it bounds every measurement from above.

/** CPU time of a session, in microseconds, by kind of thread. */
export interface SessionCost {
  readonly front: number;
  readonly coordinator: number;
  /** All workers together. */
  readonly workers: number;
}

/** The part of a process that is full first, and the sessions a second at which it is. */
export interface Ceiling {
  readonly part: 'cores' | 'front ends' | 'coordinator';
  readonly rate: number;
}

const SECOND = 1e6;

/** Microseconds of CPU for a whole session. */
export function sessionTime({ front, coordinator, workers }: SessionCost): number {
  return front + coordinator + workers;
}

/** The ceiling of a process with `fronts` front ends on `cores` cores, with a worker for each core. */
export function ceilingOf(cost: SessionCost, fronts: number, cores: number): Ceiling {
  const parts: readonly Ceiling[] = [
    { part: 'cores', rate: (cores * SECOND) / sessionTime(cost) },
    { part: 'front ends', rate: (fronts * SECOND) / cost.front },
    { part: 'coordinator', rate: SECOND / cost.coordinator },
  ];
  return parts.reduce((least, one) => (one.rate < least.rate ? one : least));
}
