// Admission: limits in all, for each address and for each session. Part of stage 1 of the data path (sequential, in the
// front end); it touches no queue. A connection over a limit is closed silently (F10) and counted under that limit.
import { HELLO_BURST_SECONDS, HELLO_BURST_SECONDS_PER_ADDRESS, SILENT_CONNECTIONS_SHARE } from '../limits.ts';
import { monotonicSeconds } from '../runtime/thread-stats.ts';
import { AddressTable, type AddressUse } from './address-table.ts';
import { EXEMPT, type GrowthBudgets } from './growth-budgets.ts';
import { addressHolder, Networks } from './ip-address.ts';
import { isLimit, type Limit } from './limit-ledger.ts';
import { type BucketRate, TokenBucket } from './token-bucket.ts';

/** Limits that close connections silently. Each is a metric label, so this list bounds that label. */
export const DROP_CAUSES = [
  'connections',
  'connections-per-address',
  'silent-connections',
  'displaced',
  'hellos',
  'hellos-per-address',
  'session-bytes',
  'session-messages',
  'session-time',
  'proxy-header',
] as const satisfies readonly Limit[];

export type DropCause = (typeof DROP_CAUSES)[number];

/** The configured limits. */
export interface AdmissionLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxHellosPerSecond: number;
  readonly maxHellosPerSecondPerAddress: number;
  readonly maxSessionBytes: number;
  readonly maxSessionMessages: number;
  readonly sessionTimeoutMs: number;
  /** CIDRs of addresses without limits per address. */
  readonly limitExempt: readonly string[];
}

/** Receives each refusal of a limit. `address` is the unit of limits, as `addressHolder` spells it. */
export type LimitObserver = (limit: Limit, address: string | undefined) => void;

/** Present use of limits, in their units; a used token of a bucket is a recent Hello. */
export interface AdmissionUse {
  readonly connections: number;
  readonly hellos: number;
  /** Maxima over all addresses. */
  readonly connectionsOfAddress: number;
  readonly hellosOfAddress: number;
}

function helloRates({ maxHellosPerSecond, maxHellosPerSecondPerAddress }: AdmissionLimits) {
  const rate = (perSecond: number, seconds: number) => ({ perSecond, burst: Math.max(1, perSecond * seconds) });
  return {
    all: rate(maxHellosPerSecond, HELLO_BURST_SECONDS),
    address: rate(maxHellosPerSecondPerAddress, HELLO_BURST_SECONDS_PER_ADDRESS),
  };
}

export class Admission {
  readonly turnedAway: LimitObserver;
  #limits: AdmissionLimits;
  #exempt: Networks;
  readonly #addresses: AddressTable;
  readonly #hellos: TokenBucket;
  /** The rates of the buckets of Hellos, in all and for each address. The buckets follow their changes. */
  readonly #rates: { readonly all: BucketRate; readonly address: BucketRate };
  #connections = 0;
  /** Connections without a permit, because their front end cannot close them. Included in #connections. */
  #unseated = 0;
  /** Permits of connections without a good Hello, oldest first. BOUNDED by maxConnections. */
  readonly #ungreeted = new Set<ConnectionPermit>();

  /** `growth` holds the addresses' budgets for additions to the table, which the coordinator charges. */
  constructor(limits: AdmissionLimits, growth: Pick<GrowthBudgets, 'isFull'>, turnedAway: LimitObserver) {
    this.turnedAway = turnedAway;
    this.#limits = limits;
    this.#exempt = new Networks(limits.limitExempt);
    const now = performance.now();
    this.#rates = helloRates(limits);
    this.#hellos = new TokenBucket(this.#rates.all, now);
    this.#addresses = new AddressTable(this.#rates.address, now, (entry) => growth.isFull(entry, monotonicSeconds()));
  }

  get limits(): AdmissionLimits {
    return this.#limits;
  }

