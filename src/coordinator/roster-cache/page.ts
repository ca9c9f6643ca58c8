// The layout of the roster cache: pages of 64 KB, each with one cluster and its tokens, and a table of names. Invariant: a seat
// is added behind the count that readers see, and counted last.
import { CLUSTER_SIZE_MAX } from '../../limits.ts';
import type { ClusterProperties, ClusterRecord, Registration } from '../../registry/command.ts';
import { ByteReader, ByteWriter } from '../../shared-memory/byte-codec.ts';
import { copyBytes } from '../../shared-memory/copy-bytes.ts';
import { readProperties, writeProperties } from '../command-codec.ts';
import { HAZARDS_BYTES, type Hazards } from './hazards.ts';

/** Clusters that can be shown at once: each has one page, chosen by its ID, and one place to be found by name. */
const PAGES = 1_024;
/** 64 tokens of 970 bytes; a cluster that has more is not shown. What no cluster ever reaches takes no memory. */
const PAGE_BYTES = 64 * 1_024;
const WORD_BYTES = 4;

/** Words of a page: whether a cluster is shown there, whether it has been read, and its seats. */
const [SHOWN, USED, SEATS, SEATS_AT] = [0, 1, 2, 4];
/** Words of a seat: its index, where its token ends, and the ID of its client, of 33 bytes at most. */
const [INDEX, END, ID_LENGTH, ID, SEAT_WORDS] = [0, 1, 2, 3, 12];
const HEAD_AT = (SEATS_AT + CLUSTER_SIZE_MAX * SEAT_WORDS) * WORD_BYTES;
/** Behind a name of at most 128 characters, and the properties. */
const TOKENS_AT = HEAD_AT + 256;

/** Memory for a roster cache. */
export function newRosterCacheMemory(pages = PAGES): SharedArrayBuffer {
  return new SharedArrayBuffer(pages * (PAGE_BYTES + WORD_BYTES) + HAZARDS_BYTES);
}

/** What a page says of its cluster. */
export interface NamedCluster {
  readonly name: string;
  readonly cluster: ClusterProperties;
}

/** Whether a page has room for tokens of so many bytes. */
export function fits(tokenBytes: number): boolean {
  return TOKENS_AT + tokenBytes <= PAGE_BYTES;
}

/** A place for one cluster, as any thread sees it. */
export class CachePage {
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
    const head = new ByteWriter(this.#bytes.subarray(HEAD_AT, TOKENS_AT));
    head.text(record.name);
    writeProperties(record, head);
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
    if (!fits(start + token.length)) return false;
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
    const head = new ByteReader(this.#bytes.subarray(HEAD_AT, TOKENS_AT));
    return { name: head.text(), cluster: readProperties(head) };
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

/** The pages of a roster cache, and the numbers of those on which names are to be found. */
export class CachePages {
  readonly #pages: readonly CachePage[];
  readonly #names: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    const length = (memory.byteLength - HAZARDS_BYTES) / (PAGE_BYTES + WORD_BYTES);
    this.#pages = Array.from({ length }, (_, number) => new CachePage(memory, number));
    this.#names = new Int32Array(memory, length * PAGE_BYTES, length);
  }

  at(number: number): CachePage {
    return this.#pages[number]!;
  }

  /** The number of a cluster's page. The registry draws the IDs of clusters at random. */
  numberOf(id: string): number {
    return Number.parseInt(id.slice(0, 8), 16) % this.#pages.length;
  }

  /** Where the cluster of this name is, if it is shown. */
  named(name: string): CachePage {
    return this.at(Atomics.load(this.#names, hashOf(name) % this.#names.length));
  }

  name(name: string, number: number): void {
    Atomics.store(this.#names, hashOf(name) % this.#names.length, number);
  }
}

function wordOf(seat: number): number {
  return SEATS_AT + seat * SEAT_WORDS;
}

/** Whoever makes names that fall together makes the coordinator be asked for them, as it is without a roster cache. */
function hashOf(name: string): number {
  let hash = 0;
  for (let at = 0; at < name.length; at++) hash = (Math.imul(hash, 31) + name.charCodeAt(at)) | 0;
  return hash >>> 0;
}
