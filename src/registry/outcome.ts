// Outcome of a command in the table: a reply, the changes to store first, and the undo.
import type { Refusal } from '../errors.ts';
import type { Change, ClusterRef, Registration, Reply } from './command.ts';

/** Changes to store before the reply may leave, and how to undo them in the table. */
export interface Effect {
  readonly changes: readonly Change[];
  /** The caller undoes several effects in the reverse order. */
  undo(): void;
}

/** A reply and the changes that must be stored before it leaves. */
export interface Outcome extends Effect {
  readonly reply: Reply;
  /**
   * Milliseconds from creation to full, present if the command took a cluster's last seat. Absent for clusters from the
   * store, whose creation time is unknown.
   */
  readonly filledAfterMs?: number;
  /** True if the command completed a cluster that has a barrier. */
  readonly completes?: boolean;
  /** Old and new registration, present if the command replaced a client's token. */
  readonly replaces?: { readonly before: Registration; readonly after: Registration };
  /** The registration that lost its ID to the key that the ID certifies, and its number of seats. */
  readonly displaced?: { readonly registration: Registration; readonly seats: number };
  /**
   * Kind of addition that the address pays for: the entry that the command added, which an undo removes, or `member` for
   * a roster body to sign (W3). Absent if there is none.
   */
  readonly adds?: 'registration' | 'cluster' | 'member';
  /** Further events for the audit log; absent if there are none. */
  readonly audits?: readonly AuditedEvent[];
}

/** An event of a command for the audit log, besides what it adds. */
export interface AuditedEvent {
  readonly action: 'leave' | 'replace' | 'join-token-use' | 'join-token-add' | 'join-token-revoke';
  /** Name of the member concerned. */
  readonly member?: string | undefined;
  /** Hash of the join token, hex. */
  readonly joinToken?: string | undefined;
  /** Number of join tokens if the event is about several; joinToken is the first. */
  readonly joinTokens?: number | undefined;
}

/** An outcome without changes. */
export function answer(reply: Reply): Outcome {
  return { reply, changes: [], undo: () => {} };
}

export function refuse(refusal: Refusal): Outcome {
  return answer({ kind: 'refused', refusal });
}

/** Refuses a command that may succeed after `retryAfterMs`; final if that is undefined. */
export function refuseForNow(refusal: Refusal, retryAfterMs: number | undefined): Outcome {
  return answer({ kind: 'refused', refusal, ...(retryAfterMs !== undefined && { retryAfterMs }) });
}

export function refuseUnknown(ref: ClusterRef): Outcome {
  return refuse('id' in ref ? 'cluster-id-unknown' : 'cluster-name-unknown');
}
