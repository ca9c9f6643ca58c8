// Polls a cluster, in the RSA dialects, until it is complete, or full where the registry does not tell more: asks for
// the members not yet seen, often at first, then less and less.
// Members change their end points (R6). An operator may evict one, whose seat another member then takes (R14). So each
// poll without news reads one seat again, and a full cluster is read again completely. Invariants at the end of a
// watch: each seat has been read since the cluster was full. A watching member is on the roster.
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

/** Options of a watch. */
export interface WatchOptions {
  /**
   * Longest pause between two polls, in milliseconds; default 1,000. The first pause is 20 or this, whichever is
   * shorter. A registry closes a session after 30 s without a request, after a Join 120 s (F8). In the sealed dialect the
   * registry holds the answer back instead, and a watch polls only where it does not.
   */
  readonly pollMs?: number | undefined;
  /**
   * Longest time in milliseconds that the registry may hold an answer back, in the sealed dialect; default 60,000, or less
   * if the registry allows less. A server that dies without closing its connections is noticed after twice this time.
   */
  readonly waitMs?: number | undefined;
  /** With `true` the watch goes on after the cluster is full, until it is aborted. Default false. */
  readonly follow?: boolean | undefined;
  /** With `false` the watch ends with the current members. Default: it continues until the cluster is complete. */
  readonly wait?: boolean | undefined;
  /** Ends the watch with its reason. The session stays open. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The watching member's own ID, lower-case hex. The watch rejects with NoLongerMember once this ID has left the
   * roster.
   */
  readonly memberId?: string | undefined;
  /** Receives a seat's former member when another ID has taken the seat (R14). The new member is yielded next. */
  readonly onReplaced?: ((former: ClusterMember, member: ClusterMember) => void) | undefined;
  /** Receives the index of a seat that has become empty (R14). */
  readonly onLeft?: ((index: number) => void) | undefined;
  /** Receives each reply: how far the cluster is (Q2 to Q4). */
  readonly onRoster?: ((roster: Roster) => void) | undefined;
  /** Receives the cluster of the first reply, and any later cluster that has taken its name (R14). */
  readonly onCluster?: ((cluster: Pick<Roster, 'clusterId' | 'size'>) => void) | undefined;
}

/** A cluster after one reply, as a watch knows it. */
export interface WatchedRoster extends Omit<Roster, 'members'> {
  /** All seats, by ascending index, whichever reply has told them. */
  readonly members: readonly ClusterMember[];
  /** Members that this reply has brought or changed. */
  readonly news: readonly ClusterMember[];
  /** True once the cluster is complete, or full where the registry does not tell more, and each seat has been read since. */
  readonly settled: boolean;
}

const FIRST_PAUSE_MS = 20;
const PAUSE_GROWTH = 1.5;
const LONGEST_PAUSE_MS = 1_000;

type Ask = (which: bigint) => Promise<Roster>;

/** The seat of the watching member. */
export class OwnSeat {
  readonly id: string;
  /** Undefined until a roster has shown the seat. */
  index: number | undefined;
  /** Number of times that the member has joined again. */
  joins = 0;

  constructor(id: string) {
    this.id = id;
  }

  /** Records the seat. Returns false if the ID is not among these members. */
  see(members: readonly ClusterMember[]): boolean {
    const found = members.find(({ id }) => id === this.id);
    if (found) this.index = found.index;
    return found !== undefined;
  }

  /** Forgets the seat: the member has joined again, perhaps in another one. */
  joinedAgain(): void {
    this.index = undefined;
    this.joins += 1;
  }
}

/**
 * Yields the roster after each reply. A member is news when it is first seen, and when its token changes; so is a seat's
 * new member. `ask` sends one GetCluster with a `Which`, and rejects when options.signal is aborted.
 */
export async function* watchMembers(
  ask: Ask,
  options: WatchOptions,
  own: OwnSeat | undefined,
): AsyncGenerator<WatchedRoster, void, void> {
  const { pollMs = LONGEST_PAUSE_MS, wait = true, follow = false, signal } = options;
  const seats = new WatchedSeats(options);
  let pauseMs = Math.min(FIRST_PAUSE_MS, pollMs);
  for (;;) {
    signal?.throwIfAborted();
    const { wanted } = seats;
    const roster = await ask(wanted);
    const news = seats.take(roster);
    options.onRoster?.(roster);
    if (own && mayHaveLeft(own, wanted, roster)) await assertMember(ask, own);
    // A full cluster with a confirm time goes on until all have confirmed.
    const complete = seats.complete && roster.epoch !== 0;
    const settled = complete && !seats.rereadPending;
    if (wait && settled && own && own.index === undefined) await assertMember(ask, own);
    yield { ...roster, members: seats.members, news, settled };
    if (!wait && (seats.complete || news.length === 0)) return;
    if (!wait || (complete && !settled)) continue;
    if (settled && !follow) return;
    if (news.length === 0) seats.rereadNext(own?.index);
    // More news may follow soon: members join together, and one reply may not have room for all.
    pauseMs = Math.min(news.length > 0 ? FIRST_PAUSE_MS : pauseMs * PAUSE_GROWTH, pollMs);
    await pause(pauseMs * jitter(), signal);
  }
}

