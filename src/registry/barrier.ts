// The barrier of a cluster with a confirm time (Q1 to Q9): full is not yet complete. Pure: the caller passes time and
// randomness.
//
// A cluster is complete once its entry EPOCH_KEY exists. Until then it has one of these round states, which a shared
// store keeps under one key:
//
//   ''          no round
//   r ROUND     a round: every member of the full cluster has to confirm it; ROUND is 16 hex digits
//   e SEATS     a round has ended without the members of these seats, a mask of 16 hex digits; the seats are emptied
//   c           complete; only on a shared store, so that a move learns of the completion
//
// Invariants: a round lasts only as long as the cluster is full of the same clients. Its confirmations end with it.
import type { Cluster } from './cluster.ts';
import type { Change } from './command.ts';
import { EPOCH_KEY, type RosterMaker, raiseEpoch, storedEpoch } from './epoch.ts';
import type { Effect } from './outcome.ts';
import { Round } from './round.ts';
import type { Completion, RoundEnd, RoundState } from './round-change.ts';
import { bitsOf, bitsWhere, withBits } from './seat-bits.ts';

/** Seats that one change empties: etcd takes 128 operations, and a seat has three keys. */
export const SEATS_EMPTIED_AT_ONCE = 16;
/**
 * The same in a cluster that admits by join tokens, where a seat has two more keys. Each of these is a condition, beside
 * at most 66 of the change that ends the round; 79 are possible.
 */
const SEATS_GIVEN_BACK_AT_ONCE = { atEnd: 6, later: 15 } as const;
/** A client that lost its seat to a round may not take the last seat for so long, in milliseconds (Q8). */
export const BARRED_MS = 5_000;
/** Bounds of the time after which a Join that was refused may succeed, in milliseconds (Q8). */
const RETRY_MS = { least: 1_000, most: 5_000 } as const;
/** The round state of a complete cluster. */
export const COMPLETE: RoundState = 'c';
const NO_SEATS: RoundState = `e${'0'.repeat(16)}`;

/** A client that lost its seat to a round. */
export interface Barred {
  readonly clientId: string;
  readonly sigKeyDigest: string | undefined;
  /** In milliseconds of the coordinator's clock. */
  readonly until: number;
}

/** A member whose seat a round has emptied. */
export interface ExpiredSeat {
  readonly clusterId: string;
  readonly cluster: string;
  readonly clientId: string;
  readonly name: string;
  readonly index: number;
}

/** The effect of a decision, once it is stored. */
export type RoundEvent =
  | { readonly kind: 'begun' | 'completed'; readonly clusterId: string }
  /** The round has ended with these seats; the first change of several says how many there are in all. */
  | { readonly kind: 'expired'; readonly clusterId: string; readonly seats: readonly ExpiredSeat[] }
  | { readonly kind: 'emptied'; readonly clusterId: string; readonly seats: readonly ExpiredSeat[] };

/** A decision about a cluster: changes to store, their undo, and what to report. */
export interface Decision extends Effect {
  readonly event: RoundEvent | undefined;
}

/** True if the cluster has a confirm time, or was made through `sealed` without one: its completion is stored. */
export function hasBarrier({ record }: Cluster): boolean {
  return record.confirmMs !== undefined;
}

/** The epoch: 0 until the cluster is complete. A cluster without a barrier is complete whenever it is full. */
export function epochOf(cluster: Cluster): number {
  return hasBarrier(cluster) ? storedEpoch(cluster) : cluster.isFull ? 1 : 0;
}

export function isComplete(cluster: Cluster): boolean {
  return hasBarrier(cluster) ? cluster.entries.has(EPOCH_KEY) : cluster.isFull;
}

/** True while seats of an ended round are still to be emptied: no Join and no round until then. */
export function isEnding({ roundState }: Cluster): boolean {
  return roundState[0] === 'e' && roundState !== NO_SEATS;
}

/**
 * True if a wait for completion (V5, WaitFor 1) ends: the cluster is complete, the client owes a confirmation, or it has
 * lost its seat.
 */
