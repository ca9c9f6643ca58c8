// The clusters used last, in memory that the coordinator writes and every worker reads: what only has to be looked up, a
// roster for a member or a cluster that exists already, is answered by the worker that has the message, and nobody else is
// woken. Invariants: what is shown is stored; a page has readers or a writer, never both, except that seats are added behind
// those that are counted. So nothing is read while it is written.

import { Packer, Unpacker } from '../lanes/packing.ts';
import { CLUSTER_SIZE_MAX } from '../limits.ts';
import { CLUSTER_EPHEMERAL, type Cluster } from '../registry/cluster.ts';
import type {
  Change,
  ClusterProperties,
  ClusterRecord,
  ClusterRef,
  Command,
  GetClusterCommand,
  MemberRecord,
  Registration,
  Reply,
} from '../registry/command.ts';
import { chooseMembers, joinTokens } from '../registry/roster.ts';

/** Clusters that can be shown at once, and the names they are found by: each has one place, and the later one takes it. */
const PAGES = 1_024;
/** 64 tokens of 1 KB. A cluster that has more is not shown. Memory that no cluster ever reaches is never touched. */
const PAGE_BYTES = 64 * 1_024;
const WORD_BYTES = 4;
const NAMES_WORDS = PAGES;

/** Words of a page: whether a cluster is shown there, by how many it is being read, and how many seats it has. */
const [SHOWN, READERS, SEATS, SEATS_AT] = [0, 1, 2, 4];
/** Words of a seat: its index, how its client's ID begins, and where its token ends. */
const [INDEX, CLIENT, END, SEAT_WORDS] = [0, 1, 2, 3];
const HEAD_AT = (SEATS_AT + CLUSTER_SIZE_MAX * SEAT_WORDS) * WORD_BYTES;
/** An ID, a name of at most 128 characters, and the properties. */
const TOKENS_AT = HEAD_AT + 256;

/** Memory for a board. */
export function newBoardMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(NAMES_WORDS * WORD_BYTES + PAGES * PAGE_BYTES);
}

/** What a page says of its cluster. */
interface ShownCluster extends ClusterProperties {
  readonly name: string;
}

/** A place for one cluster, as any thread sees it. */
class Page {
  readonly #words: Int32Array;
  readonly #bytes: Buffer;

  constructor(memory: SharedArrayBuffer, number: number) {
    const at = NAMES_WORDS * WORD_BYTES + number * PAGE_BYTES;
    this.#words = new Int32Array(memory, at, HEAD_AT / WORD_BYTES);
    this.#bytes = Buffer.from(memory, at, PAGE_BYTES);
  }