/**
 * True if the reply should contain the own ID but does not. A reply may not have room for all wanted members, but has
 * at least one (R9).
 */
function mayHaveLeft(own: OwnSeat, wanted: bigint, { members }: Roster): boolean {
  if (own.see(members)) return false;
  const { index } = own;
  if (members.length === 0) return index === undefined || hasSeat(wanted, index);
  return index !== undefined && members.some((other) => other.index === index);
}

/** Reads the whole roster; rejects with NoLongerMember if it lacks the ID. */
async function assertMember(ask: Ask, own: OwnSeat): Promise<void> {
  const { joins } = own;
  const { members } = await wholeRoster(ask);
  if (own.see(members) || own.joins !== joins) return;
  throw new NoLongerMember('it has left the roster, as after a Leave or an eviction');
}

/** Seats of a cluster as seen so far. BOUNDED: 64. */
class WatchedSeats {
  readonly #options: WatchOptions;
  readonly #seen = new Map<number, ClusterMember>();
  #clusterId: string | undefined;
  #round: string | undefined;
  #missing = ALL_MEMBERS;
  /** Seen seats to read again. */
  #toReread = 0n;
  #next = 0;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** The `Which` of the next poll. */
  get wanted(): bigint {
    return this.#missing | this.#toReread;
  }

  /** By ascending index. */
  get members(): readonly ClusterMember[] {
    return [...this.#seen.values()].sort((one, other) => one.index - other.index);
  }

  /** True if every seat has been seen taken. */
  get complete(): boolean {
    return this.#missing === 0n;
  }

  /** True if seats are still to be read again. */
  get rereadPending(): boolean {
    return this.#toReread !== 0n;
  }

  /** Applies a reply to the poll for `wanted`. Returns new and changed members. */
  take({ clusterId, size, members, round }: Roster): ClusterMember[] {
    if (clusterId !== this.#clusterId) this.#begin(clusterId, size);
    const roundEnded = this.#round !== undefined && this.#round !== round;
    this.#round = round;
    const wasComplete = this.complete;
    if (size !== undefined) this.#missing &= seatBit(size) - 1n;
    const asked = members.filter(({ index }) => hasSeat(this.wanted, index));
    // A reply may not have room for all, but has at least one if any is wanted (R9). Without one, these seats are
    // empty.
    if (asked.length === 0) this.#empty(this.#toReread);
    const news = asked.filter((member) => !isSameMember(this.#seen.get(member.index), member));
    for (const member of asked) {
      const former = this.#seen.get(member.index);
      if (former && former.id !== member.id) this.#options.onReplaced?.(former, member);
      this.#seen.set(member.index, member);
      this.#missing &= ~seatBit(member.index);
      this.#toReread &= ~seatBit(member.index);
    }
    // A reply that contains every seat has already read them all.
    if (this.complete && !wasComplete) this.#toReread = asked.length === this.#seen.size ? 0n : this.#bits();
    // It may have ended without some members.
    if (roundEnded) this.#toReread = this.#bits();
    return news;
  }

  /** Schedules one more seat to be read again, in rotation, and the seat `always`. */
  rereadNext(always: number | undefined): void {
    const indexes = [...this.#seen.keys()].sort((one, other) => one - other);
    const index = indexes.find((index) => index >= this.#next) ?? indexes[0];
    if (index === undefined) return;
    this.#toReread |= seatBit(index);
    this.#next = index + 1;
    if (always !== undefined && this.#seen.has(always)) this.#toReread |= seatBit(always);
  }

  /** Starts over for another cluster, perhaps of the same name. */
  #begin(clusterId: string, size: number | undefined): void {
    this.#clusterId = clusterId;
    this.#empty(this.#bits());
    this.#missing = ALL_MEMBERS;
    this.#options.onCluster?.({ clusterId, size });
  }

  #bits(): bigint {
    return [...this.#seen.keys()].reduce((bits, index) => bits | seatBit(index), 0n);
  }

  /** Forgets the members of these seats. */
  #empty(gone: bigint): void {
    for (const index of [...this.#seen.keys()]) {
      if (!hasSeat(gone, index)) continue;
      this.#seen.delete(index);
      this.#options.onLeft?.(index);
    }
    this.#missing |= gone;
    this.#toReread = 0n;
  }
}