export function answersCompletion(cluster: Cluster, clientId: string): boolean {
  if (isComplete(cluster)) return true;
  const { round } = cluster;
  if (cluster.seatOf(clientId) < 0) return cluster.versions.hasLost(clientId);
  if (!round) return false;
  return !round.confirmed.has(clientId) && !round.parked.has(clientId);
}

/** Bits of the seats that have confirmed the current round. All members of a complete cluster have. */
export function confirmedSeats(cluster: Cluster): bigint {
  const { round, seats } = cluster;
  if (!round && !isComplete(cluster)) return 0n;
  return bitsWhere(seats.length, (index) => {
    const member = seats[index];
    return member !== undefined && (!round || round.confirmed.has(member.clientId));
  });
}

/** Milliseconds after which a refused Join may succeed; undefined if the refusal is final (Q8). */
export function retryAfterMs(cluster: Cluster): number | undefined {
  const { confirmMs = 0 } = cluster.record;
  if (confirmMs === 0 || isComplete(cluster)) return undefined;
  const rest = confirmMs - (cluster.round?.ageMs ?? 0);
  return Math.min(Math.max(rest, RETRY_MS.least), RETRY_MS.most);
}

/** The round state after a seat has been emptied by anything but a round. */
export function stateAfterLeave(state: RoundState): RoundState {
  return state[0] === 'r' || state === NO_SEATS ? '' : state;
}

/** Clusters that may need a decision, and those with an open round. */
export class Barriers {
  readonly #shared: boolean;
  readonly #onChange: (cluster: Cluster) => void;
  /** BOUNDED by the clusters. */
  readonly #touched = new Set<Cluster>();
  /** BOUNDED by the full clusters. */
  readonly #open = new Set<Cluster>();
  /** Rounds of before the table was read again, by ID: their ages go on. BOUNDED by the full clusters. */
  #former = new Map<string, Round>();
  /** Seats that rounds have emptied until BARRED_MS ago, by cluster. BOUNDED by its seats each. */
  readonly #barred = new Map<string, readonly Barred[]>();

  /** `shared` if other servers use the same store. `onChange` is called when a round begins or ends, or at completion. */
  constructor(shared: boolean, onChange: (cluster: Cluster) => void = () => {}) {
    this.#shared = shared;
    this.#onChange = onChange;
  }

  get openRounds(): number {
    return this.#open.size;
  }

  get hasTouched(): boolean {
    return this.#touched.size > 0;
  }

