// Counts what each limit turns away: in all, in the last minutes, and by address. Main thread, sequential. A refusal
// costs some map look-ups and no text. Reports of an address are at least a minute apart.
import { LEDGER_ADDRESSES_MAX, LEDGER_MINUTES, LEDGER_REPORTED_ADDRESSES_MAX } from '../limits.ts';

/** Settings by the limit that they set. A limit is a cause or an end in metrics, so this list bounds those labels. */
export const SETTINGS_OF_LIMIT = {
  connections: ['max-connections'],
  'connections-per-address': ['max-connections-per-address'],
  'silent-connections': ['max-connections'],
  displaced: ['max-connections'],
  hellos: ['max-hellos-per-second'],
  'hellos-per-address': ['max-hellos-per-second-per-address'],
  overload: ['hello-queue-ms'],
  'session-bytes': ['max-session-bytes'],
  'session-messages': ['max-session-messages'],
  'session-time': ['session-timeout-ms'],
  'proxy-header': ['proxy-protocol'],
  'registry-full': ['max-registrations', 'max-clusters'],
  'registrations-per-address': ['max-registrations-per-second-per-address'],
  'clusters-per-address': ['max-clusters-per-second-per-address'],
  'members-per-address': ['max-members-per-second-per-address'],
  'clusters-per-client': ['max-clusters-per-client'],
  'seats-per-client': ['max-seats-per-client'],
} as const;

export type Limit = keyof typeof SETTINGS_OF_LIMIT;
/** A setting of a limit. */
export type LimitSetting = (typeof SETTINGS_OF_LIMIT)[Limit][number];

export const LIMITS = Object.keys(SETTINGS_OF_LIMIT) as Limit[];
const INDEX: ReadonlyMap<string, number> = new Map(LIMITS.map((limit, index) => [limit, index]));

/** True if a limit has this name. */
export function isLimit(name: string): name is Limit {
  return INDEX.has(name);
}

/** Counts by limit, in the order of LIMITS. */
type Counts = Uint32Array;

/** Counts by limit; a limit without a refusal is absent. */
export type Refused = Readonly<Partial<Record<Limit, number>>>;

/** Refusals of one address since its last report. */
export interface LimitReport {
  /** Undefined for limits in all, and for addresses beyond LEDGER_REPORTED_ADDRESSES_MAX. */
  readonly address: string | undefined;
  readonly refused: Refused;
}

interface Minute {
  readonly number: number;
  readonly counts: Counts;
  /** BOUNDED by LEDGER_ADDRESSES_MAX: the first addresses of the minute. */
  readonly addresses: Map<string, Counts>;
}

/** Counts of an address that wait for its next report. */
interface Unreported {
  counts: Counts;
  /** In milliseconds. */
  dueAt: number;
}

/** Milliseconds from an address's first refusal to its report, which so counts a burst as a whole. */
const FIRST_REPORT_MS = 1_000;
const MINUTE_MS = 60_000;

export class LimitLedger {
  readonly #report: (report: LimitReport) => void;
  readonly #clock: () => number;
  readonly #totals = new Float64Array(LIMITS.length);
  /** BOUNDED by LEDGER_MINUTES, the oldest first. Minutes without a refusal are absent. */
  readonly #minutes: Minute[] = [];
  /** BOUNDED by LEDGER_REPORTED_ADDRESSES_MAX and one entry for all else. Holds each address for a minute. */
  readonly #unreported = new Map<string | undefined, Unreported>();
  #timer: NodeJS.Timeout | undefined;

  /** `clock` is in milliseconds and never goes back. */
  constructor(report: (report: LimitReport) => void, clock: () => number = () => performance.now()) {
    this.#report = report;
    this.#clock = clock;
  }

