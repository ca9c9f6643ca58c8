// The events of the coordinator.
import type { RoundEvent } from '../registry/barrier.ts';
import type { Registration } from '../registry/command.ts';
import type { TableAddition } from './table-additions.ts';

/** Receives the coordinator's events, for metrics and logs. */
export interface CoordinatorObserver {
  /** A batch is done, with so many commands and stored changes. */
  batch(commands: number, changes: number, commitSeconds: number): void;
  /** A cluster became full, which is stored: seconds since its creation. */
  filled(seconds: number): void;
  /** A Create made a cluster, or a Join took a seat, which is stored. Absent if nobody audits it. */
  added?(addition: TableAddition): void;
  /** A client's token replaced the one before it, which is stored. */
  replaced(before: Registration, after: Registration): void;
  /** A registration lost its ID to the key that the ID certifies, and so many seats with it. It is stored. */
  displaced(holder: Registration, seats: number): void;
  /** A round has begun, or ended by completion or without some members, which is stored. Absent if nobody counts them. */
  round?(event: RoundEvent): void;
  /** A sweep removed expired entries with so many changes. */
  expired(changes: number): void;
  /** The store has no room, with the reason; undefined: it has room again. Called on each change. */
  full(reason: string | undefined): void;
  /** The store cannot be reached, with the reason; undefined: it can be reached again. Called on each change. */
  unreachable(reason: string | undefined): void;
  /** The table may answer rosters, or is known to be wrong and answers nothing. Called on each change. */
  answerable(is: boolean): void;
  /** Acknowledged changes may not be stored any more. The process must stop. */
  broken(error: unknown): void;
}
