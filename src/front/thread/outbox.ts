// Batches that a front end in its own thread sends to the main thread: lines of the log, and refusals of limits.
import type { Limit } from '../../admission/limit-ledger.ts';
import { FRONT_LOG_LINES_MAX, LEDGER_ADDRESSES_MAX } from '../../limits.ts';
import type { FrontReport, Refusals } from './messages.ts';

/** Milliseconds that a batch may wait. */
const BATCH_MS = 20;

export class Outbox {
  readonly #post: (report: FrontReport) => void;
  /** BOUNDED by FRONT_LOG_LINES_MAX: a full batch leaves at once. */
  #lines: string[] = [];
  /** BOUNDED by LEDGER_ADDRESSES_MAX for each limit. Refusals of later addresses count in all only. */
  readonly #refused = new Map<Limit, Map<string | undefined, number>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(post: (report: FrontReport) => void) {
    this.#post = post;
  }

  /** Takes a line of the log. */
  write(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length >= FRONT_LOG_LINES_MAX) this.flush();
    else this.#flushLater();
  }

  /** Counts a refusal of a limit. */
  refused(limit: Limit, address: string | undefined): void {
    const counts = this.#refused.get(limit) ?? new Map<string | undefined, number>();
    this.#refused.set(limit, counts);
    const counted = counts.has(address) || counts.size < LEDGER_ADDRESSES_MAX ? address : undefined;
    counts.set(counted, (counts.get(counted) ?? 0) + 1);
    this.#flushLater();
  }

  /** Sends what waits. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#lines.length > 0) this.#post({ kind: 'log', lines: this.#lines });
    this.#lines = [];
    const refusals: Refusals[] = [...this.#refused].flatMap(([limit, counts]) =>
      [...counts].map(([address, count]) => [limit, address, count] as const),
    );
    this.#refused.clear();
    if (refusals.length > 0) this.#post({ kind: 'refused', refusals });
  }

  #flushLater(): void {
    this.#timer ??= setTimeout(() => this.flush(), BATCH_MS);
  }
}
