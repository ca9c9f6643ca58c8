// A ring buffer of changes that one thread posts and others read, from any place that the reader has noted before. A
// reader that is too slow learns that it missed entries. docs/explanation/concurrency.md has the memory-order argument.
//
//   memory = head(4) readers(4) pad(8) reader* entries
//   reader = parked(4) parker(4) pad(8)
//   entry  = key high(4) key low and flags(4) version(4) pad(4)
import { strict as assert } from 'node:assert';
import { CHANGE_RING_PLACES } from '../limits.ts';
import { Parker } from './parker.ts';

const WORD_BYTES = 4;
const [HEAD, READERS] = [0, 1];
const HEAD_WORDS = 4;
const [PARKED, PARKER] = [0, 1];
const READER_WORDS = 4;
const ENTRY_WORDS = 4;
const COMPLETE = 1 << 16;
const GONE = 1 << 17;

/** Digits of a cluster ID in its key: 48 random bits. Clusters of one key only wake each other's waiters. */
const KEY_DIGITS = 12;

/** A change of a cluster, as it wakes those who wait. */
export interface PostedChange {
  /** From clusterKey(). */
  readonly cluster: number;
  readonly version: number;
  /** True if waits for completion end, too: the cluster is complete, or a round began. */
  readonly complete: boolean;
  /** True if the cluster is gone: every wait ends. */
  readonly gone: boolean;
}

/** Changes since a place, or `missed` if the ring no longer has them all. */
export type ReadChanges = readonly PostedChange[] | 'missed';

/** The key of a cluster in the ring. IDs of clusters are random. */
export function clusterKey(id: string): number {
  return Number.parseInt(id.slice(0, KEY_DIGITS), 16);
}

/** True if a change ends a wait for a later version than `version`. Versions differ by less than 2^31. */
export function endsWait(change: PostedChange, version: number, until: 'change' | 'complete'): boolean {
  if (change.gone) return true;
  return until === 'complete' ? change.complete : ((change.version - version) | 0) > 0;
}

/** Memory for one ring. `places` is a power of two. */
export function newChangeRing(places = CHANGE_RING_PLACES, readers = 1): SharedArrayBuffer {
  const words = HEAD_WORDS + readers * READER_WORDS + places * ENTRY_WORDS;
  const memory = new SharedArrayBuffer(words * WORD_BYTES);
  new Int32Array(memory)[READERS] = readers;
  return memory;
}

/** A thread's view of the ring. One thread posts; each reader is one thread. */
export class ChangeRing {
  readonly #words: Int32Array;
  readonly #entriesAt: number;
  readonly #places: number;
  readonly #parkedAt: number;
  readonly #parkers: readonly Parker[];
  /** This reader parks on it. */
  readonly parker: Parker;

  /** `reader` is the number of this view's reader; the poster's does not matter. */
  constructor(memory: SharedArrayBuffer, reader = 0) {
    this.#words = new Int32Array(memory);
    const readers = this.#words[READERS]!;
    this.#entriesAt = HEAD_WORDS + readers * READER_WORDS;
    this.#places = (this.#words.length - this.#entriesAt) / ENTRY_WORDS;
    assert(Number.isInteger(Math.log2(this.#places)), 'the number of places is a power of two');
    this.#parkedAt = parkedWordOf(reader);
    const parkerOf = (_: unknown, of: number) => new Parker(memory, (parkedWordOf(of) + PARKER) * WORD_BYTES);
    this.#parkers = Array.from({ length: readers }, parkerOf);
    this.parker = this.#parkers[reader]!;
  }

  /** The place behind the last change. The load acquires all changes before it. */
  get head(): number {
    return Atomics.load(this.#words, HEAD);
  }

  /** Posts a change. Overwrites the oldest one. wake() must follow. */
  post({ cluster, version, complete, gone }: PostedChange): void {
    const head = this.head;
    const at = this.#entryAt(head);
    const flags = (complete ? COMPLETE : 0) | (gone ? GONE : 0);
    Atomics.store(this.#words, at, Math.floor(cluster / 0x1_0000) | 0);
    Atomics.store(this.#words, at + 1, (cluster % 0x1_0000) | flags);
    Atomics.store(this.#words, at + 2, version | 0);
    Atomics.store(this.#words, HEAD, (head + 1) | 0);
  }

  /** Makes every reader miss changes, so that it wakes everybody. wake() must follow. */
  skip(): void {
    Atomics.store(this.#words, HEAD, (this.head + this.#places) | 0);
  }

  /** Unparks each reader with a parked connection. */
  wake(): void {
    for (let reader = 0; reader < this.#parkers.length; reader++) {
      if (this.#isParked(reader)) this.#parkers[reader]!.unpark();
    }
  }

  /** True if a reader has a parked connection. */
  get isParked(): boolean {
    return this.#parkers.some((_, reader) => this.#isParked(reader));
  }

  /** Tells the poster whether this reader has a parked connection. It must be called before the last look at the ring. */
  setParked(parked: boolean): void {
    Atomics.store(this.#words, this.#parkedAt, parked ? 1 : 0);
  }

  /** Returns the changes from a place to `head`, which is a present or an earlier one. */
  since(place: number, head = this.head): ReadChanges {
    const count = (head - place) | 0;
    if (count >= this.#places || count < 0) return 'missed';
    const changes = Array.from({ length: count }, (_, step) => this.#read((place + step) | 0));
    // The poster may have begun to overwrite the entry at `place` once the head is a whole ring ahead.
    return ((this.head - place) | 0) >= this.#places ? 'missed' : changes;
  }

  #read(place: number): PostedChange {
    const at = this.#entryAt(place);
    const low = Atomics.load(this.#words, at + 1);
    return {
      cluster: (Atomics.load(this.#words, at) >>> 0) * 0x1_0000 + (low & 0xffff),
      version: Atomics.load(this.#words, at + 2),
      complete: (low & COMPLETE) !== 0,
      gone: (low & GONE) !== 0,
    };
  }

  #isParked(reader: number): boolean {
    return Atomics.load(this.#words, parkedWordOf(reader)) === 1;
  }

  #entryAt(place: number): number {
    return this.#entriesAt + (place & (this.#places - 1)) * ENTRY_WORDS;
  }
}

function parkedWordOf(reader: number): number {
  return HEAD_WORDS + reader * READER_WORDS + PARKED;
}
