// A copy whose cost depends neither on alignment nor on which side is shared memory.

/** Length from which fill() is cheaper than set(), its fixed cost included. */
const LONG_BYTES = 512;

/**
 * Copies `bytes` to `target` at `at`. With set(), V8 copies shared memory word by word, and byte by byte if unaligned.
 * fill() copies at full speed.
 */
export function copyBytes(bytes: Uint8Array, target: Buffer, at: number): void {
  if (bytes.length < LONG_BYTES) target.set(bytes, at);
  else target.fill(bytes, at, at + bytes.length);
}
