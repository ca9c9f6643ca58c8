// What comes of a command in the table: an answer, what it rests on, and the way back.
import type { Refusal } from '../errors.ts';
import type { Change, ClusterRef, Registration, Reply } from './command.ts';

/** What has to be stored before an answer may be given, and how to take it back from the table. */
export interface Effect {
  readonly changes: readonly Change[];
  /** Effects are undone in the reverse order of their making. */
  undo(): void;
}

/** An answer and what it rests on. */
export interface Outcome extends Effect {
  readonly reply: Reply;
  /**
   * Present if this took the last seat of a cluster: milliseconds since its creation. Never of a cluster that was taken
   * over from a store, of which nobody knows when it was created.
   */
  readonly filledAfterMs?: number;
  /** The registration whose token a client's new one, given beside it, takes the place of. */
  readonly replaces?: { readonly before: Registration; readonly after: Registration };
  /** What is new in the table by this; absent where nothing is. It can be undone at once, and then nothing is. */
  readonly adds?: 'registration' | 'cluster' | 'member';
}

/** An answer that changes nothing. */
export function answer(reply: Reply): Outcome {
  return { reply, changes: [], undo: () => {} };
}

export function refuse(refusal: Refusal): Outcome {
  return answer({ kind: 'refused', refusal });
}

export function refuseUnknown(ref: ClusterRef): Outcome {
  return refuse('id' in ref ? 'cluster-id-unknown' : 'cluster-name-unknown');
}
