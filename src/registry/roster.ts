// Which members of a cluster go into one reply (R8, R9): the same wherever their tokens are kept.

/** What a cluster hands out for a roster. */
export interface Roster {
  readonly which: bigint;
  readonly next: number;
  readonly bytes: Uint8Array;
}

/** Members chosen for a reply. */
export interface ChosenMembers {
  /** In ascending order. */
  readonly indexes: readonly number[];
  /** Bit i for the member with index i. */
  readonly which: bigint;
  /** The index to begin with next time. */
  readonly next: number;
  /** Bytes of their tokens. */
  readonly bytes: number;
}

/**
 * The wanted members from index `from` on, wrapping round, as many as fit; at least one if any is wanted. `count` is one more
 * than the highest index that is taken, and `tokenBytes` tells the length of a member's token, 0 for a hole.
 */
export function chooseMembers(
  count: number,
  tokenBytes: (index: number) => number,
  wanted: bigint,
  from: number,
  bytesMax: number,
): ChosenMembers {
  const isWanted = bitsOf(wanted);
  const start = from % count;
  const fromStart: number[] = [];
  const wrapped: number[] = [];
  let bytes = 0;
  let next = 0;
  for (let step = 0; step < count; step++) {
    const index = (start + step) % count;
    const length = isWanted(index) ? tokenBytes(index) : 0;
    if (length === 0) continue;
    if (bytes > 0 && bytes + length > bytesMax) break;
    if (index < start) wrapped.push(index);
    else fromStart.push(index);
    bytes += length;
    next = (index + 1) % count;
  }
  const indexes = wrapped.length === 0 ? fromStart : [...wrapped, ...fromStart];
  return { indexes, which: withBits(indexes), next, bytes };
}

/** The pieces one behind the other; their length in all is known. */
export function joinTokens(tokens: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const token of tokens) {
    bytes.set(token, at);
    at += token.length;
  }
  return bytes;
}

/** Whether a bit of 64 is set: a bigint is asked twice, and not for each seat. */
function bitsOf(bits: bigint): (index: number) => boolean {
  const [low, high] = [Number(bits & 0xffff_ffffn), Number(bits >> 32n)];
  return (index) => (((index < 32 ? low : high) >>> (index % 32)) & 1) === 1;
}

/** The 64 bits of which these are set. */
function withBits(indexes: readonly number[]): bigint {
  let [low, high] = [0, 0];
  for (const index of indexes) {
    if (index < 32) low |= 1 << index;
    else high |= 1 << (index % 32);
  }
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}
