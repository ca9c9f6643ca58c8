// Reads of a source that another program may never end.

/** Reads all bytes. Rejects with RangeError, and destroys a stream, at more than `bytesMax`; else as the source does. */
export async function readBounded(
  source: AsyncIterable<Uint8Array> | readonly Uint8Array[],
  bytesMax: number,
): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of source) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes > bytesMax) throw new RangeError(`more than ${bytesMax} bytes`);
  }
  return Buffer.concat(pieces);
}
