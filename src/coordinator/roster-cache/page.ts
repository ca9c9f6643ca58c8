// The layout of the roster cache: pages of 160 KB, each with one cluster and its tokens, and a hash table of names. The
// tokens of all members are one run of bytes, as readers of the RSA dialects get them. The same tokens with their fields
// 32 to 35 are another run, as readers of the sealed dialect get them; it is written once a token has such fields, since
// the runs are the same before. Invariant: a seat is written beyond the count that readers load, and the count is stored
// last. The roster state of sealed readers is a seqlock, and says for how many seats it holds.
import { CLUSTER_SIZE_MAX } from '../../limits.ts';
import type { ClusterProperties, ClusterRecord, Registration } from '../../registry/command.ts';
import { joinWholeTokens, wholeTokenBytes } from '../../registry/roster.ts';
import { ByteReader, ByteWriter } from '../../shared-memory/byte-codec.ts';
import { copyBytes } from '../../shared-memory/copy-bytes.ts';
import { readProperties, writeProperties } from '../command-codec.ts';
import { HAZARDS_BYTES, type Hazards } from './hazards.ts';

/**
 * Clusters that can be published at once: 160 MB of address space. A cluster's ID selects its page, its name an entry of
 * the hash table.
 */
const PAGES = 1_024;
/**
 * Room for 64 tokens of 970 bytes, and for as many with 512 bytes of further fields; a larger cluster is not published.
 * The OS never commits untouched pages.
 */
const WHOLE_AT = 64 * 1_024;
const PAGE_BYTES = 160 * 1_024;
const WORD_BYTES = 4;
const HASH_BYTES = 32;
const TWO_32 = 2 ** 32;

/**
 * Words of a page: whether it is published, whether it was read lately, the count of seats, the sequence of the roster
 * state, that state, the first seat.
 */
const [PUBLISHED, USED, SEATS, STATE_SEQ, STATE_AT, SEATS_AT] = [0, 1, 2, 3, 4, 20];
/** Words of the roster state: the seats that it is of, version, epoch and roster hash. Numbers have two words. */
const [STATE_SEATS, VERSION, EPOCH, HASH, STATE_WORDS] = [0, 1, 3, 5, 13];
/** Words of a seat: its index, the end of its token in each run, the length of the client's ID, that ID. */
const [INDEX, END, ID_LENGTH, ID, WHOLE_END, SEAT_WORDS] = [0, 1, 2, 3, 11, 12];
const HEAD_AT = (SEATS_AT + CLUSTER_SIZE_MAX * SEAT_WORDS) * WORD_BYTES;
/** The head before it holds a name of at most 128 characters and the properties. */
const TOKENS_AT = HEAD_AT + 256;

/** Memory for a roster cache with so many pages. */
export function newRosterCacheMemory(pages = PAGES): SharedArrayBuffer {
  return new SharedArrayBuffer(pages * (PAGE_BYTES + WORD_BYTES) + HAZARDS_BYTES);
}

/** The head of a cache page. */
export interface NamedCluster {
  readonly name: string;
  readonly cluster: ClusterProperties;
  /** The History that versions belong to, hex (V1). */
  readonly history: string;
}

/** The state that a roster for a reader of the sealed dialect belongs to. */
export interface PageState {
  readonly version: number;
  readonly epoch: number;
  /** 32 bytes. */
  readonly rosterHash: Uint8Array;
}

/** True if a page has room for so many bytes of tokens without and with their further fields. */
export function fits(tokenBytes: number, wholeBytes: number): boolean {
  return TOKENS_AT + tokenBytes <= WHOLE_AT && WHOLE_AT + wholeBytes <= PAGE_BYTES;
}

/** A run of tokens in a page: `tokens` without fields 32 to 35, `whole` with them. */
export type TokenRun = 'tokens' | 'whole';

