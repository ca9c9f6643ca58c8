// Whether the pool's workers still answer. One probe at a time, however often it is asked for, and none anew while one is
// unanswered: nothing piles up in front of a pool that is stuck.

/** A probe that takes longer says that the pool is not alive; a batch takes milliseconds. */
const ANSWER_TIMEOUT_MS = 2_000;

/** An answer that is not older is given again. */
const FRESH_MS = 1_000;

export class PoolProbe {
  readonly #ask: () => Promise<void>;
  readonly #timeoutMs: number;
  #askedAt = Number.NEGATIVE_INFINITY;
  /** The last probe; settled if `#pending` is false. */
  #answer: Promise<boolean> = Promise.resolve(false);
  #pending = false;

  /** `ask` resolves when every worker has answered. */
  constructor(ask: () => Promise<void>, timeoutMs = ANSWER_TIMEOUT_MS) {
    this.#ask = ask;
    this.#timeoutMs = timeoutMs;
  }

  async alive(): Promise<boolean> {
    if (!this.#pending && performance.now() - this.#askedAt > FRESH_MS) this.#begin();
    const left = this.#askedAt + this.#timeoutMs - performance.now();
    let timeout: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timeout = setTimeout(() => resolve(false), Math.max(0, left));
    });
    return await Promise.race([this.#answer, late]).finally(() => clearTimeout(timeout));
  }

  #begin(): void {
    this.#pending = true;
    this.#askedAt = performance.now();
    this.#answer = this.#ask()
      .then(
        () => true,
        () => false,
      )
      .finally(() => {
        this.#pending = false;
      });
  }
}
