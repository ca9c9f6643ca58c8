// Stage 1, front end, sequential: decides when a worker examines an incomplete Hello or message on TCP again, and when
// the socket is read again. Invariant: the number of reads and attempts is logarithmic in the time that a message
// takes, however many segments it comes in.
import { SEGMENT_WAIT, SEGMENTS_AT_ONCE, SEGMENTS_OF_A_WAKE } from '../limits.ts';
import type { JobIncomplete } from '../pool/job.ts';
import { NO_SCAN } from '../pool/scan-codec.ts';

export class PartialMessage {
  /** The packed scan state of the last attempt, for the next one. */
  scan = NO_SCAN;
  /** True if the message and its IV have been counted. */
  messageCounted = false;
  /** Bytes that the last attempt examined. */
  #examinedBytes = 0;
  /** Bytes below which another attempt cannot succeed. */
  #neededBytes = 0;
  /** Segments to read before the next rest. */
  #segmentsLeft = SEGMENTS_AT_ONCE;
  /** Time of performance.now() at which the message was found incomplete. */
  #since: number | undefined;
  /** Deadline of the message, on the same clock. */
  #deadline = Infinity;

  /** Starts anew for the next message, after this one has been served. */
  reset(): void {
    this.scan = NO_SCAN;
    this.messageCounted = false;
    this.#examinedBytes = this.#neededBytes = 0;
    this.#segmentsLeft = SEGMENTS_AT_ONCE;
    this.#since = undefined;
  }

  /** Records that the message is incomplete and has `milliseconds` to become whole. Returns true the first time. */
  begin(milliseconds: number): boolean {
    if (this.#since !== undefined) return false;
    this.#since = performance.now();
    this.#deadline = this.#since + milliseconds;
    return true;
  }

  /**
   * Counts a segment. Returns the milliseconds for which the next one can wait. The result depends on segments and time
   * alone, so its effect tells a peer nothing (E1). Rests shorten near the deadline: a message that
   * arrives before its deadline is also read before it (F8).
   */
  restAfterSegment(): number {
    this.#segmentsLeft -= 1;
    if (this.#segmentsLeft > 0 || this.#since === undefined) return 0;
    this.#segmentsLeft = SEGMENTS_OF_A_WAKE;
    const now = performance.now();
    return Math.max(0, Math.min(now - this.#since, this.#deadline - now)) * SEGMENT_WAIT;
  }

  /**
   * Returns whether a worker should examine the first `bytes` bytes. `last` says that no more will come. It overrides
   * the hint of the last attempt, so an invalid message ends like an incomplete one (E1).
   */
  isDue(bytes: number, last: boolean): boolean {
    return bytes > this.#examinedBytes && (last || bytes >= this.#neededBytes);
  }

  /** Records that a worker examines the first `bytes` bytes. */
  attempt(bytes: number): void {
    this.#examinedBytes = bytes;
  }

  /** Keeps the result of an attempt that found no whole message. */
  unfinished({ scan, needed }: JobIncomplete): void {
    this.scan = scan;
    this.#neededBytes = needed;
  }
}
