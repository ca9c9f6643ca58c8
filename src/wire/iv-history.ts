// The IVs of one session in the prefixed dialect, in both directions: one seen before is a replay or a reflection (F6).
// Holds the first 8 bytes of each, in an open-addressed table that doubles when half full: 16 to 32 bytes an IV, bounded
// by the messages a session may have. Two different IVs with the same 8 bytes: once in 2^64 pairs.

const FIRST_SLOTS = 16;

export class IvHistory {
  /** Two words a slot; a slot of zeros is free. */
  #slots = new Uint32Array(2 * FIRST_SLOTS);
  #count = 0;

  /** Remembers an IV (its first 8 bytes); false if it was known already. */
  add(iv: Uint8Array): boolean {
    const low = word(iv, 0);
    // A slot of zeros means free, so an IV that begins with 8 zeros is kept as another one.
    const high = word(iv, 4) || (low === 0 ? 1 : 0);
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

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

/** Linear probing. A peer who chooses its IVs to collide makes itself slow only within its own bounded session. */
function insert(slots: Uint32Array, low: number, high: number): boolean {
  const mask = slots.length / 2 - 1;
  for (let slot = (low ^ high) & mask; ; slot = (slot + 1) & mask) {
    const at = slot * 2;
    if (slots[at] === low && slots[at + 1] === high) return false;
    if (slots[at] === 0 && slots[at + 1] === 0) {
      slots[at] = low;
      slots[at + 1] = high;
      return true;
    }
  }
}
