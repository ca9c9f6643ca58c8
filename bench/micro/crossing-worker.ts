// The worker of a crossing. It does no work: it touches each frame and answers with as many bytes, in its own buffer or
// in the shared one.
import { FRAME_BYTES, type SharedBatch } from './crossing.ts';

export default function answer(batch: Uint8Array | SharedBatch): Uint8Array | number {
  if (batch instanceof Uint8Array) {
    const answer = new Uint8Array(batch.length);
    touch(batch, answer, batch.length / FRAME_BYTES);
    return answer;
  }
  const bytes = new Uint8Array(batch.shared);
  touch(bytes, bytes, batch.frames);
  return batch.frames;
}

function touch(from: Uint8Array, to: Uint8Array, frames: number): void {
  for (let at = 0; at < frames * FRAME_BYTES; at += FRAME_BYTES) to[at] = from[at]! + 1;
}
