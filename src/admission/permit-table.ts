// The permits of one front end, in memory that all front ends share. The owner alone opens and closes permits. The
// others may displace one without a good Hello, and read the list of these, the oldest first.
//
//   memory = version(4) oldest(4) used(4) parker(4) pad slots
//   slot   = state(4) entry(4) next(4) previous(4) stamp(4)
//
// A state is a flag and, above it, a generation that grows when the slot is freed. So a displacement that rests on an
// old look at the slot fails. The list is a seqlock: the owner makes the version odd, changes the list, and makes it
// even. docs/explanation/concurrency.md has the memory-order argument.
import { Parker } from '../shared-memory/parker.ts';

const [VERSION, OLDEST, USED, PARKER] = [0, 1, 2, 3];
const HEAD_WORDS = 16;
const SLOT_WORDS = 5;
const [STATE, ENTRY, NEXT, PREVIOUS, STAMP] = [0, 1, 2, 3, 4];

const [FREE, UNGREETED, GREETED, DISPLACED] = [0, 1, 2, 3];
const FLAGS = 3;
const GENERATION = 4;

/** The end of the list. Slots count from 1. */
const NONE = 0;
/** `previous` of a slot that is not in the list. */
const UNLISTED = -1;

/** Attempts to read the list of another front end while it changes. Each change takes some ten nanoseconds. */
const LOOKS_MAX = 64;
/** Slots of the list that are passed because they are displaced already. */
const PASSED_MAX = 4_096;

/** A permit without a good Hello, as any thread sees it. */
export interface Ungreeted {
  readonly slot: number;
  readonly state: number;
  /** Place in the order of arrival; wraps at 2^32. */
  readonly stamp: number;
}

/** The place and the count that a closed permit held. */
export interface Held {
  /** False if another connection has taken its place. */
  readonly place: boolean;
  /** Its entry in the address table; 0 if none. */
  readonly entry: number;
}

/** Allocates memory for `slots` permits. */
export function newPermitMemory(slots: number): SharedArrayBuffer {
  return new SharedArrayBuffer((HEAD_WORDS + (1 + slots) * SLOT_WORDS) * 4);
}

