// A worker's end of the roster cache, in stage 2, parallel: it replies to a member's GetCluster and to a Create of an
// existing cluster without the coordinator, so such a job skips stages 3 and 4.
import type { ClusterProperties, ClusterRef, Command, GetClusterCommand, Reply } from '../../registry/command.ts';
import { chooseMembers, joinTokens, type Roster } from '../../registry/roster.ts';
import { withBits } from '../../registry/seat-bits.ts';
import { Hazards } from './hazards.ts';
import { type CachePage, CachePages, type NamedCluster, type TokenRun } from './page.ts';

/** A worker's view of the roster cache. */
export class RosterCacheReader {
  readonly #pages: CachePages;
  readonly #hazards: Hazards;
  readonly #reader: number;

  /** `reader` is the number of the worker, below WORKERS_MAX; one live thread has it. */
  constructor(memory: SharedArrayBuffer, reader: number) {
    this.#pages = new CachePages(memory);
    this.#hazards = new Hazards(memory);
    this.#reader = reader;
    this.#hazards.admit(reader);
  }

  /**
   * Calls `use` with the reply to `command` and returns its result; returns undefined if only the coordinator can
   * reply. The reply's bytes are views that are valid during `use`, which must not call answer().
   */
  answer<T>(command: Command, use: (reply: Reply) => T): T | undefined {
    const page = this.#pageOf(command);
    if (!page) return undefined;
    this.#hazards.set(this.#reader, page.number);
    try {
      const reply = page.isPublished ? replyFrom(page, command) : undefined;
      if (!reply) return undefined;
      page.use();
      return use(reply);
    } finally {
      this.#hazards.clear(this.#reader);
    }
  }

  #pageOf(command: Command): CachePage | undefined {
    // The coordinator decides about a Create with join tokens: it may contradict how the cluster admits.
    if (command.kind === 'create') return command.admits ? undefined : this.#pages.named(command.name);
    if (command.kind !== 'get-cluster') return undefined;
    const { cluster } = command;
    return 'id' in cluster ? this.#pages.at(this.#pages.numberOf(cluster.id)) : this.#pages.named(cluster.name);
  }
}

function replyFrom(page: CachePage, command: Command): Reply | undefined {
  const head = page.head();
  const { name, cluster } = head;
  if (command.kind === 'create') return name === command.name ? { kind: 'cluster', cluster } : undefined;
  const matches = command.kind === 'get-cluster' && isNamed(head, command.cluster);
  return matches ? rosterFrom(page, head, command) : undefined;
}

/**
 * The roster for a member. Non-members go to the coordinator, which refreshes their registration. So do readers of the
 * sealed dialect if the page lacks the state of these seats, or if they ask what has changed since a version (V2, V5).
 */
function rosterFrom(
  page: CachePage,
  { cluster, history }: NamedCluster,
  command: GetClusterCommand,
): Reply | undefined {
  const { seats } = page;
  const own = seatOfClient(page, seats, Buffer.from(command.clientId, 'hex'));
  if (own < 0) return undefined;
  const from = cursorOf(command, cluster);
  if (!command.sealed) return { kind: 'roster', cluster, ...choose(page, 'tokens', seats, command, from) };
  const state = command.known ? undefined : page.stateOf(seats);
  if (!state) return undefined;
  const taken = withBits(Array.from({ length: seats }, (_, seat) => page.indexAt(seat)));
  // All members of a complete cluster have confirmed. Clusters with an open round are not cached.
  const confirmed = state.epoch > 0 ? taken : 0n;
  return {
    kind: 'roster',
    cluster,
    sealed: { history, emptied: lowest(cluster.size) ^ taken, yourSeat: page.indexAt(own), ...state },
    ...choose(page, 'whole', seats, command, from),
    ...(cluster.confirmMs !== undefined && { barrier: { epoch: state.epoch, round: undefined, confirmed } }),
  };
}

/** Chooses members from index `from` on. */
function choose(
  page: CachePage,
  run: TokenRun,
  seats: number,
  { which: wanted, rosterBytesMax }: GetClusterCommand,
  from: number,
): Omit<Roster, 'bytes'> & { readonly roster: Uint8Array } {
  const count = page.indexAt(seats - 1) + 1;
  // Fast path for the usual GetCluster: all members of a cluster without evicted seats are one view.
  const all = lowest(count);
  const tokens = page.tokens(run, 0, seats);
  if (count === seats && (wanted & all) === all && tokens.length <= rosterBytesMax) {
    return { which: all, next: from % count, roster: tokens };
  }
  const seatOf = seatsByIndex(page, seats);
  const tokenBytes = (index: number) => {
    const seat = seatOf(index);
    return seat === undefined ? 0 : page.tokenAt(run, seat + 1) - page.tokenAt(run, seat);
  };
  const { which, next, indexes, bytes } = chooseMembers(count, tokenBytes, wanted, from, rosterBytesMax);
  return { which, next, roster: tokensOf(page, run, indexes.map(seatOf) as number[], bytes) };
}

/** The mask of the lowest `count` bits. */
function lowest(count: number): bigint {
  return (1n << BigInt(count)) - 1n;
}

function cursorOf({ cursor }: GetClusterCommand, { id }: ClusterProperties): number {
  return cursor?.clusterId === id ? cursor.from : 0;
}

/** The seat of a client on the page; -1 if it has none. */
function seatOfClient(page: CachePage, seats: number, client: Buffer): number {
  for (let seat = 0; seat < seats; seat++) if (page.isOf(seat, client)) return seat;
  return -1;
}

/** Finds the seat on the page by its index; undefined if that seat is empty. */
function seatsByIndex(page: CachePage, seats: number): (index: number) => number | undefined {
  // Without empty seats among them, the n-th seat of the page has index n.
  if (page.indexAt(seats - 1) === seats - 1) return (index) => (index < seats ? index : undefined);
  const byIndex = new Map(Array.from({ length: seats }, (_, seat) => [page.indexAt(seat), seat]));
  return (index) => byIndex.get(index);
}

/** The tokens of some seats in ascending order; consecutive seats are one view, others are copied. */
function tokensOf(page: CachePage, run: TokenRun, seats: readonly number[], bytes: number): Uint8Array {
  const [first = 0, last = -1] = [seats.at(0), seats.at(-1)];
  if (last - first + 1 === seats.length) return page.tokens(run, first, last + 1);
  return joinTokens(
    seats.map((seat) => page.tokens(run, seat, seat + 1)),
    bytes,
  );
}

function isNamed({ name, cluster }: NamedCluster, ref: ClusterRef): boolean {
  return 'id' in ref ? cluster.id === ref.id : name === ref.name;
}
