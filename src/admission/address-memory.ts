// The memory of the address table, which all front ends share, and the place of an address in it.
//
//   memory = sets(4) ways(4) size(4) pad(4) seeds locks states keys(high, low) hellos
//
// An entry has a state, a key of 64 bits and a word of its bucket of Hellos. Entries are numbered from 1 on: own entries
// set by set, then the shared ones. A state is EMPTY, CHANGING, or UNUSED plus the number of connections.
import { randomFillSync } from 'node:crypto';
import { ADDRESS_WAYS, ADDRESSES_MAX, SHARED_ADDRESS_ENTRIES } from '../limits.ts';

const [SETS, WAYS, SIZE] = [0, 1, 2];
const HEAD_BYTES = 16;
const KEY_BYTES = 8;
/** A random word for each value of each byte of a key. */
const SEEDS = KEY_BYTES * 256;

export const [EMPTY, CHANGING, UNUSED] = [0, 1, 2];
/** The first word of keys of IPv4 addresses. An IPv6 address that begins so is a multicast group, never a peer. */
const IPV4 = 0xffff_ffff | 0;

/** An address as a key: two words. */
export interface AddressKey {
  readonly high: number;
  readonly low: number;
}

/** A thread's view. */
export class AddressMemory {
  readonly ways: number;
  /** Number of entries that belong to one address each. */
  readonly own: number;
  /** Number of all entries. */
  readonly entries: number;
  readonly #head: Int32Array;
  readonly #seeds: Int32Array;
  /** By set: 0, or 1 plus the front end that gives an entry of the set to another address. */
  readonly locks: Int32Array;
  /** By entry, like those below. Place 0 is unused. */
  readonly states: Int32Array;
  readonly #keys: Int32Array;
  readonly hellos: BigInt64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#head = new Int32Array(memory, 0, HEAD_BYTES / 4);
    const [sets, ways] = [this.#head[SETS]!, this.#head[WAYS]!];
    this.ways = ways;
    this.own = sets * ways;
    this.entries = this.own + SHARED_ADDRESS_ENTRIES;
    const { seeds, locks, states, keys, hellos } = layoutOf(sets, ways);
    this.#seeds = new Int32Array(memory, seeds, SEEDS);
    this.locks = new Int32Array(memory, locks, sets);
    this.states = new Int32Array(memory, states, 1 + this.entries);
    this.#keys = new Int32Array(memory, keys, 2 * (1 + this.own));
    this.hellos = new BigInt64Array(memory, hellos, 1 + this.entries);
  }

  /** Number of own entries that an address has. */
  get size(): number {
    return Atomics.load(this.#head, SIZE);
  }

  /** Changes `size`. */
  resize(change: number): void {
    Atomics.add(this.#head, SIZE, change);
  }

  /** The set of a key. Nobody outside can choose it, because the seeds are secret. */
  setOf(key: AddressKey): number {
    return (this.#hash(key) >>> 0) % this.locks.length;
  }

  /** The shared entry of a key. */
  sharedEntryOf(key: AddressKey): number {
    return this.own + 1 + (Math.floor((this.#hash(key) >>> 0) / this.locks.length) % SHARED_ADDRESS_ENTRIES);
  }

  /** True if an own entry has this key at the moment. */
  hasKey(entry: number, { high, low }: AddressKey): boolean {
    return Atomics.load(this.#keys, 2 * entry) === high && Atomics.load(this.#keys, 2 * entry + 1) === low;
  }

  /** Gives an entry to another address. Its state must be CHANGING. */
  setKey(entry: number, { high, low }: AddressKey): void {
    Atomics.store(this.#keys, 2 * entry, high);
    Atomics.store(this.#keys, 2 * entry + 1, low);
    Atomics.store(this.hellos, entry, 0n);
  }

  /** Unlocks the sets that a dead front end has left locked. Its thread must run no more code. */
  recover(front: number): void {
    for (let set = 0; set < this.locks.length; set++) {
      if (Atomics.load(this.locks, set) !== 1 + front) continue;
      for (let entry = 1 + set * this.ways; entry <= (set + 1) * this.ways; entry++) {
        if (Atomics.load(this.states, entry) !== CHANGING) continue;
        this.resize(-1);
        Atomics.store(this.states, entry, EMPTY);
      }
      Atomics.store(this.locks, set, 0);
    }
  }

  /** Tabulation hashing: a table of random words for each byte. */
  #hash({ high, low }: AddressKey): number {
    const seeds = this.#seeds;
    let hash = 0;
    for (let byte = 0; byte < 4; byte++) {
      hash ^= seeds[byte * 256 + ((high >>> (8 * byte)) & 255)]!;
      hash ^= seeds[(byte + 4) * 256 + ((low >>> (8 * byte)) & 255)]!;
    }
    return hash;
  }
}

/** Allocates an empty table of `sets` with `ways` entries each. */
export function newAddressMemory(sets = ADDRESSES_MAX / ADDRESS_WAYS, ways = ADDRESS_WAYS): SharedArrayBuffer {
  const { seeds, states, end } = layoutOf(sets, ways);
  const memory = new SharedArrayBuffer(end);
  const head = new Int32Array(memory, 0, HEAD_BYTES / 4);
  [head[SETS], head[WAYS]] = [sets, ways];
  new Uint8Array(memory, seeds, 4 * SEEDS).set(randomFillSync(new Uint8Array(4 * SEEDS)));
  new Int32Array(memory, states + 4 * (1 + sets * ways), SHARED_ADDRESS_ENTRIES).fill(UNUSED);
  return memory;
}

function layoutOf(sets: number, ways: number) {
  const [own, entries] = [sets * ways, sets * ways + SHARED_ADDRESS_ENTRIES];
  const seeds = HEAD_BYTES;
  const locks = seeds + 4 * SEEDS;
  const states = locks + 4 * sets;
  const keys = states + 4 * (1 + entries);
  const hellos = Math.ceil((keys + 8 * (1 + own)) / 8) * 8;
  return { seeds, locks, states, keys, hellos, end: hellos + 8 * (1 + entries) };
}

/** The key of a unit of limits, as addressHolder() spells it: an IPv4 address, or the /64 of an IPv6 address. */
export function keyOf(holder: string): AddressKey {
  if (!holder.includes(':')) {
    let low = 0;
    for (const part of holder.split('.')) low = (low << 8) | Number(part);
    return { high: IPV4, low };
  }
  const [a, b, c, d] = holder.split(':', 4).map((group) => Number.parseInt(group, 16)) as [
    number,
    number,
    number,
    number,
  ];
  return { high: (a << 16) | b, low: (c << 16) | d };
}
