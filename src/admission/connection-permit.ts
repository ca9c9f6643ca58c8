// The permit of one connection: its place among all that are allowed, and its session's budget.
import type { AdmissionLimits, DropCause, LimitObserver } from './admission-limits.ts';
import { EXEMPT } from './growth-budgets.ts';
import { addressHolder } from './ip-address.ts';
import { isLimit } from './limit-ledger.ts';

/** Admission as a permit uses it. `slot` is the permit's. */
interface PermitIssuer {
  readonly limits: AdmissionLimits;
  readonly turnedAway: LimitObserver;
  enter(address: string, holder: string): number | undefined;
  placed(slot: number, entry: number): void;
  takeHello(entry: number, cost: number): DropCause | undefined;
  giveBackHello(entry: number, cost: number): void;
  greeted(slot: number): boolean;
  free(slot: number): void;
}

/**
 * One connection's place among all that are allowed, and its session's remaining budget. Frees once; later calls do
 * nothing.
 */
export class ConnectionPermit {
  readonly #admission: PermitIssuer;
  readonly #slot: number;
  #address: string | undefined;
  /** The unit of limits that the address belongs to. */
  #holder: string | undefined;
  /** EXEMPT while the address is unknown, and for exempt addresses. */
  #entry = EXEMPT;
  #bytes = 0;
  #messages = 0;
  /** End of the session's time, in milliseconds. The time starts with a good Hello. */
  #endsAt = Number.POSITIVE_INFINITY;
  #freed = false;

  /** Closes the connection at once, as `displaced`, to make room. Set by the permit's holder. */
  evict: () => void = () => {};

  constructor(admission: PermitIssuer, slot: number) {
    this.#admission = admission;
    this.#slot = slot;
  }

  /** Address of the peer; undefined while unknown. */
  get address(): string | undefined {
    return this.#address;
  }

  /** Entry of the growth budget that pays for this connection's additions to the table; EXEMPT for exempt addresses. */
  get origin(): number {
    return this.#entry;
  }

  /** Sets the peer's address. Returns false, and frees the permit, if that address is at its limit of connections. */
  placeAt(address: string): boolean {
    this.#address = address;
    this.#holder = addressHolder(address);
    const entry = this.#admission.enter(address, this.#holder);
    if (entry === undefined) {
      this.ended('connections-per-address');
      this.free();
      return false;
    }
    this.#entry = entry;
    this.#admission.placed(this.#slot, entry);
    return true;
  }

  /**
   * Charges a Hello; `cost` is in RSA Hellos. Returns the limit that it exceeds; undefined if a worker may answer it.
   */
  takeHello(cost = 1): DropCause | undefined {
    return this.#admission.takeHello(this.#entry, cost);
  }

  /** Returns the charge of a Hello that has cost a worker next to nothing. */
  giveBackHello(cost: number): void {
    this.#admission.giveBackHello(this.#entry, cost);
  }

  /** Records a good Hello; the session begins. Returns false, after evict(), if the permit has been displaced. */
  greeted(): boolean {
    if (!this.#admission.greeted(this.#slot)) {
      this.evict();
      return false;
    }
    this.#endsAt = performance.now() + this.#admission.limits.sessionTimeoutMs;
    return true;
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
    this.#admission.free(this.#slot);
  }
}
