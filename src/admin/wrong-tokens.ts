// Wrong admin tokens of each address: slows them, and reports refused logins, one report an address and minute. The
// rate protects log and CPU; what protects a token is its 256 bits. So a right token is never refused for its address.
import { addressHolder } from '../admission/ip-address.ts';
import { WRONG_TOKEN_ADDRESSES_MAX, WRONG_TOKEN_BURST, WRONG_TOKEN_MS } from '../limits.ts';

/** Milliseconds between two reports of one address. */
const REPORT_MS = 60_000;

/** Milliseconds between two looks for entries to report or to forget, while there are entries. */
const SWEEP_MS = 5_000;

/** Refused logins of one address since its last report. */
export interface RefusedLogins {
  /** Undefined for the addresses that share one count. */
  readonly address: string | undefined;
  readonly count: number;
  /** The last one's reason. */
  readonly reason: string;
}

interface Entry {
  /** The last address of the holder. */
  address: string | undefined;
  /** Time at which the allowance is full again (GCRA). */
  fullAt: number;
  reportedAt: number;
  /** Refused logins since the last report, and the reason of the last one. */
  unreported: number;
  reason: string;
}

export class WrongTokens {
  readonly #report: (refused: RefusedLogins) => void;
  readonly #now: () => number;
  /** BOUNDED by WRONG_TOKEN_ADDRESSES_MAX, and one entry for all further addresses. By holder of the address. */
  readonly #entries = new Map<string, Entry>();
  #sweep: NodeJS.Timeout | undefined;

  /** `now` returns milliseconds on a clock that never goes back. */
  constructor(report: (refused: RefusedLogins) => void, now = () => performance.now()) {
    this.#report = report;
    this.#now = now;
  }

  /**
   * Records a refused login. Returns the seconds that its address should wait if it has tried too many tokens, else
   * undefined. `guess` is false for a request without a token, which costs nothing of the allowance.
   */
  refused(address: string | undefined, reason: string, guess: boolean): number | undefined {
    const now = this.#now();
    const entry = this.#entryOf(address, now);
    entry.unreported += 1;
    entry.reason = reason;
    this.#reportDue(entry, now);
    this.#sweep ??= setInterval(() => this.#forget(), SWEEP_MS).unref();
    if (!guess) return undefined;
    const fullAt = Math.max(entry.fullAt, now) + WRONG_TOKEN_MS;
    const wait = fullAt - now - WRONG_TOKEN_BURST * WRONG_TOKEN_MS;
    if (wait > 0) return Math.ceil(wait / 1000);
    entry.fullAt = fullAt;
    return undefined;
  }

  /** Reports what is not reported yet, at the end of the server. */
  close(): void {
    clearInterval(this.#sweep);
    for (const entry of this.#entries.values()) if (entry.unreported > 0) this.#reportNow(entry, this.#now());
  }

  #entryOf(address: string | undefined, now: number): Entry {
    const holder = address === undefined ? '' : addressHolder(address);
    const full = this.#entries.size >= WRONG_TOKEN_ADDRESSES_MAX && !this.#entries.has(holder);
    const key = full ? '' : holder;
    const known = this.#entries.get(key);
    if (known) {
      if (key !== '') known.address = address;
      return known;
    }
    const entry: Entry = {
      ...{ address: key === '' ? undefined : address, fullAt: now, unreported: 0, reason: '' },
      reportedAt: Number.NEGATIVE_INFINITY,
    };
    this.#entries.set(key, entry);
    return entry;
  }

  #reportDue(entry: Entry, now: number): void {
    if (now - entry.reportedAt >= REPORT_MS) this.#reportNow(entry, now);
  }

  #reportNow(entry: Entry, now: number): void {
    const { address, unreported, reason } = entry;
    entry.unreported = 0;
    entry.reportedAt = now;
    this.#report({ address, count: unreported, reason });
  }

  /** Reports the rest of a minute, and removes entries that have nothing to remember. */
  #forget(): void {
    const now = this.#now();
    for (const [holder, entry] of this.#entries) {
      if (entry.unreported > 0) this.#reportDue(entry, now);
      else if (entry.fullAt <= now && now - entry.reportedAt >= REPORT_MS) this.#entries.delete(holder);
    }
    if (this.#entries.size > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }
}
