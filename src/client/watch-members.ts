// Watching a cluster fill up: asks again and again for the members not yet seen, often at first, then less and less.
// Members move to other end points (R6), and an operator may evict one, whose seat is then another's (R14). So seats are
// read again: one with each question that has brought no news, and all of them once the cluster is full. Invariant: when
// a watch ends, each seat has been read since the cluster was full, and a watching member is on the roster.
import {
  ALL_MEMBERS,
  type ClusterMember,
  hasSeat,
  isSameMember,
  type Roster,
  seatBit,
  wholeRoster,
} from './cluster.ts';
import { pause } from './deadline.ts';
import { NoLongerMember } from './errors.ts';
import { jitter } from './retry.ts';

/** How to watch. */
export interface WatchOptions {
  /**
   * Longest pause between two questions, in milliseconds; default 1,000. The first is 20, or this if shorter. A registry
   * closes sessions that ask for nothing for half a minute (F8).
   */
  readonly pollMs?: number | undefined;
  /** With `false` the watch ends with the members there are now. Default: it goes on until the cluster is full. */
  readonly wait?: boolean | undefined;
  /** Ends the watch, though not the session, by a rejection with its reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The watcher's own ID, lower-case hex, where it is a member. The watch rejects with NoLongerMember once that ID has
   * left the roster.
   */
  readonly memberId?: string | undefined;
  /** Told of a seat that has become empty (R14). A seat that another member has taken meanwhile is only yielded. */
  readonly onLeft?: ((index: number) => void) | undefined;
  /** Told which cluster the first reply is about, and which one has taken its name since (R14). */
  readonly onCluster?: ((cluster: Pick<Roster, 'clusterId' | 'size'>) => void) | undefined;
}

const FIRST_PAUSE_MS = 20;
const PAUSE_GROWTH = 1.5;
const LONGEST_PAUSE_MS = 1_000;

type Ask = (which: bigint) => Promise<Roster>;

/** A watching member's own place in the cluster. */
export class OwnSeat {
  readonly id: string;
  /** Undefined until a roster has shown it. */
  index: number | undefined;
  /** How often the member has joined again. */
  joins = 0;

  constructor(id: string) {
    this.id = id;
  }

  /** Takes note of the seat; false where the ID is not among these members. */
  see(members: readonly ClusterMember[]): boolean {
    const found = members.find(({ id }) => id === this.id);
    if (found) this.index = found.index;
    return found !== undefined;
  }

  /** The member has joined again, whichever seat it got. */
  joinedAgain(): void {
    this.index = undefined;
    this.joins += 1;
  }
}

/**
 * Yields each member when it is first seen and when its token has changed, within one reply by ascending index; a seat
 * that gets another member is yielded again. `ask` makes one GetCluster of a `Which`, and rejects when options.signal is
 * aborted.
 */
export async function* watchMembers(
  ask: Ask,
  options: WatchOptions,
  own = options.memberId === undefined ? undefined : new OwnSeat(options.memberId),
): AsyncGenerator<ClusterMember, void, void> {
  const { pollMs = LONGEST_PAUSE_MS, wait = true, signal } = options;
  const seats = new WatchedSeats(options);
  let pauseMs = Math.min(FIRST_PAUSE_MS, pollMs);
  for (;;) {
    signal?.throwIfAborted();
    const { wanted } = seats;
    const roster = await ask(wanted);
    const news = seats.take(roster);
    if (own && mayHaveLeft(own, wanted, roster)) await assertMember(ask, own);
    yield* news;
    if (!wait && (seats.complete || news.length === 0)) return;
    if (!wait) continue;
    if (seats.complete) {
      if (seats.toRead) continue;
      if (own && own.index === undefined) await assertMember(ask, own);
      return;
    }
    if (news.length === 0) seats.lookAtNext(own?.index);
    // News may be followed by more: members that join together, and those that one reply had no room for.
    pauseMs = Math.min(news.length > 0 ? FIRST_PAUSE_MS : pauseMs * PAUSE_GROWTH, pollMs);
    await pause(pauseMs * jitter(), signal);
  }
}

/** Whether a reply lacks the own ID where it could have been. A reply may have no room for all, but has one (R9). */
function mayHaveLeft(own: OwnSeat, wanted: bigint, { members }: Roster): boolean {
  if (own.see(members)) return false;
  const { index } = own;
  if (members.length === 0) return index === undefined || hasSeat(wanted, index);
  return index !== undefined && members.some((other) => other.index === index);
}

/** Rejects with NoLongerMember unless the ID is anywhere on the roster. */
async function assertMember(ask: Ask, own: OwnSeat): Promise<void> {
  const { joins } = own;
  const { members } = await wholeRoster(ask);
  if (own.see(members) || own.joins !== joins) return;
  throw new NoLongerMember('it has left the roster, as after an eviction');
}

/** What has been seen of a cluster's seats: 64 at most. */
class WatchedSeats {
  readonly #options: WatchOptions;
  readonly #seen = new Map<number, ClusterMember>();
  #clusterId: string | undefined;
  #missing = ALL_MEMBERS;
  /** Those seen that are being read again. */
  #again = 0n;
  #next = 0;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** The `Which` of the next question. */
  get wanted(): bigint {
    return this.#missing | this.#again;
  }

  /** Whether somebody was seen in each seat. */
  get complete(): boolean {
    return this.#missing === 0n;
  }

  /** Whether seats are to be read again. */
  get toRead(): boolean {
    return this.#again !== 0n;
  }

  /** Takes a reply to the question for `wanted`; returns who is new or has changed. */
  take({ clusterId, size, members }: Roster): ClusterMember[] {
    if (clusterId !== this.#clusterId) this.#begin(clusterId, size);
    const wasComplete = this.complete;
    if (size !== undefined) this.#missing &= seatBit(size) - 1n;
    const asked = members.filter(({ index }) => hasSeat(this.wanted, index));
    // A reply may have no room for all, but has one if there is any (R9).
    if (asked.length === 0) this.#empty(this.#again);
    const news = asked.filter((member) => !isSameMember(this.#seen.get(member.index), member));
    for (const member of asked) {
      this.#seen.set(member.index, member);
      this.#missing &= ~seatBit(member.index);
      this.#again &= ~seatBit(member.index);
    }
    // A reply that holds every seat has read them all.
    if (this.complete && !wasComplete) this.#again = asked.length === this.#seen.size ? 0n : this.#bits();
    return news;
  }

  /** Has one more read again, each in its turn, and one that matters most. */
  lookAtNext(always: number | undefined): void {
    const indexes = [...this.#seen.keys()].sort((one, other) => one - other);
    const index = indexes.find((index) => index >= this.#next) ?? indexes[0];
    if (index === undefined) return;
    this.#again |= seatBit(index);
    this.#next = index + 1;
    if (always !== undefined && this.#seen.has(always)) this.#again |= seatBit(always);
  }

  /** Another cluster, perhaps under the same name: nothing is known of it. */
  #begin(clusterId: string, size: number | undefined): void {
    this.#clusterId = clusterId;
    this.#empty(this.#bits());
    this.#missing = ALL_MEMBERS;
    this.#options.onCluster?.({ clusterId, size });
  }

  #bits(): bigint {
    return [...this.#seen.keys()].reduce((bits, index) => bits | seatBit(index), 0n);
  }

  /** Nobody is there any more. */
  #empty(gone: bigint): void {
    for (const index of [...this.#seen.keys()]) {
      if (!hasSeat(gone, index)) continue;
      this.#seen.delete(index);
      this.#options.onLeft?.(index);
    }
    this.#missing |= gone;
    this.#again = 0n;
  }
}
