// Marks of the front end (Q7), on their way through the worker channels. A mark is a job of its own in each worker's
// queue; the worker passes it on behind everything that it had. The coordinator has served all of that once the mark is
// back from every worker.
import { monotonicSeconds } from '../runtime/thread-stats.ts';
import type { Coordinator } from './coordinator.ts';

/** A mark as one worker passes it on. */
export interface SentMark {
  readonly number: number;
  /** Workers that get it, of all front ends. */
  readonly workers: number;
  /** Milliseconds on the clock of monotonicSeconds(). */
  readonly sentAt: number;
}

/** First byte behind the origin; no command has this number. */
const MARK = 255;
const AT = 4;
export const MARK_BYTES = 14;

/** Encodes a mark as the bytes of a job. */
export function encodeMark({ number, workers, sentAt }: SentMark): Uint8Array {
  const bytes = Buffer.alloc(MARK_BYTES);
  bytes.writeUInt32LE(number);
  bytes.writeUInt16LE(workers, 4);
  bytes.writeDoubleLE(sentAt, 6);
  return bytes;
}

/** Writes a job's mark to a slot, in place of a command. */
export function passMark(mark: Uint8Array, slot: Buffer): void {
  slot[AT] = MARK;
  slot.set(mark.subarray(0, MARK_BYTES), AT + 1);
}

/** The mark in a slot; undefined if it has a command. */
export function markIn(slot: Buffer): SentMark | undefined {
  if (slot[AT] !== MARK) return undefined;
  return {
    number: slot.readUInt32LE(AT + 1),
    workers: slot.readUInt16LE(AT + 5),
    sentAt: slot.readDoubleLE(AT + 7),
  };
}

/**
 * Tells the coordinator of each mark that is back from every worker. A mark that a worker lost never is. Front ends send
 * it at different moments, and the earliest counts: what had arrived anywhere before it is served.
 */
export class MarkCollector {
  readonly #coordinator: Pick<Coordinator, 'marked'>;
  readonly #clock: () => number;
  #number = 0;
  #back = 0;
  #sentAt = 0;

  /** `clock` is the coordinator's, in milliseconds. */
  constructor(coordinator: Pick<Coordinator, 'marked'>, clock: () => number) {
    this.#coordinator = coordinator;
    this.#clock = clock;
  }

  /** A worker has passed a mark on, and all commands before it are served. */
  passed({ number, workers, sentAt }: SentMark): void {
    if (number < this.#number) return;
    if (number > this.#number) [this.#back, this.#sentAt] = [0, sentAt];
    this.#number = number;
    this.#sentAt = Math.min(this.#sentAt, sentAt);
    this.#back += 1;
    if (this.#back !== workers) return;
    const backAt = this.#clock();
    this.#coordinator.marked({ number, sentAt: backAt - (monotonicSeconds() * 1_000 - this.#sentAt), backAt });
  }
}
