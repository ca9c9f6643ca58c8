// The IVs of one session in the prefixed dialect, of both directions. A repeated IV is a replay or a reflection (F6).
//
// An open-addressed hash table of 64-bit digests, keyed by a secret of the session. It doubles when half full and takes
// 16 to 32 bytes an IV. BOUNDED by the messages of a session. Two different IVs collide once in 2^64 pairs.
import type { RandomBytes } from './dialect.ts';

/** Enough for a short session. V8 stores 64 bytes inside the array object, without a separate buffer. */
const FIRST_SLOTS = 8;

export class IvHistory {
  /** Two words a slot; an all-zero slot is free. */
  #slots = new Uint32Array(2 * FIRST_SLOTS);
  #count = 0;
  /** Keys of the two digests. They keep a peer from choosing IVs that collide. */
  readonly #secretLow: number;
  readonly #secretHigh: number;

  constructor(random: RandomBytes) {
    const secret = random(8);
    this.#secretLow = wordAt(secret, 0);
    this.#secretHigh = wordAt(secret, 4);
  }

  /** Adds the IV in the first 16 bytes; false if it is known already. */
  add(bytes: Uint8Array): boolean {
    const low = digest(bytes, this.#secretLow);
    // An all-zero slot means free, so no digest may be all zero.
    const high = digest(bytes, this.#secretHigh) || (low === 0 ? 1 : 0);
    if (!insert(this.#slots, low, high)) return false;
    this.#count += 1;
    if (this.#count * 4 > this.#slots.length) this.#grow();
    return true;
  }

  #grow(): void {
    const larger = new Uint32Array(this.#slots.length * 2);
    for (let at = 0; at < this.#slots.length; at += 2) {
      if (this.#slots[at] !== 0 || this.#slots[at + 1] !== 0) insert(larger, this.#slots[at]!, this.#slots[at + 1]!);
    }
    this.#slots = larger;
  }
}

/** A 32-bit digest of all bits of an IV and of the secret. */
function digest(bytes: Uint8Array, secret: number): number {
  let hash = secret;
  for (let at = 0; at < 16; at += 4) {
    hash = Math.imul(hash ^ wordAt(bytes, at), 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca77);
    hash ^= hash >>> 13;
  }
  return hash >>> 0;
}

/** Reads 32 bits, little-endian, as a signed number. */
function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** Inserts by linear probing; false if the digest is present already. */
function insert(slots: Uint32Array, low: number, high: number): boolean {
  const mask = slots.length / 2 - 1;
  for (let slot = low & mask; ; slot = (slot + 1) & mask) {
    const at = slot * 2;
    if (slots[at] === low && slots[at + 1] === high) return false;
    if (slots[at] === 0 && slots[at + 1] === 0) {
      slots[at] = low;
      slots[at + 1] = high;
      return true;
    }
  }
}
