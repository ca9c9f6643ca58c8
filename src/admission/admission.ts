// Admission: limits in all, for each address and for each session. Part of stage 1 of the data path (sequential, in the
// front end); it touches no queue. A connection over a limit is closed silently (F10) and counted under that limit. All
// front ends share the counts (admission-memory.ts), so a limit holds for all of them together.
import { SILENT_CONNECTIONS_SHARE } from '../limits.ts';
import { monotonicSeconds } from '../runtime/thread-stats.ts';
import { AddressMemory } from './address-memory.ts';
import { AddressTable } from './address-table.ts';
import { type AdmissionLimits, type AdmissionUse, helloRates, type LimitObserver } from './admission-limits.ts';
import { type AdmissionMemory, ALL_HELLOS, Totals } from './admission-memory.ts';
import { ConnectionPermit } from './connection-permit.ts';
import { EXEMPT, type IsGrowthFull } from './growth-budgets.ts';
import { addressHolder, Networks } from './ip-address.ts';
import { PermitTable, type Ungreeted } from './permit-table.ts';
import { SharedBuckets } from './shared-buckets.ts';

export class Admission {
  readonly turnedAway: LimitObserver;
  #limits: AdmissionLimits;
  #exempt: Networks;
  readonly #totals: Totals;
  readonly #addresses: AddressTable;
  readonly #hellos: SharedBuckets;
  /** By front end. */
  readonly #tables: readonly PermitTable[];
  readonly #table: PermitTable;
  /** By slot of #table. BOUNDED by its slots. */
  readonly #permits: (ConnectionPermit | undefined)[] = [];
  /** Connections without a permit, because their front end cannot close them. They count in all, too. */
  #unseated = 0;
  #closed = false;

