// Stage 1, front end, sequential: the one deadline of a connection (F8).

export class Deadline<End> {
  readonly #onPassed: (end: End) => void;
  #timer: NodeJS.Timeout | undefined;
  #milliseconds = 0;
  #end: End | undefined;
  #passed: End | undefined;

  /** `onPassed` is called with the `end` of the deadline that has passed. */
  constructor(onPassed: (end: End) => void) {
    this.#onPassed = onPassed;
  }

  /** The `end` of the deadline that has passed. Undefined before that, and again after `arm` or `forgive`. */
  get passed(): End | undefined {
    return this.#passed;
  }

  /** Replaces the deadline by one that passes after `milliseconds`. */
  arm(milliseconds: number, end: End): void {
    this.#passed = undefined;
    this.#end = end;
    // Most deadlines are as long as the one before. To refresh a timer costs a tenth of a new one.
    if (this.#timer && this.#milliseconds === milliseconds) {
      this.#timer.refresh();
      return;
    }
    clearTimeout(this.#timer);
    this.#milliseconds = milliseconds;
    this.#timer = setTimeout(() => {
      this.#passed = this.#end;
      this.#onPassed(this.#end!);
    }, milliseconds);
  }

  /** Stops the timer until the next `arm`. */
  disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#passed = undefined;
  }

  /** Forgets that the deadline has passed: the message turned out to be whole. */
  forgive(): void {
    this.#passed = undefined;
  }

  /** Stops the timer for good. */
  clear(): void {
    clearTimeout(this.#timer);
  }
}
