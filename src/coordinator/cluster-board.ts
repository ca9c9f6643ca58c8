// The clusters asked for last, in memory that the coordinator writes and every worker reads: what only has to be looked up,
// a roster for a member or a cluster that exists already, is answered by the worker that has the message, and nobody else is
// woken. Invariants: what is shown is stored; nothing that can be read is written. A page is written anew only while no hazard
// word names it, and seats are added behind those that are counted. docs/CONCURRENCY.md has the memory-order argument.
import { copyBytes } from '../copy-bytes.ts';
import { Packer, Unpacker } from '../lanes/packing.ts';
import { CLUSTER_SIZE_MAX, WORKERS_MAX } from '../limits.ts';
import { type Cluster, isEphemeral } from '../registry/cluster.ts';
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
import { packProperties, unpackProperties } from './packed-command.ts';

/** Clusters that can be shown at once: each has one page, chosen by its ID, and one place to be found by name. */
const PAGES = 1_024;
/** 64 tokens of 970 bytes; a cluster that has more is not shown. What no cluster ever reaches takes no memory. */
const PAGE_BYTES = 64 * 1_024;
const WORD_BYTES = 4;

/** A hazard word has a cache line of its own: its worker writes it twice for each question. */
const HAZARD_BYTES = 64;
/** In front of them, on a line that is only written when a worker starts: how many words there are. */
const HAZARDS_BYTES = (1 + WORKERS_MAX) * HAZARD_BYTES;
const HAZARD_COUNT = 0;

/** Words of a page: whether a cluster is shown there, whether it has been read, and its seats. */
const [SHOWN, USED, SEATS, SEATS_AT] = [0, 1, 2, 4];
/** Words of a seat: its index, where its token ends, and the ID of its client, of 33 bytes at most. */
const [INDEX, END, ID_LENGTH, ID, SEAT_WORDS] = [0, 1, 2, 3, 12];
const HEAD_AT = (SEATS_AT + CLUSTER_SIZE_MAX * SEAT_WORDS) * WORD_BYTES;
/** Behind a name of at most 128 characters, and the properties. */
const TOKENS_AT = HEAD_AT + 256;

/** Memory for a board. */
export function newBoardMemory(pages = PAGES): SharedArrayBuffer {
  return new SharedArrayBuffer(pages * (PAGE_BYTES + WORD_BYTES) + HAZARDS_BYTES);
}

/** What a page says of its cluster. */
interface NamedCluster {
  readonly name: string;
  readonly cluster: ClusterProperties;
}

