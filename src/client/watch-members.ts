// Watching a cluster fill up: asks again and again for the members not yet seen, often at first, then less and less. An
// operator may evict one that has been seen, whose seat is then another's (R14): seats are looked at again, one with each
// question that has brought no news, and before the end all that have not been looked at lately.
import { ALL_MEMBERS, type ClusterMember, hasSeat, type Roster } from './cluster.ts';
import { pause, untilAborted } from './deadline.ts';

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
}

const FIRST_PAUSE_MS = 20;
const PAUSE_GROWTH = 1.5;
const LONGEST_PAUSE_MS = 1_000;

/** A member that was seen within so long is taken to be there still when the cluster is full. */
const LATELY_MS = 1_000;

/**
 * Yields each member once, within one reply by ascending index; a seat that gets another member is yielded again. `ask`
 * takes a `Which` and makes one GetCluster of it.
 */
export async function* watchMembers(
  ask: (which: bigint) => Promise<Roster>,
  { pollMs = LONGEST_PAUSE_MS, wait = true, signal }: WatchOptions,
): AsyncGenerator<ClusterMember, void, void> {
  const seats = new WatchedSeats();
  let pauseMs = Math.min(FIRST_PAUSE_MS, pollMs);
  for (;;) {
    signal?.throwIfAborted();
    const news = seats.take(await untilAborted(ask(seats.wanted), signal));
    yield* news;
    if (!wait && (seats.complete || news.length === 0)) return;
    if (!wait) continue;
    if (seats.complete) {
      if (!seats.lookAgain()) return;
      continue;
    }
    if (news.length === 0) seats.lookAtNext();
    // Where there is news there may be more: those who join together, and those one reply had no room for.
    pauseMs = Math.min(news.length > 0 ? FIRST_PAUSE_MS : pauseMs * PAUSE_GROWTH, pollMs);
    await pause(pauseMs * jitter(), signal);
  }
}

/** What has been seen of a cluster's seats: 64 at most. */
class WatchedSeats {
  readonly #seen = new Map<number, { readonly id: string; readonly at: number }>();
  #missing = ALL_MEMBERS;
  /** Those seen that are being looked at again. */
  #again = 0n;
  /** Whether all that were not seen lately have been, or are being, looked at since the last change. */
  #checked = false;
  #next = 0;

  /** The `Which` of the next question. */
  get wanted(): bigint {
    return this.#missing | this.#again;
  }

  /** Whether somebody was seen in each seat. */
  get complete(): boolean {
    return this.#missing === 0n;
  }

  /** Takes a reply to the question for `wanted`; returns who is new. */
  take({ size, members }: Roster): ClusterMember[] {
    if (size !== undefined) this.#missing &= (1n << BigInt(size)) - 1n;
    const asked = members.filter(({ index }) => hasSeat(this.wanted, index));
    // A reply may have no room for all, but has one if there is any (R9).
    if (asked.length === 0) this.#empty(this.#again);
    const news = asked.filter(({ index, id }) => this.#seen.get(index)?.id !== id);
    for (const { index, id } of asked) {
      this.#seen.set(index, { id, at: performance.now() });
      this.#missing &= ~bit(index);
      this.#again &= ~bit(index);
    }
    if (news.length > 0) this.#checked = false;
    return news;
  }

  /** Has all looked at again that were not seen lately; false if there are none, or all have been. */
  lookAgain(): boolean {
    const lately = performance.now() - LATELY_MS;
    if (!this.#checked) for (const [index, { at }] of this.#seen) if (at < lately) this.#again |= bit(index);
    this.#checked = true;
    return this.#again !== 0n;
  }

  /** Has one more looked at again, each in its turn. */
  lookAtNext(): void {
    const indexes = [...this.#seen.keys()].sort((one, other) => one - other);
    const index = indexes.find((index) => index >= this.#next) ?? indexes[0];
    if (index === undefined) return;
    this.#again |= bit(index);
    this.#next = index + 1;
  }

  /** Nobody is there any more. */
  #empty(gone: bigint): void {
    if (gone === 0n) return;
    for (const index of this.#seen.keys()) if (hasSeat(gone, index)) this.#seen.delete(index);
    this.#missing |= gone;
    this.#again = 0n;
    this.#checked = false;
  }
}

function bit(index: number): bigint {
  return 1n << BigInt(index);
}

/** 0.75 to 1.25, so that those who began together do not go on together. */
function jitter(): number {
  return 0.75 + Math.random() / 2;
}
