// Watches a cluster: asks for what is newer than the version it has, and lets the registry hold the answer back until there
// is something (V5). A registry that does not is polled. Invariant: the seats are those of one version, which RosterHash
// proves.

import { ProtocolError } from '../client/errors.ts';
import { lossOf, replacedBy, SEAT_EXPIRED, seatIndexes } from '../client/seats.ts';
import { type Bytes, concat, hex, sameBytes, sha256 } from './bytes.ts';
import type { Reply, Request, Token } from './messages.ts';
import type { RosterReply } from './roster.ts';

/** Options of a watch. */
export interface WatchOptions {
  /** Go on after the cluster is complete. Default false. */
  readonly follow?: boolean | undefined;
  /** Ends the watch with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The requests of a watch. */
export interface WatchSource {
  /** Longest wait in milliseconds; 0 if the registry answers at once. */
  readonly maxWaitMs: number;
  /** True if this session has joined the cluster, and not left it. */
  isMember(): boolean;
  /** Sends a GetCluster with these fields. */
  ask(fields: Omit<Request, 'op'>): Promise<Reply>;
  /** Joins again, after a round has passed without the member. */
  rejoin(): Promise<void>;
}

/** Longest wait of one request. */
const WAIT_MS = 60_000;
/** After a member has come, others do: the next request waits this long, or for a round or completion. */
const GATHER_MS = 500;
/** Pauses where the registry answers at once: the first, and after those without news. */
const [FIRST_PAUSE_MS, PAUSE_GROWTH, LONGEST_PAUSE_MS] = [100, 1.5, 1_000];
/** A member that lost its seat to a round is refused the last seat for 5 s (Q8), and a refusal ends the session. */
const LAST_SEAT_PAUSE_MS = 5_500;
/** Values of WaitFor (V5). */
const [FOR_CHANGE, FOR_COMPLETION] = [0, 1];

/**
 * Yields the whole roster at first and whenever something has changed, until the cluster is complete. A member whose round
 * has passed without it joins again, if there is a seat. Throws NoLongerMember after any other loss of its seat.
 */
export async function* watchRosters(
  source: WatchSource,
  clusterId: Bytes,
  { follow = false, signal }: WatchOptions,
): AsyncGenerator<RosterReply, void, void> {
  const seats = new KnownSeats(clusterId);
  let shown: string | undefined;
  let gathering = false;
  let wasMember = false;
  for (let pauseMs = FIRST_PAUSE_MS; ; ) {
    const waitMs = seats.known ? Math.min(source.maxWaitMs, gathering ? GATHER_MS : WAIT_MS) : 0;
    const waiting = waitMs > 0 ? { waitMs, waitFor: gathering ? FOR_COMPLETION : FOR_CHANGE } : {};
    const reply = await untilAborted(source.ask({ ...seats.known, ...waiting }), signal).catch((error: unknown) => {
      throw (source.isMember() && replacedBy(error)) || error;
    });
    const isWhole = seats.known === undefined;
    if (!(await seats.apply(reply))) {
      if (isWhole) throw new ProtocolError('the registry sent a roster with a wrong hash');
      continue;
    }
    const roster = seats.roster;
    const news = seats.state !== shown;
    shown = seats.state;
    if (news) yield roster;
    wasMember ||= source.isMember();
    if (wasMember) {
      const { yourSeat = 0 } = roster;
      if (yourSeat === SEAT_EXPIRED) await rejoin(source, roster, signal);
      else if (yourSeat > SEAT_EXPIRED) throw lossOf(yourSeat);
    }
    const complete = isComplete(roster);
    if (complete && !follow) return;
    gathering = news && !complete;
    if (source.maxWaitMs > 0 && seats.known) continue;
    pauseMs = Math.min(news ? FIRST_PAUSE_MS : pauseMs * PAUSE_GROWTH, LONGEST_PAUSE_MS);
    await pause(pauseMs, signal);
  }
}

async function rejoin(source: WatchSource, { tokens, clusterSize }: RosterReply, signal: AbortSignal | undefined) {
  if (tokens.length + 1 === clusterSize) await pause(LAST_SEAT_PAUSE_MS, signal);
  await source.rejoin();
}

/** Rejects with the signal's reason. */
async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await untilAborted(new Promise((resolve) => setTimeout(resolve, milliseconds)), signal);
}

function isComplete({ epoch, clusterSize, tokens }: RosterReply): boolean {
  return epoch === undefined ? tokens.length === clusterSize : epoch > 0n;
}

/** Rejects with the signal's reason once it is aborted. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await work;
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
    work.catch(() => {});
  }
}

/** The seats of a cluster at one version. BOUNDED: 64. */
class KnownSeats {
  readonly #clusterId: Bytes;
  readonly #seats = new Map<number, { readonly token: Token; readonly bytes: Bytes }>();
  #reply: Reply | undefined;
  #hash: Bytes = new Uint8Array(0);

  constructor(clusterId: Bytes) {
    this.#clusterId = clusterId;
  }

  /** The fields that ask for what is newer; undefined if the registry does not tell versions. */
  get known(): Pick<Request, 'knownVersion' | 'history'> | undefined {
    const { clusterVersion, history } = this.#reply ?? {};
    return clusterVersion === undefined || history === undefined
      ? undefined
      : { knownVersion: clusterVersion, history };
  }

  /** All seats, as one reply would tell them. */
  get roster(): RosterReply {
    const indexes = this.#indexes();
    const which = indexes.reduce((bits, index) => bits | (1n << BigInt(index)), 0n);
    return {
      ...this.#reply!,
      clusterId: this.#clusterId,
      which,
      tokens: indexes.map((at) => this.#seats.get(at)!.token),
    };
  }

  /** Applies an answer. Returns false, and knows nothing, if the seats are not those that the registry has. */
  async apply(reply: Reply): Promise<boolean> {
    const told = seatIndexes(reply.which ?? 0n);
    if (told.length !== reply.tokens.length) throw new ProtocolError('a roster has another number of members');
    // A registry without versions tells the whole roster each time.
    if (reply.clusterVersion === undefined) this.#seats.clear();
    for (const index of seatIndexes(reply.emptied ?? 0n)) this.#seats.delete(index);
    for (const [place, index] of told.entries()) {
      this.#seats.set(index, { token: reply.tokens[place]!, bytes: reply.tokenBytes[place]! });
    }
    // The answer of a registry whose store is away lacks all but the version (V6).
    const { rosterHash } = reply;
    if (rosterHash === undefined && this.known && reply.clusterVersion !== undefined) return true;
    this.#reply = reply;
    this.#hash = await this.#hashNow();
    if (rosterHash === undefined || sameBytes(rosterHash, this.#hash)) return true;
    this.#reply = undefined;
    this.#seats.clear();
    return false;
  }

  /** Differs from an earlier one if something has changed. */
  get state(): string {
    const { clusterSize, epoch, round, confirmed, yourSeat } = this.#reply!;
    const parts = [hex(this.#hash), clusterSize, epoch, round && hex(round), confirmed, yourSeat];
    return parts.join(' ');
  }

  #indexes(): number[] {
    return [...this.#seats.keys()].sort((a, b) => a - b);
  }

  async #hashNow(): Promise<Bytes> {
    const parts: Uint8Array[] = [this.#clusterId];
    for (const index of this.#indexes()) {
      parts.push(Uint8Array.of(index), await sha256(this.#seats.get(index)!.bytes));
    }
    return await sha256(concat(...parts));
  }
}
