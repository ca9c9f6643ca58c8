// Who is let in, and how much of the registry one session may take: limits in all, for an address, for a session. What
// is over a limit is closed without a word (F10) and counted by the limit.
import { HELLO_BURST_SECONDS, HELLO_BURST_SECONDS_PER_ADDRESS, SILENT_CONNECTIONS_SHARE } from '../limits.ts';
import { monotonicSeconds } from '../runtime/thread-stats.ts';
import { AddressTable, type AddressUse } from './address-table.ts';
import { EXEMPT, type GrowthBudgets } from './growth-budgets.ts';
import { addressHolder, Networks } from './ip-address.ts';
import { TokenBucket } from './token-bucket.ts';

/** Why a connection was closed by a limit; a metric label, so this list is its bound. */
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
] as const;

export type DropCause = (typeof DROP_CAUSES)[number];

/** The limits, as they are set. */
export interface AdmissionLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxHellosPerSecond: number;
  readonly maxHellosPerSecondPerAddress: number;
  readonly maxSessionBytes: number;
  readonly maxSessionMessages: number;
  readonly sessionTimeoutMs: number;
  /** CIDRs of addresses that have no limits of their own. */
  readonly limitExempt: readonly string[];
}

/** Told of every connection that a limit has closed. */
export type DropObserver = (cause: DropCause, address: string | undefined) => void;

export class Admission {
  readonly limits: AdmissionLimits;
  readonly dropped: DropObserver;
  readonly #exempt: Networks;
  readonly #addresses: AddressTable;
  readonly #hellos: TokenBucket;
  #connections = 0;
  /** Among them those that have no seat to lose, because their front end cannot close them. */
  #unseated = 0;
  readonly #unseatedMax: number;
  /** Those that have not shown a good Hello, oldest first; `maxConnections` at most. */
  readonly #ungreeted = new Set<ConnectionPermit>();

  /** `growth` is what addresses may add to the table, of which the coordinator takes. */
  constructor(limits: AdmissionLimits, growth: Pick<GrowthBudgets, 'isFull'>, dropped: DropObserver) {
    this.limits = limits;
    this.dropped = dropped;
    this.#exempt = new Networks(limits.limitExempt);
    this.#unseatedMax = Math.max(1, Math.floor(limits.maxConnections * SILENT_CONNECTIONS_SHARE));
    const now = performance.now();
    const { maxHellosPerSecond, maxHellosPerSecondPerAddress } = limits;
    this.#hellos = new TokenBucket(
      { perSecond: maxHellosPerSecond, burst: Math.max(1, maxHellosPerSecond * HELLO_BURST_SECONDS) },
      now,
    );
    this.#addresses = new AddressTable(
      {
        perSecond: maxHellosPerSecondPerAddress,
        burst: Math.max(1, maxHellosPerSecondPerAddress * HELLO_BURST_SECONDS_PER_ADDRESS),
      },
      now,
      (entry) => growth.isFull(entry, monotonicSeconds()),
    );
  }

  /** Connections there are, and addresses with an entry of their own. */
  get counts(): { readonly connections: number; readonly addresses: number } {
    return { connections: this.#connections, addresses: this.#addresses.size };
  }

  /**
   * A seat for a new connection, whose address may not be known yet; undefined if there is none. Where all are taken the
   * connection that has been without a good Hello for longest loses its seat to the new one.
   */
  take(): ConnectionPermit | undefined {
    if (!this.#makeRoom()) return undefined;
    this.#connections += 1;
    const seat = new ConnectionPermit(this);
    this.#ungreeted.add(seat);
    return seat;
  }

  /** A seat for a new connection from a known address. */
  takeFor(address: string): ConnectionPermit | undefined {
    const seat = this.take();
    return seat?.placeAt(address) ? seat : undefined;
  }

  /**
   * Whether a connection without a seat may stay, whose address has `others` of them already. They have a part of all
   * places, and an address has no more of that part than it leaves free: one that takes much leaves room for others.
   */
  hasRoomUnseated(others: number): boolean {
    if (others >= this.#unseatedMax - this.#unseated) {
      this.dropped('silent-connections', undefined);
      return false;
    }
    return this.#makeRoom();
  }

  /** Counts a connection without a seat, until freeUnseated(). */
  takeUnseated(): void {
    this.#connections += 1;
    this.#unseated += 1;
  }

  freeUnseated(): void {
    this.#connections -= 1;
    this.#unseated -= 1;
  }

  /** Counts a connection without a seat for its address. Returns what ends that; undefined if the address has enough. */
  hold(address: string): (() => void) | undefined {
    const use = this.useOf(address);
    if (use && use.connections >= this.limits.maxConnectionsPerAddress) {
      this.dropped('connections-per-address', address);
      return undefined;
    }
    return this.holdAnyway(address);
  }

  /** The same for a connection that is there, however many its address has. */
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
    this.dropped('connections', undefined);
    return false;
  }

  /** What an address has; undefined if it has no limits. */
  useOf(address: string): AddressUse | undefined {
    return this.#exempt.has(address) ? undefined : this.#addresses.of(addressHolder(address), performance.now());
  }

  takeHello(): boolean {
    return this.#hellos.take(performance.now());
  }

  /** A seat has shown a good Hello. */
  greeted(seat: ConnectionPermit): void {
    this.#ungreeted.delete(seat);
  }

  /** A seat is free again. */
  free(seat: ConnectionPermit): void {
    this.#connections -= 1;
    this.#ungreeted.delete(seat);
  }
}