  /**
   * The admission of one front end. `isGrowthFull` looks at the addresses' budgets for additions to the table, which
   * the coordinator charges.
   */
  constructor(
    limits: AdmissionLimits,
    memory: AdmissionMemory,
    front: number,
    isGrowthFull: IsGrowthFull,
    turnedAway: LimitObserver,
  ) {
    this.turnedAway = turnedAway;
    this.#limits = limits;
    this.#exempt = new Networks(limits.limitExempt);
    const rates = helloRates(limits);
    this.#totals = new Totals(memory.totals);
    this.#hellos = new SharedBuckets(this.#totals.hellos, rates.all);
    this.#addresses = new AddressTable(new AddressMemory(memory.addresses), front, rates.address, isGrowthFull);
    this.#tables = memory.permits.map((permits) => new PermitTable(permits));
    this.#table = this.#tables[front]!;
    if (this.#tables.length > 1) void this.#evictDisplaced();
  }

  get limits(): AdmissionLimits {
    return this.#limits;
  }

  /** Replaces the limits. Open connections and sessions stay, and count towards the new ones. */
  setLimits(limits: AdmissionLimits): void {
    this.#limits = limits;
    this.#exempt = new Networks(limits.limitExempt);
    const { all, address } = helloRates(limits);
    this.#hellos.setRate(all);
    this.#addresses.setRate(address);
  }

  /** Ends the watch for displaced permits. */
  close(): void {
    this.#closed = true;
    this.#table.parker.unpark();
  }

  /** Number of connections, their maximum, and the number of addresses with an entry of their own. */
  get counts(): { readonly connections: number; readonly addresses: number } {
    return { connections: this.#totals.connections, addresses: this.#addresses.size };
  }

  /** The present use of the limits on connections and Hellos. Looks at each address, so it is for operators only. */
  get use(): AdmissionUse {
    const now = monotonicSeconds();
    const hellos = this.#hellos.used(ALL_HELLOS, now);
    return { connections: this.#totals.connections, hellos, ...this.#addresses.mostUsed(now) };
  }

  get #unseatedMax(): number {
    return Math.max(1, Math.floor(this.#limits.maxConnections * SILENT_CONNECTIONS_SHARE));
  }

  /**
   * Issues a permit for a new connection, whose address may still be unknown. Undefined if there is none. If all
   * permits are taken, the connection that has been without a good Hello for longest is closed.
   */
  take(): ConnectionPermit | undefined {
    if (!this.#takePlace()) return this.#refuse();
    const slot = this.#table.open(this.#totals.nextStamp());
    if (slot === undefined) {
      this.#totals.add(-1);
      return this.#refuse();
    }
    const permit = new ConnectionPermit(this, slot);
    this.#permits[slot] = permit;
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
    if (this.#hasPlace()) return true;
    this.#displaceOldest();
    if (this.#hasPlace()) return true;
    this.#refuse();
    return false;
  }

  /** Counts a connection without a permit until freeUnseated(). */
  takeUnseated(): void {
    this.#totals.add(1);
    this.#unseated += 1;
  }

  freeUnseated(): void {
    this.#totals.add(-1);
    this.#unseated -= 1;
  }

  /**
   * Counts a connection without a permit for its address. Returns a function that ends the count; undefined if the
   * address is at its limit.
   */
  hold(address: string): (() => void) | undefined {
    const holder = addressHolder(address);
    const entry = this.enter(address, holder);
    if (entry === undefined) this.turnedAway('connections-per-address', holder);
    return entry === undefined ? undefined : () => this.leave(entry);
  }

  /** The same without a limit, for a connection that exists already. */
  holdAnyway(address: string): () => void {
    const entry = this.enter(address, addressHolder(address), Number.POSITIVE_INFINITY)!;
    return () => this.leave(entry);
  }

  #hasPlace(): boolean {
    return this.#totals.connections < this.#limits.maxConnections;
  }

  /** Counts a connection. Other front ends may take the places that this one frees, once each in a row. */
  #takePlace(): boolean {
    for (let left = this.#tables.length; ; left--) {
      if (this.#totals.take(this.#limits.maxConnections)) return true;
      if (left === 0 || !this.#displaceOldest()) return false;
    }
  }

  /** Frees the place of the oldest permit without a good Hello, of all front ends. Returns false if there is none. */
  #displaceOldest(): boolean {
    let oldest: Ungreeted | undefined;
    let owner = this.#table;
    for (const table of this.#tables) {
      const candidate = table.oldest;
      if (candidate === undefined || (oldest && ((candidate.stamp - oldest.stamp) | 0) >= 0)) continue;
      [oldest, owner] = [candidate, table];
    }
    if (oldest === undefined) return false;
    if (owner === this.#table) {
      const permit = this.#permits[oldest.slot]!;
      permit.evict();
      permit.free();
    } else if (owner.displace(oldest)) this.#totals.add(-1);
    return true;
  }

  /** Closes the connections of permits that other front ends have displaced. */
  async #evictDisplaced(): Promise<void> {
    const { parker } = this.#table;
    while (!this.#closed) {
      const { epoch } = parker;
      for (let slot = this.#table.nextDisplaced(); slot !== undefined; slot = this.#table.nextDisplaced()) {
        this.#permits[slot]!.evict();
      }
      await parker.parkAsync(epoch);
    }
  }

  #refuse(): undefined {
    this.turnedAway('connections', undefined);
  }

  /** True if the limits per address apply to an address. */
  isLimited(address: string): boolean {
    return !this.#exempt.has(address);
  }

  /**
   * Counts a connection of an address, with less than `most` others. Returns its entry, EXEMPT for an exempt address, or
   * undefined if the address has `most`. `holder` is addressHolder(address).
   */
  enter(address: string, holder: string, most = this.#limits.maxConnectionsPerAddress): number | undefined {
    return this.isLimited(address) ? this.#addresses.enter(holder, most, monotonicSeconds) : EXEMPT;
  }

  leave(entry: number): void {
    if (entry !== EXEMPT) this.#addresses.leave(entry);
  }

  /** Charges a Hello to its address and to all. Returns the limit that it exceeds. */
  takeHello(entry: number, cost: number): 'hellos' | 'hellos-per-address' | undefined {
    const now = monotonicSeconds();
    if (entry !== EXEMPT && !this.#addresses.takeHello(entry, now, cost)) return 'hellos-per-address';
    return this.#hellos.take(ALL_HELLOS, now, cost) ? undefined : 'hellos';
  }

  giveBackHello(entry: number, cost: number): void {
    if (entry !== EXEMPT) this.#addresses.giveBackHello(entry, cost);
    this.#hellos.giveBack(ALL_HELLOS, cost);
  }

  /** Records the entry in which a permit counts. */
  placed(slot: number, entry: number): void {
    this.#table.setEntry(slot, entry);
  }

  /** Records a good Hello. Returns false if the permit has been displaced. */
  greeted(slot: number): boolean {
    return this.#table.greet(slot);
  }

  /** Frees a permit. */
  free(slot: number): void {
    const { place, entry } = this.#table.close(slot);
    if (place) this.#totals.add(-1);
    this.leave(entry);
    this.#permits[slot] = undefined;
  }
}
