// Changes of rounds, for stores that several servers share. All values survive a structured clone.
/** Only on a shared store: what the others keep in memory. */
export type RoundChange = RoundBegin | Confirmation | Completion | RoundEnd;

/** The progress of a cluster with a barrier (barrier.ts). */
export type RoundState = string;

/** A round begins, if neither the round state nor a member has changed: all `size` seats are taken. */
export interface RoundBegin {
  readonly kind: 'round';
  readonly clusterId: string;
  readonly size: number;
  readonly before: RoundState;
  readonly after: RoundState;
}

/** A member has confirmed the round of this state, which must last. */
export interface Confirmation {
  readonly kind: 'confirmation';
  readonly clusterId: string;
  readonly clientId: string;
  readonly round: RoundState;
}

/** The cluster is complete, if neither the round state nor a member has changed: all `size` seats are taken. */
export interface Completion {
  readonly kind: 'completion';
  readonly clusterId: string;
  readonly size: number;
  readonly before: RoundState;
}

/** Empties seats for a round, if neither the round state nor a member has changed. */
export interface RoundEnd {
  readonly kind: 'round-end';
  readonly clusterId: string;
  readonly before: RoundState;
  readonly after: RoundState;
  readonly seats: readonly { readonly index: number; readonly clientId: string; readonly name: string }[];
  /** Clients that must not have confirmed. */
  readonly unconfirmed: readonly string[];
}