  /** Counts refusals. `address` is undefined if the limit does not depend on it. */
  count(limit: Limit, address: string | undefined, times = 1): void {
    const index = INDEX.get(limit)!;
    const now = this.#clock();
    this.#totals[index]! += times;
    const minute = this.#minuteAt(now);
    minute.counts[index]! += times;
    const ofAddress = address === undefined ? undefined : countsIn(minute.addresses, address);
    if (ofAddress) ofAddress[index]! += times;
    this.#unreportedOf(address, now).counts[index]! += times;
    this.#timer ??= setInterval(() => this.reportDue(), FIRST_REPORT_MS).unref();
  }

  /** Number of refusals since the start. */
  total(limit: Limit): number {
    return this.#totals[INDEX.get(limit)!]!;
  }

  /** Refusals of the last LEDGER_MINUTES, by limit. */
  get recent(): Refused {
    return refusedOf(sumOf(this.#recentMinutes().map(({ counts }) => counts)));
  }

  /** The `count` addresses with the most refusals in the last LEDGER_MINUTES, the most first. */
  topAddresses(count: number): { readonly address: string; readonly refused: Refused }[] {
    const minutes = this.#recentMinutes();
    const addresses = new Set(minutes.flatMap((minute) => [...minute.addresses.keys()]));
    const sums = [...addresses].map((address) => {
      const counts = sumOf(minutes.flatMap((minute) => minute.addresses.get(address) ?? []));
      return { address, counts, all: counts.reduce((sum, one) => sum + one, 0) };
    });
    sums.sort((a, b) => b.all - a.all);
    return sums.slice(0, count).map(({ address, counts }) => ({ address, refused: refusedOf(counts) }));
  }

  /** Reports each address whose report is due. Runs by itself every second while counts wait. */
  reportDue(): void {
    const now = this.#clock();
    for (const [address, entry] of this.#unreported) {
      if (now < entry.dueAt) continue;
      const refused = refusedOf(entry.counts);
      if (Object.keys(refused).length === 0) {
        this.#unreported.delete(address);
        continue;
      }
      entry.counts = newCounts();
      entry.dueAt = now + MINUTE_MS;
      this.#report({ address, refused });
    }
    if (this.#unreported.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #minuteAt(now: number): Minute {
    const number = Math.floor(now / MINUTE_MS);
    const latest = this.#minutes.at(-1);
    if (latest?.number === number) return latest;
    const minute = { number, counts: newCounts(), addresses: new Map() };
    this.#minutes.push(minute);
    if (this.#minutes.length > LEDGER_MINUTES) this.#minutes.shift();
    return minute;
  }

  #recentMinutes(): Minute[] {
    const oldest = Math.floor(this.#clock() / MINUTE_MS) - LEDGER_MINUTES;
    return this.#minutes.filter(({ number }) => number > oldest);
  }

  #unreportedOf(address: string | undefined, now: number): Unreported {
    const known = this.#unreported.get(address);
    if (known) return known;
    const hasRoom = address === undefined || this.#unreported.size < LEDGER_REPORTED_ADDRESSES_MAX;
    if (!hasRoom) return this.#unreportedOf(undefined, now);
    const entry = { counts: newCounts(), dueAt: now + FIRST_REPORT_MS };
    this.#unreported.set(address, entry);
    return entry;
  }
}

/** Undefined if the address is unknown and there is no room for it. */
function countsIn(addresses: Map<string, Counts>, address: string): Counts | undefined {
  const known = addresses.get(address);
  if (known || addresses.size >= LEDGER_ADDRESSES_MAX) return known;
  const counts = newCounts();
  addresses.set(address, counts);
  return counts;
}

function newCounts(): Counts {
  return new Uint32Array(LIMITS.length);
}

function sumOf(all: readonly Counts[]): Counts {
  const sum = newCounts();
  for (const counts of all) for (const index of sum.keys()) sum[index]! += counts[index]!;
  return sum;
}

function refusedOf(counts: Counts): Refused {
  return Object.fromEntries(LIMITS.map((limit, at) => [limit, counts[at]!]).filter(([, count]) => count !== 0));
}
