// What has come of a Hello or a message on TCP that is not whole: when a worker looks at it again, and when the socket is
// read again. Invariant: reads and attempts grow with the logarithm of its time, in however many segments it comes.
import { SEGMENT_WAIT, SEGMENTS_AT_ONCE, SEGMENTS_OF_A_WAKE } from '../limits.ts';
import type { JobIncomplete } from '../pool/job.ts';
import { NO_SCAN } from '../pool/scan-codec.ts';

export class PartialMessage {
  /** For the next attempt: where the last one stopped. */
  scan = NO_SCAN;
  /** Whether the message has been counted, and its IV with it. */
  counted = false;
  /** Bytes looked at, and how many make another look worth while. */
  #examined = 0;
  #needed = 0;
  /** Segments that are read before the next rest. */
  #segmentsLeft = SEGMENTS_AT_ONCE;
  /** By performance.now(): when it was found partial, and its deadline. */
  #since: number | undefined;
  #until = Infinity;

  /** It has been served: the next one begins. */
  reset(): void {
    this.scan = NO_SCAN;
    this.counted = false;
    this.#examined = this.#needed = 0;
    this.#segmentsLeft = SEGMENTS_AT_ONCE;
    this.#since = undefined;
  }

  /** Notes that it is partial, with so many milliseconds to become whole; true the first time. */
  begin(milliseconds: number): boolean {
    if (this.#since !== undefined) return false;
    this.#since = performance.now();
    this.#until = this.#since + milliseconds;
    return true;
  }

  /**
   * Notes a segment; milliseconds for which the next one can wait. Depends on segments and time alone, so it tells a peer
   * nothing (E1). Near the deadline rests are short again: what is whole in time is read in time (F8).
   */
  restAfterSegment(): number {
    this.#segmentsLeft -= 1;
    if (this.#segmentsLeft > 0 || this.#since === undefined) return 0;
    this.#segmentsLeft = SEGMENTS_OF_A_WAKE;
    const now = performance.now();
    return Math.max(0, Math.min(now - this.#since, this.#until - now)) * SEGMENT_WAIT;
  }

  /**
   * Whether a worker should look at so many bytes. `last`: no more will come, so it looks whatever the hint says, and a
   * message that is dead ends like one that is not (E1).
   */
  isDue(bytes: number, last: boolean): boolean {
    return bytes > this.#examined && (last || bytes >= this.#needed);
  }

  /** A worker looks at so many bytes. */
  attempt(bytes: number): void {
    this.#examined = bytes;
  }

  /** It found no end. */
  unfinished({ scan, needed }: JobIncomplete): void {
    this.scan = scan;
    this.#needed = needed;
  }
}
