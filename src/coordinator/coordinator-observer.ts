// What the coordinator tells of its work.
import type { Registration } from '../registry/command.ts';

/** Told what the coordinator does, for metrics and logs. */
export interface CoordinatorObserver {
  /** A batch is done: its commands, its stored changes, and the seconds its commits took. */
  batch(commands: number, changes: number, commitSeconds: number): void;
  /** The last seat of a cluster is taken, and that is stored: seconds since it was created. */
  filled(seconds: number): void;
  /** A client's token has taken the place of the one before it, and that is stored. */
  replaced(before: Registration, after: Registration): void;
  /** Something has been forgotten because its time was up. */
  expired(changes: number): void;
  /** The store has no room (with the reason), or has room again. Told when it changes. */
  full(reason: string | undefined): void;
  /** The store cannot be reached (with the reason), or can be again. Told when it changes. */
  unreachable(reason: string | undefined): void;
  /** What has been acknowledged may not be stored any more: the process must not go on. */
  broken(error: unknown): void;
}