  /** Replaces the limits. Open connections and sessions stay, and count towards the new ones. */
  setLimits(limits: AdmissionLimits): void {
    this.#limits = limits;
    this.#exempt = new Networks(limits.limitExempt);
    const { all, address } = helloRates(limits);
    Object.assign(this.#rates.all, all);
    Object.assign(this.#rates.address, address);
  }

  /** Number of connections, their maximum, and the number of addresses with an entry of their own. */
  get counts(): { readonly connections: number; readonly connectionsMax: number; readonly addresses: number } {
    const { maxConnections: connectionsMax } = this.#limits;
    return { connections: this.#connections, connectionsMax, addresses: this.#addresses.size };
  }

  /** The present use of the limits on connections and Hellos. Looks at each address, so it is for operators only. */
  get use(): AdmissionUse {
    const now = performance.now();
    return { connections: this.#connections, hellos: this.#hellos.used(now), ...this.#addresses.mostUsed(now) };
  }

  get #unseatedMax(): number {
    return Math.max(1, Math.floor(this.#limits.maxConnections * SILENT_CONNECTIONS_SHARE));
  }

  /**
   * Issues a permit for a new connection, whose address may still be unknown. Undefined if there is none. If all
   * permits are taken, the connection that has been without a good Hello for longest is closed.
   */
  take(): ConnectionPermit | undefined {
    if (!this.#makeRoom()) return undefined;
    this.#connections += 1;
    const permit = new ConnectionPermit(this);
    this.#ungreeted.add(permit);
    return permit;
  }

  /** Issues a permit for a new connection from a known address. */
  takeFor(address: string): ConnectionPermit | undefined {
    const permit = this.take();
    return permit?.placeAt(address) ? permit : undefined;
  }

  /**
   * Returns whether an address with `others` connections without a permit has used up its part. All such connections
   * together have a share of maxConnections. One address may hold at most as many of that share as it leaves free, so
   * one address cannot take it all.
   */
  isUnseatedFull(others: number): boolean {
    return others >= this.#unseatedMax - this.#unseated;
  }

  /** Returns true if a connection without a permit may stay. `others` is the number of such connections of its address. */
  hasRoomUnseated(others: number): boolean {
    if (this.isUnseatedFull(others)) {
      this.turnedAway('silent-connections', undefined);
      return false;
    }
    return this.#makeRoom();
  }

  /** Counts a connection without a permit until freeUnseated(). */
  takeUnseated(): void {
    this.#connections += 1;
    this.#unseated += 1;
  }

  freeUnseated(): void {
    this.#connections -= 1;
    this.#unseated -= 1;
  }

  /**
   * Counts a connection without a permit for its address. Returns a function that ends the count; undefined if the
   * address is at its limit.
   */
  hold(address: string): (() => void) | undefined {
    const holder = addressHolder(address);
    const use = this.useOf(address, holder);
    if (use && use.connections >= this.limits.maxConnectionsPerAddress) {
      this.turnedAway('connections-per-address', holder);
      return undefined;
    }
    return this.holdAnyway(address);
  }

  /** The same without a limit, for a connection that exists already. */
  holdAnyway(address: string): () => void {
    const use = this.useOf(address);
    if (use === undefined) return () => {};
    use.connections += 1;
    return () => {
      use.connections -= 1;
    };
  }

  #makeRoom(): boolean {
    if (this.#connections >= this.limits.maxConnections) {
      const [oldest] = this.#ungreeted;
      oldest?.evict();
      oldest?.free();
    }
    return this.#connections < this.limits.maxConnections || this.#refuse();
  }

  #refuse(): false {
    this.turnedAway('connections', undefined);
    return false;
  }

  /** Returns the usage of an address; undefined if it is exempt. `holder` is addressHolder(address). */
  useOf(address: string, holder = addressHolder(address)): AddressUse | undefined {
    return this.#exempt.has(address) ? undefined : this.#addresses.of(holder, performance.now());
  }

  takeHello(cost: number): boolean {
    return this.#hellos.take(performance.now(), cost);
  }

  giveBackHello(cost: number): void {
    this.#hellos.giveBack(cost);
  }

  /** Records a good Hello. */
  greeted(permit: ConnectionPermit): void {
    this.#ungreeted.delete(permit);
  }

  /** Frees a permit. */
  free(permit: ConnectionPermit): void {
    this.#connections -= 1;
    this.#ungreeted.delete(permit);
  }
}

/**
 * One connection's place among all that are allowed, and its session's remaining budget. Frees once; later calls do
 * nothing.
 */
export class ConnectionPermit {
  readonly #admission: Admission;
  #address: string | undefined;
  /** The unit of limits that the address belongs to. */
  #holder: string | undefined;
  /** Undefined while the address is unknown, and for exempt addresses. */
  #use: AddressUse | undefined;
  #bytes = 0;
  #messages = 0;
  /** End of the session's time, in milliseconds. The time starts with a good Hello. */
  #endsAt = Number.POSITIVE_INFINITY;
  #freed = false;

  /** Closes the connection at once, as `displaced`, to make room. Set by the permit's holder. */
  evict: () => void = () => {};

  constructor(admission: Admission) {
    this.#admission = admission;
  }

  /** Address of the peer; undefined while unknown. */
  get address(): string | undefined {
    return this.#address;
  }

  /** Entry of the growth budget that pays for this connection's additions to the table; EXEMPT for exempt addresses. */
  get origin(): number {
    return this.#use?.entry ?? EXEMPT;
  }

  /** Sets the peer's address. Returns false, and frees the permit, if that address is at its limit of connections. */
  placeAt(address: string): boolean {
    this.#address = address;
    this.#holder = addressHolder(address);
    const use = this.#admission.useOf(address, this.#holder);
    if (use && use.connections >= this.#admission.limits.maxConnectionsPerAddress) {
      this.ended('connections-per-address');
      this.free();
      return false;
    }
    this.#use = use;
    if (use) use.connections += 1;
    return true;
  }

  /**
   * Charges a Hello; `cost` is in RSA Hellos. Returns the limit that it exceeds; undefined if a worker may answer it.
   */
  takeHello(cost = 1): DropCause | undefined {
    if (this.#use?.hellos.take(performance.now(), cost) === false) return 'hellos-per-address';
    return this.#admission.takeHello(cost) ? undefined : 'hellos';
  }

  /** Returns the charge of a Hello that has cost a worker next to nothing. */
  giveBackHello(cost: number): void {
    this.#use?.hellos.giveBack(cost);
    this.#admission.giveBackHello(cost);
  }

  /** Records a good Hello; the session begins. */
  greeted(): void {
    this.#admission.greeted(this);
    this.#endsAt = performance.now() + this.#admission.limits.sessionTimeoutMs;
  }

  /** Charges bytes to the session. Returns the limit they exceed, if any. */
  takeBytes(count: number): DropCause | undefined {
    this.#bytes += count;
    return this.#bytes > this.#admission.limits.maxSessionBytes ? 'session-bytes' : undefined;
  }

  /** Charges one message to the session. Returns the limit it exceeds, if any. */
  takeMessage(): DropCause | undefined {
    if (++this.#messages > this.#admission.limits.maxSessionMessages) return 'session-messages';
    return this.msLeft > 0 ? undefined : 'session-time';
  }

  /** True after a good Hello. */
  get hasGreeted(): boolean {
    return this.#endsAt !== Number.POSITIVE_INFINITY;
  }

  /** Milliseconds left to the session. */
  get msLeft(): number {
    return this.#endsAt - performance.now();
  }

  /** Counts the end of a session if a limit caused it. The permit stays taken until free(). */
  ended(end: string): void {
    if (isLimit(end)) this.#admission.turnedAway(end, this.#holder);
  }

  /** Frees the permit once the connection is closed. */
  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    if (this.#use) this.#use.connections -= 1;
    this.#admission.free(this);
  }
}