export class PermitTable {
  readonly #words: Int32Array;
  readonly #slots: number;
  /** The owner parks on it until a permit of its own is displaced. */
  readonly parker: Parker;
  /** The owner's: the newest slot of the list, and the first free slot of those that were used. */
  #newest = NONE;
  #free = NONE;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#slots = (this.#words.length - HEAD_WORDS) / SLOT_WORDS - 1;
    this.parker = new Parker(memory, PARKER * 4);
  }

  /** Owner: opens a permit. Returns its slot; undefined if all are in use. */
  open(stamp: number): number | undefined {
    const slot = this.#takeSlot();
    if (slot === undefined) return undefined;
    const at = wordOf(slot);
    this.#set(at + ENTRY, 0);
    this.#set(at + STAMP, stamp);
    this.#set(at + STATE, (this.#get(at + STATE) & ~FLAGS) | UNGREETED);
    this.#append(slot);
    return slot;
  }

  /** Owner: records the entry of the address table in which the permit counts. */
  setEntry(slot: number, entry: number): void {
    this.#set(wordOf(slot) + ENTRY, entry);
  }

  /** Owner: records a good Hello. Returns false if the permit has been displaced. */
  greet(slot: number): boolean {
    const at = wordOf(slot);
    const state = this.#get(at + STATE);
    if ((state & FLAGS) !== UNGREETED) return false;
    if (!this.#exchange(at + STATE, state, (state & ~FLAGS) | GREETED)) return false;
    this.#unlist(slot);
    return true;
  }

  /** Owner: closes a permit. */
  close(slot: number): Held {
    const held = this.#release(slot);
    this.#unlist(slot);
    this.#set(wordOf(slot) + NEXT, this.#free);
    this.#free = slot;
    return held;
  }

  /** Owner: takes the next displaced permit from the list. Undefined if there is none. */
  nextDisplaced(): number | undefined {
    const slot = this.#get(OLDEST);
    if (slot === NONE || (this.#get(wordOf(slot) + STATE) & FLAGS) !== DISPLACED) return undefined;
    this.#unlist(slot);
    return slot;
  }

  /** Any thread: the oldest permit without a good Hello. Undefined if there is none, or the list keeps changing. */
  get oldest(): Ungreeted | undefined {
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
      const version = this.#get(VERSION);
      if (version % 2 !== 0) continue;
      let slot = this.#get(OLDEST);
      let state = FREE;
      for (let passed = 0; slot !== NONE && passed < PASSED_MAX; passed++) {
        state = this.#get(wordOf(slot) + STATE);
        if ((state & FLAGS) === UNGREETED) break;
        slot = this.#get(wordOf(slot) + NEXT);
      }
      const stamp = this.#get(wordOf(slot) + STAMP);
      if (this.#get(VERSION) !== version) continue;
      return slot !== NONE && (state & FLAGS) === UNGREETED ? { slot, state, stamp } : undefined;
    }
    return undefined;
  }

  /** Any thread: takes the place of a permit. Returns false if it has been greeted, closed or displaced meanwhile. */
  displace({ slot, state }: Ungreeted): boolean {
    if (!this.#exchange(wordOf(slot) + STATE, state, (state & ~FLAGS) | DISPLACED)) return false;
    this.parker.unpark();
    return true;
  }

  /** Releases all permits of a dead owner, whose thread must run no more code. Returns what each held. */
  reclaim(): Held[] {
    const held: Held[] = [];
    for (let slot = 1; slot <= this.#get(USED); slot++) {
      if ((this.#get(wordOf(slot) + STATE) & FLAGS) !== FREE) held.push(this.#release(slot));
    }
    this.#set(OLDEST, NONE);
    this.#set(USED, 0);
    // Even again, if the owner died in a change.
    this.#set(VERSION, (this.#get(VERSION) + 2) & ~1);
    return held;
  }

  #takeSlot(): number | undefined {
    const slot = this.#free;
    if (slot !== NONE) {
      this.#free = this.#get(wordOf(slot) + NEXT);
      return slot;
    }
    const used = this.#get(USED);
    if (used === this.#slots) return undefined;
    this.#set(USED, used + 1);
    return used + 1;
  }

  /** Frees a slot in one exchange, so that either this call or a displacement gets its place. */
  #release(slot: number): Held {
    const at = wordOf(slot);
    const entry = this.#get(at + ENTRY);
    this.#set(at + ENTRY, 0);
    for (;;) {
      const state = this.#get(at + STATE);
      const free = ((state & ~FLAGS) + GENERATION) | 0;
      if (this.#exchange(at + STATE, state, free | FREE)) return { place: (state & FLAGS) !== DISPLACED, entry };
    }
  }

  #append(slot: number): void {
    const at = wordOf(slot);
    this.#set(at + NEXT, NONE);
    this.#set(at + PREVIOUS, this.#newest);
    this.#beginChange();
    this.#set(this.#newest === NONE ? OLDEST : wordOf(this.#newest) + NEXT, slot);
    this.#endChange();
    this.#newest = slot;
  }

  #unlist(slot: number): void {
    const at = wordOf(slot);
    const [next, previous] = [this.#get(at + NEXT), this.#get(at + PREVIOUS)];
    if (previous === UNLISTED) return;
    this.#beginChange();
    this.#set(previous === NONE ? OLDEST : wordOf(previous) + NEXT, next);
    this.#endChange();
    if (next === NONE) this.#newest = previous;
    else this.#set(wordOf(next) + PREVIOUS, previous);
    this.#set(at + PREVIOUS, UNLISTED);
  }

  #beginChange(): void {
    this.#set(VERSION, (this.#get(VERSION) + 1) | 0);
  }

  #endChange(): void {
    this.#set(VERSION, (this.#get(VERSION) + 1) | 0);
  }

  #get(word: number): number {
    return Atomics.load(this.#words, word);
  }

  #set(word: number, value: number): void {
    Atomics.store(this.#words, word, value);
  }

  #exchange(word: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.#words, word, from, to) === from;
  }
}

function wordOf(slot: number): number {
  return HEAD_WORDS + slot * SLOT_WORDS;
}
