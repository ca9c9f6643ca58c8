// 64-bit masks of seats. A bigint operation allocates, so a mask is made and tested by its halves.

/** Tests bits of a 64-bit mask. Converts the bigint twice in all instead of once a seat. */
export function bitsOf(bits: bigint): (index: number) => boolean {
  const [low, high] = [Number(bits & 0xffff_ffffn), Number(bits >> 32n)];
  return (index) => (((index < 32 ? low : high) >>> (index % 32)) & 1) === 1;
}

/** The 64-bit mask with these bits set, each below 64. */
export function withBits(indexes: Iterable<number>): bigint {
  let [low, high] = [0, 0];
  for (const index of indexes) {
    if (index < 32) low |= 1 << index;
    else high |= 1 << (index % 32);
  }
  return high === 0 ? BigInt(low >>> 0) : (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/** The mask of the indexes below `count` for which `test` holds. */
export function bitsWhere(count: number, test: (index: number) => boolean): bigint {
  const indexes: number[] = [];
  for (let index = 0; index < count; index++) if (test(index)) indexes.push(index);
  return withBits(indexes);
}