  get isShown(): boolean {
    return Atomics.load(this.#words, SHOWN) === 1;
  }

  /** Seats that can be read. */
  get seats(): number {
    return Atomics.load(this.#words, SEATS);
  }

  /** Nobody begins to read it; true if nobody does so any more. A worker that has died reading leaves its page hidden. */
  hide(): boolean {
    Atomics.store(this.#words, SHOWN, 0);
    return Atomics.load(this.#words, READERS) === 0;
  }

  /** Writes a cluster without members where nobody reads; it is shown with open(). */
  begin({ id, name, size, endPointCount, attrs }: ClusterRecord): void {
    const head = new Packer(this.#bytes.subarray(HEAD_AT, TOKENS_AT));
    head.hex(id);
    head.text(name);
    head.byte(size);
    head.byte(endPointCount);
    head.long(attrs);
    Atomics.store(this.#words, SEATS, 0);
  }

  /** Whoever begins to read it now finds what has been written. */
  open(): void {
    Atomics.store(this.#words, SHOWN, 1);
  }

  /** Adds a seat; false if it does not fit, or not behind those there are. */
  add(index: number, { clientId, token }: Registration): boolean {
    const seats = this.seats;
    const start = this.tokenStart(seats);
    if (seats > 0 && index <= this.indexAt(seats - 1)) return false;
    if (TOKENS_AT + start + token.length > PAGE_BYTES) return false;
    this.#bytes.set(token, TOKENS_AT + start);
    const at = SEATS_AT + seats * SEAT_WORDS;
    this.#words[at + INDEX] = index;
    this.#words[at + CLIENT] = beginningOf(clientId);
    this.#words[at + END] = start + token.length;
    Atomics.store(this.#words, SEATS, seats + 1);
    return true;
  }

  /** To be left again, also where it is found not to be shown. */
  enter(): void {
    Atomics.add(this.#words, READERS, 1);
  }

  leave(): void {
    Atomics.sub(this.#words, READERS, 1);
  }

  cluster(): ShownCluster {
    const head = new Unpacker(this.#bytes.subarray(HEAD_AT, TOKENS_AT));
    return { id: head.hex(), name: head.text(), size: head.byte(), endPointCount: head.byte(), attrs: head.long() };
  }

  indexAt(seat: number): number {
    return this.#words[SEATS_AT + seat * SEAT_WORDS + INDEX]!;
  }

  clientAt(seat: number): number {
    return this.#words[SEATS_AT + seat * SEAT_WORDS + CLIENT]!;
  }

  tokenStart(seat: number): number {
    return seat === 0 ? 0 : this.#words[SEATS_AT + (seat - 1) * SEAT_WORDS + END]!;
  }

  /** A view of the tokens from one seat to before another. */
  tokens(seat: number, end: number): Uint8Array {
    return this.#bytes.subarray(TOKENS_AT + this.tokenStart(seat), TOKENS_AT + this.tokenStart(end));
  }
}

/** The pages of a board, and the numbers of those on which names are to be found. */
class Pages {
  readonly #pages: readonly Page[];
  readonly #names: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#names = new Int32Array(memory, 0, NAMES_WORDS);
    this.#pages = Array.from({ length: PAGES }, (_, number) => new Page(memory, number));
  }

  [Symbol.iterator](): Iterator<Page> {
    return this.#pages[Symbol.iterator]();
  }

  /** Where the cluster of this ID is, if it is shown. IDs of clusters are random. */
  ofId(id: string): Page {
    return this.#pages[placeOf(id)]!;
  }

  ofName(name: string): Page {
    return this.#pages[Atomics.load(this.#names, hashOf(name))]!;
  }

  name({ id, name }: ClusterRecord): void {
    Atomics.store(this.#names, hashOf(name), placeOf(id));
  }
}

/** The coordinator's end: to be told of every change that is stored, in order. */
export class ClusterBoard {
  readonly #pages: Pages;

  constructor(memory: SharedArrayBuffer) {
    this.#pages = new Pages(memory);
  }

  /** Follows a change that is stored. */
  follow(change: Change): void {
    switch (change.kind) {
      case 'cluster':
        this.#begin(change, []);
        return;
      case 'member':
        this.#seat(change);
        return;
      case 'member-removal':
        this.#page(change.clusterId)?.hide();
        return;
      case 'cluster-removal':
        this.#page(change.id)?.hide();
    }
  }

  /** Shows a cluster as it is stored, if it was not. */
  show(cluster: Cluster): void {
    if (!this.#page(cluster.record.id)) this.#begin(cluster.record, cluster.seats);
  }

  /** Shows nothing any more. */
  clear(): void {
    for (const page of this.#pages) page.hide();
  }

  /** An ephemeral cluster lives on what the coordinator is asked, so nothing of it is shown. */
  #begin(record: ClusterRecord, members: readonly (Registration | undefined)[]): void {
    const page = this.#pages.ofId(record.id);
    if ((record.attrs & CLUSTER_EPHEMERAL) !== 0n || !page.hide()) return;
    page.begin(record);
    for (const [index, member] of members.entries()) if (member && !page.add(index, member)) return;
    page.open();
    this.#pages.name(record);
  }

  #seat(member: MemberRecord): void {
    const page = this.#page(member.clusterId);
    if (page && !page.add(member.index, member)) page.hide();
  }

  #page(clusterId: string): Page | undefined {
    const page = this.#pages.ofId(clusterId);
    return page.isShown && page.cluster().id === clusterId ? page : undefined;
  }
}

/** A worker's end. */
export class BoardReader {
  readonly #pages: Pages;

  constructor(memory: SharedArrayBuffer) {
    this.#pages = new Pages(memory);
  }

  /**
   * What `use` makes of the reply to a command; undefined if only the coordinator knows it. The reply's bytes are views that
   * last as long as the call.
   */
  answer<T>(command: Command, use: (reply: Reply) => T): T | undefined {
    const page = this.#pageMeant(command);
    if (!page) return undefined;
    page.enter();
    try {
      const reply = page.isShown ? replyFrom(page, command) : undefined;
      return reply && use(reply);
    } finally {
      page.leave();
    }
  }

  #pageMeant(command: Command): Page | undefined {
    if (command.kind === 'create') return this.#pages.ofName(command.name);
    if (command.kind !== 'get-cluster') return undefined;
    const { cluster } = command;
    return 'id' in cluster ? this.#pages.ofId(cluster.id) : this.#pages.ofName(cluster.name);
  }
}

function replyFrom(page: Page, command: Command): Reply | undefined {
  const shown = page.cluster();
  if (command.kind === 'create') {
    return shown.name === command.name ? { kind: 'cluster', cluster: propertiesOf(shown) } : undefined;
  }
  return command.kind === 'get-cluster' && isMeant(shown, command.cluster)
    ? rosterFrom(page, shown, command)
    : undefined;
}

/** What a member may have; who is none has to be heard of by the coordinator, or his registration would expire. */
function rosterFrom(page: Page, shown: ShownCluster, command: GetClusterCommand): Reply | undefined {
  const { seats } = page;
  const client = beginningOf(command.clientId);
  const seatOf: number[] = [];
  const tokenBytes: number[] = [];
  let isMember = false;
  for (let seat = 0; seat < seats; seat++) {
    const index = page.indexAt(seat);
    while (tokenBytes.length < index) tokenBytes.push(0);
    tokenBytes.push(page.tokenStart(seat + 1) - page.tokenStart(seat));
    seatOf[index] = seat;
    isMember ||= page.clientAt(seat) === client;
  }
  if (!isMember) return undefined;
  const from = command.goOn?.clusterId === shown.id ? command.goOn.from : 0;
  const { indexes, which, next, bytes } = chooseMembers(tokenBytes, command.which, from, command.rosterBytesMax);
  const chosen = indexes.map((index) => seatOf[index]!);
  const [first, last] = [chosen.at(0) ?? 0, chosen.at(-1) ?? -1];
  const together = last - first + 1 === chosen.length;
  const roster = together
    ? page.tokens(first, last + 1)
    : joinTokens(
        chosen.map((seat) => page.tokens(seat, seat + 1)),
        bytes,
      );
  return { kind: 'roster', cluster: propertiesOf(shown), which, next, roster };
}

function isMeant(shown: ShownCluster, ref: ClusterRef): boolean {
  return 'id' in ref ? shown.id === ref.id : shown.name === ref.name;
}

function propertiesOf({ id, size, endPointCount, attrs }: ShownCluster): ClusterProperties {
  return { id, size, endPointCount, attrs };
}

/** The first 32 bits of an ID. Two clients may have them in common: then one counts as a member that is none, for once. */
function beginningOf(id: string): number {
  return Number.parseInt(id.slice(0, 8), 16) | 0;
}

function placeOf(id: string): number {
  return (beginningOf(id) >>> 0) % PAGES;
}

/** Whoever makes names that fall together makes the coordinator be asked, as it is without a board. */
function hashOf(name: string): number {
  let hash = 0;
  for (let at = 0; at < name.length; at++) hash = (Math.imul(hash, 31) + name.charCodeAt(at)) | 0;
  return (hash >>> 0) % NAMES_WORDS;
}
