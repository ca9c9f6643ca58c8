// Reports repeated events once a minute and key, so that nobody fills a log by repeating a request. Loses no event.

/** Milliseconds between two reports of one key. */
const REPORT_MS = 60_000;

/** Milliseconds between two looks for keys to report or to forget, while there are keys. */
const SWEEP_MS = 5_000;

/** Events of one key since its last report. */
export interface MinuteReport<T> {
  readonly last: T;
  readonly count: number;
  /** True if there were too many keys, and the events are of several. */
  readonly isShared: boolean;
}

interface Entry<T> {
  last: T;
  unreported: number;
  reportedAt: number;
}

/** Key of the events beyond the bound. */
const SHARED = '';

export class MinuteReports<T> {
  readonly #report: (report: MinuteReport<T>) => void;
  readonly #keysMax: number;
  readonly #now: () => number;
  /** BOUNDED by `keysMax`, and one entry for all further keys. */
  readonly #entries = new Map<string, Entry<T>>();
  #sweep: NodeJS.Timeout | undefined;

  /** `now` returns milliseconds on a clock that never goes back. */
  constructor(report: (report: MinuteReport<T>) => void, keysMax: number, now: () => number) {
    this.#report = report;
    this.#keysMax = keysMax;
    this.#now = now;
  }

  /** Reports the event at once, or with the others of its minute. No key is empty. */
  add(key: string, event: T): void {
    const own = this.#entries.has(key) || this.#entries.size < this.#keysMax ? key : SHARED;
    let entry = this.#entries.get(own);
    if (!entry) {
      entry = { last: event, unreported: 0, reportedAt: Number.NEGATIVE_INFINITY };
      this.#entries.set(own, entry);
    }
    entry.last = event;
    entry.unreported += 1;
    this.#reportIfDue(own, entry);
    this.#sweep ??= setInterval(() => this.#lookAtAll(), SWEEP_MS).unref();
  }

  /** Reports what is not reported yet, at the end of the server. */
  close(): void {
    clearInterval(this.#sweep);
    for (const [key, entry] of this.#entries) if (entry.unreported > 0) this.#reportNow(key, entry);
  }

  #reportIfDue(key: string, entry: Entry<T>): void {
    if (this.#now() - entry.reportedAt >= REPORT_MS) this.#reportNow(key, entry);
  }

  #reportNow(key: string, entry: Entry<T>): void {
    const count = entry.unreported;
    entry.unreported = 0;
    entry.reportedAt = this.#now();
    this.#report({ last: entry.last, count, isShared: key === SHARED });
  }

  #lookAtAll(): void {
    for (const [key, entry] of this.#entries) {
      if (entry.unreported > 0) this.#reportIfDue(key, entry);
      else if (this.#now() - entry.reportedAt >= REPORT_MS) this.#entries.delete(key);
    }
    if (this.#entries.size > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }
}
