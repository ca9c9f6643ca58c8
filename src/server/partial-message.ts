// The message at the beginning of what a TCP peer has sent, while it is not whole: when to look at it again. Invariant: the
// number of attempts grows with the logarithm of the time the message takes, in however many segments it comes.
import { MESSAGE_ATTEMPT_WAIT, MESSAGE_ATTEMPTS_AT_ONCE } from '../limits.ts';
import type { JobIncomplete } from '../pool/job.ts';
import { NO_SCAN } from '../pool/packed-scan.ts';

export class PartialMessage {
  /** For the next attempt: where the last one stopped. */
  scan = NO_SCAN;
  /** Whether the message has been counted, and its IV with it. */
  counted = false;
  /** Bytes looked at, and how many make another look worth while. */
  #examined = 0;
  #needed = 0;
  #attempts = 0;
  /** By performance.now(): the beginning, once it was found partial, and when the next attempt is due. */
  #since: number | undefined;
  #nextAt = 0;

  /** The message has been served: the next one begins. */
  reset(): void {
    this.scan = NO_SCAN;
    this.counted = false;
    this.#examined = this.#needed = this.#attempts = 0;
    this.#since = undefined;
  }

  /** Notes that the message is partial; true the first time. */
  begin(): boolean {
    if (this.#since !== undefined) return false;
    this.#since = performance.now();
    return true;
  }

  /**
   * Milliseconds until an attempt on so many bytes is due: 0 now, Infinity if more bytes have to come. `last`: no more will
   * come in time, so there is one attempt whatever the hints say, and messages that are dead end like those that are not.
   */
  msToAttempt(bytes: number, last: boolean): number {
    if (bytes <= this.#examined) return Infinity;
    if (last) return 0;
    if (bytes < this.#needed) return Infinity;
    if (this.#attempts < MESSAGE_ATTEMPTS_AT_ONCE) return 0;
    return Math.max(0, this.#nextAt - performance.now());
  }

  /** An attempt is made on so many bytes. */
  attempt(bytes: number): void {
    this.#examined = bytes;
    this.#attempts += 1;
    if (this.#attempts < MESSAGE_ATTEMPTS_AT_ONCE) return;
    const now = performance.now();
    this.#nextAt = now + (now - (this.#since ?? now)) * MESSAGE_ATTEMPT_WAIT;
  }

  /** The attempt found no end. */
  unfinished({ scan, needed }: JobIncomplete): void {
    this.scan = scan;
    this.#needed = needed;
  }
}
