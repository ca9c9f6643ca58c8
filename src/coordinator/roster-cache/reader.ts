// A worker's end of the roster cache: it answers a member's GetCluster, and a Create of a cluster that exists, without the
// coordinator.
import type { ClusterProperties, ClusterRef, Command, GetClusterCommand, Reply } from '../../registry/command.ts';
import { chooseMembers, joinTokens } from '../../registry/roster.ts';
import { Hazards } from './hazards.ts';
import { type CachePage, CachePages, type NamedCluster } from './page.ts';

/** A worker's end. */
export class RosterCacheReader {
  readonly #pages: CachePages;
  readonly #hazards: Hazards;
  readonly #reader: number;

  /** `reader`, below WORKERS_MAX, is the number of one live thread at a time. */
  constructor(memory: SharedArrayBuffer, reader: number) {
    this.#pages = new CachePages(memory);
    this.#hazards = new Hazards(memory);
    this.#reader = reader;
    this.#hazards.admit(reader);
  }

  /**
   * What `use` makes of the reply to a command; undefined if only the coordinator knows it. The reply's bytes are views that
   * last as long as the call, and `use` does not ask again.
   */
  answer<T>(command: Command, use: (reply: Reply) => T): T | undefined {
    const page = this.#pageMeant(command);
    if (!page) return undefined;
    this.#hazards.set(this.#reader, page.number);
    try {
      const reply = page.isShown ? replyFrom(page, command) : undefined;
      if (!reply) return undefined;
      page.use();
      return use(reply);
    } finally {
      this.#hazards.clear(this.#reader);
    }
  }

  #pageMeant(command: Command): CachePage | undefined {
    if (command.kind === 'create') return this.#pages.named(command.name);
    if (command.kind !== 'get-cluster') return undefined;
    const { cluster } = command;
    return 'id' in cluster ? this.#pages.at(this.#pages.numberOf(cluster.id)) : this.#pages.named(cluster.name);
  }
}

function replyFrom(page: CachePage, command: Command): Reply | undefined {
  const shown = page.head();
  const { name, cluster } = shown;
  if (command.kind === 'create') return name === command.name ? { kind: 'cluster', cluster } : undefined;
  const meant = command.kind === 'get-cluster' && isMeant(shown, command.cluster);
  return meant ? rosterFrom(page, cluster, command) : undefined;
}

/** What a member may have; who is none has to be heard of by the coordinator, or his registration would expire. */
function rosterFrom(page: CachePage, cluster: ClusterProperties, command: GetClusterCommand): Reply | undefined {
  const { seats } = page;
  if (!hasSeat(page, seats, Buffer.from(command.clientId, 'hex'))) return undefined;
  const count = page.indexAt(seats - 1) + 1;
  const from = command.cursor?.clusterId === cluster.id ? command.cursor.from : 0;
  // What is asked most, everybody where nobody was evicted, stands there as it is told.
  const everybody = (1n << BigInt(count)) - 1n;
  const tokens = page.tokens(0, seats);
  if (count === seats && (command.which & everybody) === everybody && tokens.length <= command.rosterBytesMax) {
    return { kind: 'roster', cluster, which: everybody, next: from % count, roster: tokens };
  }
  // Where nobody was evicted, seats are numbered as their members are.
  const seatOf = count === seats ? itself : seatsByIndex(page, seats);
  const tokenBytes = (index: number) => {
    const seat = seatOf(index);
    return seat === undefined ? 0 : page.tokenAt(seat + 1) - page.tokenAt(seat);
  };
  const chosen = chooseMembers(count, tokenBytes, command.which, from, command.rosterBytesMax);
  const { which, next, indexes, bytes } = chosen;
  const roster = tokensOf(page, indexes.map(seatOf) as number[], bytes);
  return { kind: 'roster', cluster, which, next, roster };
}

function hasSeat(page: CachePage, seats: number, client: Buffer): boolean {
  for (let seat = 0; seat < seats; seat++) if (page.isOf(seat, client)) return true;
  return false;
}

const itself = (index: number): number => index;

function seatsByIndex(page: CachePage, seats: number): (index: number) => number | undefined {
  const byIndex = new Map(Array.from({ length: seats }, (_, seat) => [page.indexAt(seat), seat]));
  return (index) => byIndex.get(index);
}

/** The tokens of some seats in ascending order; those of neighbours are together already. */
function tokensOf(page: CachePage, seats: readonly number[], bytes: number): Uint8Array {
  const [first = 0, last = -1] = [seats.at(0), seats.at(-1)];
  if (last - first + 1 === seats.length) return page.tokens(first, last + 1);
  return joinTokens(
    seats.map((seat) => page.tokens(seat, seat + 1)),
    bytes,
  );
}

function isMeant({ name, cluster }: NamedCluster, ref: ClusterRef): boolean {
  return 'id' in ref ? cluster.id === ref.id : name === ref.name;
}
