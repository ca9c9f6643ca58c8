// Wrong admin tokens of each address: slows them, and reports refused logins, one report an address and minute. The
// rate protects log and CPU; what protects a token is its 256 bits. So a right token is never refused for its address.
import { addressHolder } from '../admission/ip-address.ts';
import { WRONG_TOKEN_ADDRESSES_MAX, WRONG_TOKEN_BURST, WRONG_TOKEN_MS } from '../limits.ts';
import { MinuteReports } from './minute-reports.ts';

/** Refused logins of one address since its last report. */
export interface RefusedLogins {
  /** Undefined for the addresses that share one count. */
  readonly address: string | undefined;
  readonly count: number;
  /** The last one's reason. */
  readonly reason: string;
}

/** Key of the addresses that share one allowance, and of requests without an address. */
const OTHERS = 'others';

export class WrongTokens {
  readonly #now: () => number;
  readonly #reports: MinuteReports<Omit<RefusedLogins, 'count'>>;
  /**
   * Time at which the allowance of each holder of an address is full again (GCRA). BOUNDED by
   * WRONG_TOKEN_ADDRESSES_MAX, and one entry for all further addresses.
   */
  readonly #fullAt = new Map<string, number>();

  /** `now` returns milliseconds on a clock that never goes back. */
  constructor(report: (refused: RefusedLogins) => void, now = () => performance.now()) {
    this.#now = now;
    this.#reports = new MinuteReports(
      ({ last: { address, reason }, count, isShared }) =>
        report({ address: isShared ? undefined : address, count, reason }),
      WRONG_TOKEN_ADDRESSES_MAX,
      now,
    );
  }

  /**
   * Records a refused login. Returns the seconds that its address should wait if it has tried too many tokens, else
   * undefined. `guess` is false for a request without a token, which costs nothing of the allowance.
   */
  refused(address: string | undefined, reason: string, guess: boolean): number | undefined {
    const holder = address === undefined ? OTHERS : addressHolder(address);
    this.#reports.add(holder, { address, reason });
    if (!guess) return undefined;
    const now = this.#now();
    const key = this.#keyOf(holder, now);
    const fullAt = Math.max(this.#fullAt.get(key) ?? now, now) + WRONG_TOKEN_MS;
    const wait = fullAt - now - WRONG_TOKEN_BURST * WRONG_TOKEN_MS;
    if (wait > 0) return Math.ceil(wait / 1000);
    this.#fullAt.set(key, fullAt);
    return undefined;
  }

  /** Reports what is not reported yet, at the end of the server. */
  close(): void {
    this.#reports.close();
  }

  #keyOf(holder: string, now: number): string {
    if (this.#fullAt.has(holder) || this.#fullAt.size < WRONG_TOKEN_ADDRESSES_MAX) return holder;
    // A full allowance needs no entry.
    for (const [key, fullAt] of this.#fullAt) if (fullAt <= now) this.#fullAt.delete(key);
    return this.#fullAt.size < WRONG_TOKEN_ADDRESSES_MAX ? holder : OTHERS;
  }
}