  /** Open rounds with their confirm times in milliseconds. */
  *rounds(): Iterable<{ readonly cluster: Cluster; readonly round: Round; readonly confirmMs: number }> {
    for (const cluster of this.#open) yield { cluster, round: cluster.round!, confirmMs: cluster.record.confirmMs! };
  }

  clear(): void {
    this.#former = new Map([...this.rounds()].map(({ round }) => [round.id, round]));
    for (const { confirmed } of this.#former.values()) confirmed.clear();
    this.#touched.clear();
    this.#open.clear();
    this.#barred.clear();
  }

  /** The next decisions look at the cluster. */
  touch(cluster: Cluster): void {
    if (hasBarrier(cluster)) this.#touched.add(cluster);
  }

  forget(cluster: Cluster): void {
    this.#touched.delete(cluster);
    this.#open.delete(cluster);
    this.#barred.delete(cluster.record.id);
  }

  /** Puts back a cluster with an open round. */
  reopen(cluster: Cluster): void {
    this.#put(cluster, cluster.roundState, cluster.round);
  }

  /** Sets the round state; a round that it has already goes on. */
  setState(cluster: Cluster, state: RoundState, now: number): void {
    const id = state[0] === 'r' ? state.slice(1) : undefined;
    if (cluster.round?.id === id) this.#put(cluster, state, cluster.round);
    else this.#put(cluster, state, id === undefined ? undefined : (this.#former.get(id) ?? new Round(id, now)));
  }

  /** Ends the round of a cluster that a member leaves, which is not its own doing. Returns the undo. */
  endRound(cluster: Cluster): () => void {
    const { roundState, round } = cluster;
    this.#put(cluster, stateAfterLeave(roundState), undefined);
    return () => this.#put(cluster, roundState, round);
  }

  /** A message of a member has carried this round. True if it confirms the current one, also if it did before. */
  confirm(cluster: Cluster, clientId: string, id: string | undefined): boolean {
    const { round } = cluster;
    if (!round || round.id !== id || cluster.seatOf(clientId) < 0) return false;
    if (round.confirmed.has(clientId)) return true;
    (this.#shared ? round.parked : round.confirmed).add(clientId);
    this.touch(cluster);
    return true;
  }

  /** Another server has stored a confirmation; with `state` undefined it has been removed. */
  confirmed(cluster: Cluster, clientId: string, state: RoundState | undefined): void {
    const { round } = cluster;
    if (!round || state !== `r${round.id}`) return;
    round.confirmed.add(clientId);
    round.parked.delete(clientId);
    this.touch(cluster);
  }

  /** Bars clients that have lost their seats to a round. */
  bar(cluster: Cluster, barred: readonly Barred[], now: number): void {
    const known = (this.#barred.get(cluster.record.id) ?? []).filter(({ until }) => until > now);
    this.#barred.set(cluster.record.id, [...known, ...barred].slice(-cluster.record.size));
  }

  /** Milliseconds for which the client may not take the last seat; 0 if it may. */
  barredMs({ record }: Cluster, clientId: string, sigKeyDigest: string, now: number): number {
    const barred = this.#barred.get(record.id);
    if (!barred) return 0;
    if (barred.every(({ until }) => until <= now)) this.#barred.delete(record.id);
    const own = barred.filter((one) => one.clientId === clientId || one.sigKeyDigest === sigKeyDigest);
    return Math.max(0, ...own.map(({ until }) => until - now));
  }

  /** Takes at most `count` clusters to decide about. */
  take(count: number): Cluster[] {
    const taken: Cluster[] = [];
    for (const cluster of this.#touched) {
      if (taken.length === count) break;
      taken.push(cluster);
      this.#touched.delete(cluster);
    }
    return taken;
  }

  #put(cluster: Cluster, state: RoundState, round: Round | undefined): void {
    cluster.roundState = state;
    cluster.round = round;
    if (round) this.#open.add(cluster);
    else this.#open.delete(cluster);
    this.touch(cluster);
    this.#onChange(cluster);
  }
}

/** The means of a decision: the table's parts, time and randomness. */
export interface DecisionContext {
  readonly barriers: Barriers;
  /** True if other servers use the same store. */
  readonly shared: boolean;
  readonly now: number;
  /** Undefined in a table that makes no roster bodies. */
  readonly rosters: RosterMaker | undefined;
  /** 16 random hex digits. */
  newRound(): string;
  /** Empties a seat for a round. The changes are those besides the seat's own. */
  expire(cluster: Cluster, index: number): Effect;
}

/** The next decisions about a cluster: none, one, or a confirmation each. The table must be caught up. */
export function decide(cluster: Cluster, context: DecisionContext): Decision[] {
  if (!hasBarrier(cluster) || isComplete(cluster)) return [];
  if (isEnding(cluster)) return [emptySeats(cluster, context)];
  if (!cluster.isFull) return [];
  if (cluster.record.confirmMs === 0) return [complete(cluster, context)];
  const { round } = cluster;
  if (!round) return [begin(cluster, context)];
  if (round.parked.size > 0) return [...round.parked].map((clientId) => storeConfirmation(cluster, clientId, context));
  if (cluster.seats.every((member) => round.confirmed.has(member!.clientId))) return [complete(cluster, context)];
  return round.isDue ? [endRound(cluster, round, context)] : [];
}

function begin(cluster: Cluster, { barriers, shared, now, newRound }: DecisionContext): Decision {
  const { id: clusterId, size } = cluster.record;
  const before = cluster.roundState;
  const after = `r${newRound()}`;
  barriers.setState(cluster, after, now);
  return {
    changes: shared ? [{ kind: 'round', clusterId, size, before, after }] : [],
    undo: () => barriers.setState(cluster, before, now),
    event: { kind: 'begun', clusterId },
  };
}

/** Only on a shared store: a confirmation counts once it is stored. */
function storeConfirmation(cluster: Cluster, clientId: string, { barriers }: DecisionContext): Decision {
  const round = cluster.round!;
  round.parked.delete(clientId);
  round.confirmed.add(clientId);
  barriers.touch(cluster);
  return {
    changes: [{ kind: 'confirmation', clusterId: cluster.record.id, clientId, round: cluster.roundState }],
    undo: () => {
      round.confirmed.delete(clientId);
      round.parked.add(clientId);
      barriers.touch(cluster);
    },
    event: undefined,
  };
}

function complete(cluster: Cluster, { barriers, shared, now, rosters }: DecisionContext): Decision {
  const { id: clusterId, size } = cluster.record;
  const { roundState: before, round } = cluster;
  const completion: Completion = { kind: 'completion', clusterId, size, before };
  const raised = raiseEpoch(cluster, rosters);
  barriers.setState(cluster, shared ? COMPLETE : '', now);
  return {
    changes: shared ? [completion, ...raised.changes] : raised.changes,
    undo: () => {
      raised.undo();
      cluster.round = round;
      barriers.setState(cluster, before, now);
    },
    event: { kind: 'completed', clusterId },
  };
}

/** Ends a round without those who have not confirmed. */
function endRound(cluster: Cluster, round: Round, context: DecisionContext): Decision {
  const losers = [...cluster.seats.keys()].filter((index) => !round.confirmed.has(cluster.seats[index]!.clientId));
  return empty(cluster, losers, losers, context);
}

/** Empties further seats of an ended round. Seats that somebody has emptied meanwhile are left out. */
function emptySeats(cluster: Cluster, context: DecisionContext): Decision {
  const isLoser = bitsOf(BigInt(`0x${cluster.roundState.slice(1)}`));
  const losers = [...cluster.seats.keys()].filter((index) => cluster.seats[index] && isLoser(index));
  return empty(cluster, losers, [], context);
}

function empty(
  cluster: Cluster,
  losers: readonly number[],
  unconfirmed: readonly number[],
  { barriers, shared, now, expire }: DecisionContext,
): Decision {
  const { id: clusterId, name } = cluster.record;
  const { roundState: before, round } = cluster;
  const { atEnd, later } = SEATS_GIVEN_BACK_AT_ONCE;
  const givenBack = unconfirmed.length > 0 ? atEnd : later;
  const atOnce = cluster.record.owner === undefined ? SEATS_EMPTIED_AT_ONCE : givenBack;
  const count = shared ? atOnce : losers.length;
  const seats = losers.slice(0, count).map((index): ExpiredSeat => {
    const { clientId, name: member } = cluster.seats[index]!;
    return { clusterId, cluster: name, clientId, name: member, index };
  });
  const rest = withBits(losers.slice(count));
  const after = `e${rest.toString(16).padStart(16, '0')}`;
  const end: RoundEnd = {
    ...{ kind: 'round-end', clusterId, before, after, seats },
    unconfirmed: unconfirmed.map((index) => cluster.seats[index]!.clientId),
  };
  const removals = seats.map(({ index, clientId }): Change => ({ kind: 'member-removal', clusterId, index, clientId }));
  const expired = seats.map(({ index }) => expire(cluster, index));
  barriers.setState(cluster, after, now);
  return {
    changes: [...(shared ? [end] : removals), ...expired.flatMap(({ changes }) => changes)],
    undo: () => {
      for (const effect of expired.reverse()) effect.undo();
      cluster.round = round;
      barriers.setState(cluster, before, now);
    },
    event: { kind: unconfirmed.length > 0 ? 'expired' : 'emptied', clusterId, seats },
  };
}
