// Since when each check of readiness has its present result. The checks themselves have no memory, so they are sampled.

/** A check of readiness and how long it has had this result. */
export interface CheckState {
  readonly check: string;
  readonly passes: boolean;
  /** Seconds since the result changed, or since the first sample; one interval too few at most. */
  readonly seconds: number;
}

/** Milliseconds between two samples. */
const INTERVAL_MS = 1_000;

export class CheckHistory {
  readonly #read: () => Readonly<Record<string, boolean>>;
  readonly #timer: NodeJS.Timeout;
  /** BOUNDED by the checks: the result of each, and the time of its change on performance.now(). */
  readonly #states = new Map<string, { readonly passes: boolean; readonly at: number }>();

  /** Samples `checks` until `stop`. The timer keeps no process alive. */
  constructor(checks: () => Readonly<Record<string, boolean>>) {
    this.#read = checks;
    this.#sample();
    this.#timer = setInterval(() => this.#sample(), INTERVAL_MS).unref();
  }

  /** The present results. */
  get states(): CheckState[] {
    this.#sample();
    const now = performance.now();
    return [...this.#states].map(([check, { passes, at }]) => ({ check, passes, seconds: (now - at) / 1_000 }));
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    const now = performance.now();
    for (const [check, passes] of Object.entries(this.#read())) {
      if (this.#states.get(check)?.passes !== passes) this.#states.set(check, { passes, at: now });
    }
  }
}