/** A thread's view of the page of one cluster. */
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

  /** The load acquires everything that was written before publish(). */
  get isPublished(): boolean {
    return Atomics.load(this.#words, PUBLISHED) === 1;
  }

  /** The count of seats. The load acquires the seats below it. */
  get seats(): number {
    return Atomics.load(this.#words, SEATS);
  }

  /** True if a reader has used the page since the last call. */
  takeUsed(): boolean {
    return Atomics.exchange(this.#words, USED, 0) === 1;
  }

  /** Hides the page from new readers. Returns false while a worker reads it; the page must not be written then. */
  hide(hazards: Hazards): boolean {
    Atomics.store(this.#words, PUBLISHED, 0);
    return !hazards.has(this.number);
  }

  /** Writes a cluster without seats to a hidden page that no worker reads. publish() shows it to readers. */
  begin(record: ClusterRecord, history: string): void {
    const head = new ByteWriter(this.#bytes.subarray(HEAD_AT, TOKENS_AT));
    head.text(record.name);
    writeProperties(record, head);
    head.hex(history);
    this.#words[STATE_AT + STATE_SEATS] = 0;
    Atomics.store(this.#words, SEATS, 0);
  }

  /** Writes the roster state of the present seats. Readers that meet the write go to the coordinator. */
  setState({ version, epoch, rosterHash }: PageState): void {
    const words = this.#words;
    const hash = new DataView(rosterHash.buffer, rosterHash.byteOffset, rosterHash.length);
    Atomics.add(words, STATE_SEQ, 1);
    Atomics.store(words, STATE_AT + STATE_SEATS, this.seats);
    for (const [place, number] of [
      [VERSION, version],
      [EPOCH, epoch],
    ] as const) {
      Atomics.store(words, STATE_AT + place, number % TWO_32);
      Atomics.store(words, STATE_AT + place + 1, Math.floor(number / TWO_32));
    }
    for (let word = 0; word < STATE_WORDS - HASH; word++) {
      Atomics.store(words, STATE_AT + HASH + word, hash.getInt32(word * WORD_BYTES, true));
    }
    Atomics.add(words, STATE_SEQ, 1);
  }

  /** Sends readers of the roster state to the coordinator. */
  dropState(): void {
    Atomics.add(this.#words, STATE_SEQ, 1);
    Atomics.store(this.#words, STATE_AT + STATE_SEATS, 0);
    Atomics.add(this.#words, STATE_SEQ, 1);
  }

  /** The roster state of so many seats, which is at least 1; undefined if the page has another. */
  stateOf(seats: number): PageState | undefined {
    const words = this.#words;
    const seq = Atomics.load(words, STATE_SEQ);
    if (seq % 2 !== 0 || Atomics.load(words, STATE_AT + STATE_SEATS) !== seats) return undefined;
    const number = (place: number) =>
      (Atomics.load(words, STATE_AT + place) >>> 0) + Atomics.load(words, STATE_AT + place + 1) * TWO_32;
    const state = { version: number(VERSION), epoch: number(EPOCH), rosterHash: Buffer.alloc(HASH_BYTES) };
    for (let word = 0; word < STATE_WORDS - HASH; word++) {
      state.rosterHash.writeInt32LE(Atomics.load(words, STATE_AT + HASH + word), word * WORD_BYTES);
    }
    return Atomics.load(words, STATE_SEQ) === seq ? state : undefined;
  }

  /** Releases everything written before to new readers. */
  publish(): void {
    Atomics.store(this.#words, PUBLISHED, 1);
  }

  /** Appends a seat. Returns false if there is no room or the index is not above the last one. */
  add(index: number, { clientId, token, sealed }: Registration): boolean {
    const { seats } = this;
    const [start, wholeStart] = [this.tokenAt('tokens', seats), this.tokenAt('whole', seats)];
    if (seats > 0 && index <= this.indexAt(seats - 1)) return false;
    const wholeLength = wholeTokenBytes(token, sealed);
    if (!fits(start + token.length, wholeStart + wholeLength)) return false;
    copyBytes(token, this.#bytes, TOKENS_AT + start);
    if (sealed?.length && start === wholeStart) copyBytes(this.tokens('tokens', 0, seats), this.#bytes, WHOLE_AT);
    if (sealed?.length || start !== wholeStart) {
      copyBytes(joinWholeTokens([[token, sealed]], wholeLength), this.#bytes, WHOLE_AT + wholeStart);
    }
    const at = wordOf(seats);
    this.#words[at + INDEX] = index;
    this.#words[at + END] = start + token.length;
    this.#words[at + WHOLE_END] = wholeStart + wholeLength;
    this.#words[at + ID_LENGTH] = this.#bytes.write(clientId, (at + ID) * WORD_BYTES, 'hex');
    Atomics.store(this.#words, SEATS, seats + 1);
    return true;
  }

  /** Marks the page as read lately. */
  use(): void {
    Atomics.store(this.#words, USED, 1);
  }

  head(): NamedCluster {
    const head = new ByteReader(this.#bytes.subarray(HEAD_AT, TOKENS_AT));
    return { name: head.text(), cluster: readProperties(head), history: head.hex() };
  }

  indexAt(seat: number): number {
    return this.#words[wordOf(seat) + INDEX]!;
  }

  /** True if the client of this ID has the seat. An ID has at least 4 bytes. */
  isOf(seat: number, id: Buffer): boolean {
    const at = wordOf(seat);
    if (this.#words[at + ID_LENGTH] !== id.length || this.#words[at + ID] !== id.readInt32LE()) return false;
    return this.#bytes.compare(id, 0, id.length, (at + ID) * WORD_BYTES, (at + ID) * WORD_BYTES + id.length) === 0;
  }

  /** Offset of a seat's token in a run, which is the end of the token before it. */
  tokenAt(run: TokenRun, seat: number): number {
    return seat === 0 ? 0 : this.#words[wordOf(seat - 1) + (run === 'tokens' ? END : WHOLE_END)]!;
  }

  /** A view of the tokens of the seats from `seat` to before `end`. */
  tokens(run: TokenRun, seat: number, end: number): Uint8Array {
    const isPlain = this.tokenAt('whole', end) === this.tokenAt('tokens', end);
    const at = run === 'tokens' || isPlain ? TOKENS_AT : WHOLE_AT;
    return this.#bytes.subarray(at + this.tokenAt(run, seat), at + this.tokenAt(run, end));
  }
}

/** The pages of a roster cache, and the hash table from names to page numbers. */
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

  /** The number of a cluster's page. Cluster IDs are random, so their first bytes serve as the hash. */
  numberOf(id: string): number {
    return Number.parseInt(id.slice(0, 8), 16) % this.#pages.length;
  }

  /** The page that the cluster of this name is on, if it is published. The caller compares the name. */
  named(name: string): CachePage {
    return this.at(Atomics.load(this.#names, hashOf(name) % this.#names.length));
  }

  /** Records the page of a name; a colliding name loses its entry. */
  name(name: string, number: number): void {
    Atomics.store(this.#names, hashOf(name) % this.#names.length, number);
  }
}

function wordOf(seat: number): number {
  return SEATS_AT + seat * SEAT_WORDS;
}

/** A hash collision costs one round trip to the coordinator, so the hash needs no key against chosen names. */
function hashOf(name: string): number {
  let hash = 0;
  for (let at = 0; at < name.length; at++) hash = (Math.imul(hash, 31) + name.charCodeAt(at)) | 0;
  return hash >>> 0;
}