/** One connection's place among all, and what its session may still take. Freed once, whoever frees it first. */
export class ConnectionPermit {
  readonly #admission: Admission;
  #address: string | undefined;
  /** Undefined if the address is not known yet or has no limits. */
  #use: AddressUse | undefined;
  #bytes = 0;
  #messages = 0;
  /** When the session has lasted long enough, in milliseconds; it begins with a good Hello. */
  #endsAt = Number.POSITIVE_INFINITY;
  #freed = false;

  /** Ends the connection, which has to make room, at once, as `displaced`. Set by whoever holds it. */
  evict: () => void = () => {};

  constructor(admission: Admission) {
    this.#admission = admission;
  }

  /** Where the connection comes from, as far as it is known. */
  get address(): string | undefined {
    return this.#address;
  }

  /** Whose growth budget pays for what this connection adds to the table; EXEMPT where nobody's does. */
  get origin(): number {
    return this.#use?.entry ?? EXEMPT;
  }

  /** Says where the connection comes from. False if that address has its connections already: the seat is free again. */
  placeAt(address: string): boolean {
    this.#address = address;
    const use = this.#admission.useOf(address);
    if (use && use.connections >= this.#admission.limits.maxConnectionsPerAddress) {
      this.ended('connections-per-address');
      this.free();
      return false;
    }
    this.#use = use;
    if (use) use.connections += 1;
    return true;
  }

  /** Which limit a Hello is over; undefined if it may be decrypted. */
  takeHello(): DropCause | undefined {
    if (this.#use?.hellos.take(performance.now()) === false) return 'hellos-per-address';
    return this.#admission.takeHello() ? undefined : 'hellos';
  }

  /** The Hello was good: the session begins. */
  greeted(): void {
    this.#admission.greeted(this);
    this.#endsAt = performance.now() + this.#admission.limits.sessionTimeoutMs;
  }

  /** Which limit some more bytes of the session are over, if any. */
  takeBytes(count: number): DropCause | undefined {
    this.#bytes += count;
    return this.#bytes > this.#admission.limits.maxSessionBytes ? 'session-bytes' : undefined;
  }

  /** Which limit one more message of the session is over, if any. */
  takeMessage(): DropCause | undefined {
    if (++this.#messages > this.#admission.limits.maxSessionMessages) return 'session-messages';
    return this.msLeft > 0 ? undefined : 'session-time';
  }

  /** Whether there has been a good Hello. */
  get hasGreeted(): boolean {
    return this.#endsAt !== Number.POSITIVE_INFINITY;
  }

  /** Milliseconds that the session may go on. */
  get msLeft(): number {
    return this.#endsAt - performance.now();
  }

  /** The session ended, which is counted if a limit ended it. The seat is taken until the connection is gone. */
  ended(end: string): void {
    if ((DROP_CAUSES as readonly string[]).includes(end)) this.#admission.dropped(end as DropCause, this.#address);
  }

  /** The connection is gone. */
  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    if (this.#use) this.#use.connections -= 1;
    this.#admission.free(this);
  }
}