/** A hazard word for each worker: the page that it reads. */
class Hazards {
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, memory.byteLength - HAZARDS_BYTES);
  }

  /** Makes `has` look at the word of a reader from now on. To be called before its first set(). */
  admit(reader: number): void {
    const words = this.#words;
    for (let count = Atomics.load(words, HAZARD_COUNT); count <= reader; count = Atomics.load(words, HAZARD_COUNT)) {
      Atomics.compareExchange(words, HAZARD_COUNT, count, reader + 1);
    }
  }

  /** Published before the reader looks whether the page is shown. */
  set(reader: number, page: number): void {
    Atomics.store(this.#words, wordOfReader(reader), page + 1);
  }

  clear(reader: number): void {
    Atomics.store(this.#words, wordOfReader(reader), 0);
  }

  /** Whether a worker reads the page, or is about to look whether it is shown. */
  has(page: number): boolean {
    const count = Atomics.load(this.#words, HAZARD_COUNT);
    for (let reader = 0; reader < count; reader++) {
      if (Atomics.load(this.#words, wordOfReader(reader)) === page + 1) return true;
    }
    return false;
  }
}

function wordOfReader(reader: number): number {
  return ((1 + reader) * HAZARD_BYTES) / WORD_BYTES;
}

/** Ends what a worker was reading. To be called when its thread is dead, before another has its number. */
export function releaseReader(memory: SharedArrayBuffer, reader: number): void {
  new Hazards(memory).clear(reader);
}

/** A place for one cluster, as any thread sees it. */
class Page {
  readonly number: number;
  readonly #words: Int32Array;
  readonly #bytes: Buffer;

  constructor(memory: SharedArrayBuffer, number: number) {
    const at = number * PAGE_BYTES;
    this.number = number;
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

  /** Whether somebody has been answered from it since this was asked last. */
  takeUsed(): boolean {
    return Atomics.exchange(this.#words, USED, 0) === 1;
  }

  /** Hides the page from new readers. Returns false while a worker reads it: then it must not be written. */
  hide(hazards: Hazards): boolean {
    Atomics.store(this.#words, SHOWN, 0);
    return !hazards.has(this.number);
  }

  /** Writes a cluster without members where nobody reads; it is shown with open(). */
  begin(record: ClusterRecord): void {
    const head = new Packer(this.#bytes.subarray(HEAD_AT, TOKENS_AT));
    head.text(record.name);
    packProperties(record, head);
    Atomics.store(this.#words, SEATS, 0);
  }

  /** Whoever begins to read it now finds what has been written. */
  open(): void {
    Atomics.store(this.#words, SHOWN, 1);
  }

  /** Adds a seat; false if it does not fit, or not behind those there are. */
  add(index: number, { clientId, token }: Registration): boolean {
    const { seats } = this;
    const start = this.tokenAt(seats);
    if (seats > 0 && index <= this.indexAt(seats - 1)) return false;
    if (TOKENS_AT + start + token.length > PAGE_BYTES) return false;
    copyBytes(token, this.#bytes, TOKENS_AT + start);
    const at = wordOf(seats);
    this.#words[at + INDEX] = index;
    this.#words[at + END] = start + token.length;
    this.#words[at + ID_LENGTH] = this.#bytes.write(clientId, (at + ID) * WORD_BYTES, 'hex');
    Atomics.store(this.#words, SEATS, seats + 1);
    return true;
  }

  use(): void {
    Atomics.store(this.#words, USED, 1);
  }

  head(): NamedCluster {
    const head = new Unpacker(this.#bytes.subarray(HEAD_AT, TOKENS_AT));
    return { name: head.text(), cluster: unpackProperties(head) };
  }

  indexAt(seat: number): number {
    return this.#words[wordOf(seat) + INDEX]!;
  }

  /** Whether a seat is the client's of this ID, which has 4 bytes at least. */
  isOf(seat: number, id: Buffer): boolean {
    const at = wordOf(seat);
    if (this.#words[at + ID_LENGTH] !== id.length || this.#words[at + ID] !== id.readInt32LE()) return false;
    return this.#bytes.compare(id, 0, id.length, (at + ID) * WORD_BYTES, (at + ID) * WORD_BYTES + id.length) === 0;
  }

  /** Where the token of a seat begins, behind that of the seat before it. */
  tokenAt(seat: number): number {
    return seat === 0 ? 0 : this.#words[wordOf(seat - 1) + END]!;
  }

  /** A view of the tokens from one seat to before another. */
  tokens(seat: number, end: number): Uint8Array {
    return this.#bytes.subarray(TOKENS_AT + this.tokenAt(seat), TOKENS_AT + this.tokenAt(end));
  }
}

/** The pages of a board, and the numbers of those on which names are to be found. */
class Pages {
  readonly #pages: readonly Page[];
  readonly #names: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    const length = (memory.byteLength - HAZARDS_BYTES) / (PAGE_BYTES + WORD_BYTES);
    this.#pages = Array.from({ length }, (_, number) => new Page(memory, number));
    this.#names = new Int32Array(memory, length * PAGE_BYTES, length);
  }

  at(number: number): Page {
    return this.#pages[number]!;
  }

  /** The number of a cluster's page. The registry draws the IDs of clusters at random. */
  numberOf(id: string): number {
    return Number.parseInt(id.slice(0, 8), 16) % this.#pages.length;
  }

  /** Where the cluster of this name is, if it is shown. */
  named(name: string): Page {
    return this.at(Atomics.load(this.#names, hashOf(name) % this.#names.length));
  }

  name(name: string, number: number): void {
    Atomics.store(this.#names, hashOf(name) % this.#names.length, number);
  }
}

/** The coordinator's end: to be told of every change that is stored, in order. */
export class ClusterBoard {
  readonly #pages: Pages;
  readonly #hazards: Hazards;
  /** The cluster that is shown on each page. */
  readonly #shown: (string | undefined)[] = [];

  constructor(memory: SharedArrayBuffer) {
    this.#pages = new Pages(memory);
    this.#hazards = new Hazards(memory);
  }

  /** Follows a change that is stored. */
  follow(change: Change): void {
    switch (change.kind) {
      case 'cluster':
        // A mark may be of a cluster that has members already, which the change does not tell.
        if (change.keep) this.#hide(change.id);
        else this.#begin(change, []);
        return;
      case 'member':
        this.#seat(change);
        return;
      case 'member-removal':
        this.#hide(change.clusterId);
        return;
      case 'cluster-removal':
        this.#hide(change.id);
    }
  }

  /** Shows a cluster as it is stored, if it was not, unless its page shows one that has been asked for since the last time. */
  show({ record, seats }: Cluster): void {
    const number = this.#pages.numberOf(record.id);
    if (this.#shown[number] === record.id) return this.#pages.name(record.name, number);
    if (this.#shown[number] !== undefined && this.#pages.at(number).takeUsed()) return;
    this.#begin(record, seats);
  }

  /** Shows nothing any more. */
  clear(): void {
    for (const id of this.#shown) if (id !== undefined) this.#hide(id);
  }

  /** An ephemeral cluster lives on what the coordinator is asked, so nothing of it is shown. */
  #begin(record: ClusterRecord, members: readonly (Registration | undefined)[]): void {
    const bytes = members.reduce((sum, member) => sum + (member?.token.length ?? 0), 0);
    if (isEphemeral(record) || TOKENS_AT + bytes > PAGE_BYTES) return;
    const number = this.#pages.numberOf(record.id);
    const page = this.#pages.at(number);
    this.#shown[number] = undefined;
    if (!page.hide(this.#hazards)) return;
    page.begin(record);
    for (const [index, member] of members.entries()) if (member) page.add(index, member);
    page.open();
    this.#shown[number] = record.id;
    this.#pages.name(record.name, number);
  }

  #seat(member: MemberRecord): void {
    const number = this.#pages.numberOf(member.clusterId);
    if (this.#shown[number] !== member.clusterId) return;
    if (!this.#pages.at(number).add(member.index, member)) this.#hide(member.clusterId);
  }

  #hide(clusterId: string): void {
    const number = this.#pages.numberOf(clusterId);
    if (this.#shown[number] !== clusterId) return;
    this.#shown[number] = undefined;
    this.#pages.at(number).hide(this.#hazards);
  }
}

/** A worker's end. */
export class BoardReader {
  readonly #pages: Pages;
  readonly #hazards: Hazards;
  readonly #reader: number;

  /** `reader`, below WORKERS_MAX, is the number of one live thread at a time. */
  constructor(memory: SharedArrayBuffer, reader: number) {
    this.#pages = new Pages(memory);
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

  #pageMeant(command: Command): Page | undefined {
    if (command.kind === 'create') return this.#pages.named(command.name);
    if (command.kind !== 'get-cluster') return undefined;
    const { cluster } = command;
    return 'id' in cluster ? this.#pages.at(this.#pages.numberOf(cluster.id)) : this.#pages.named(cluster.name);
  }
}

function replyFrom(page: Page, command: Command): Reply | undefined {
  const shown = page.head();
  const { name, cluster } = shown;
  if (command.kind === 'create') return name === command.name ? { kind: 'cluster', cluster } : undefined;
  const meant = command.kind === 'get-cluster' && isMeant(shown, command.cluster);
  return meant ? rosterFrom(page, cluster, command) : undefined;
}

/** What a member may have; who is none has to be heard of by the coordinator, or his registration would expire. */
function rosterFrom(page: Page, cluster: ClusterProperties, command: GetClusterCommand): Reply | undefined {
  const { seats } = page;
  if (!hasSeat(page, seats, Buffer.from(command.clientId, 'hex'))) return undefined;
  const count = page.indexAt(seats - 1) + 1;
  const from = command.goOn?.clusterId === cluster.id ? command.goOn.from : 0;
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

function hasSeat(page: Page, seats: number, client: Buffer): boolean {
  for (let seat = 0; seat < seats; seat++) if (page.isOf(seat, client)) return true;
  return false;
}

const itself = (index: number): number => index;

function seatsByIndex(page: Page, seats: number): (index: number) => number | undefined {
  const byIndex = new Map(Array.from({ length: seats }, (_, seat) => [page.indexAt(seat), seat]));
  return (index) => byIndex.get(index);
}

/** The tokens of some seats in ascending order; those of neighbours are together already. */
function tokensOf(page: Page, seats: readonly number[], bytes: number): Uint8Array {
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

function wordOf(seat: number): number {
  return SEATS_AT + seat * SEAT_WORDS;
}

/** Whoever makes names that fall together makes the coordinator be asked for them, as it is without a board. */
function hashOf(name: string): number {
  let hash = 0;
  for (let at = 0; at < name.length; at++) hash = (Math.imul(hash, 31) + name.charCodeAt(at)) | 0;
  return hash >>> 0;
}
