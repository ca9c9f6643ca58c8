// Counts connections of a uWebSockets.js listener that have no permit: before their request, and between our close
// frame and the peer's FIN. The engine gives no handle for them. It tells the address of a connection at the open only.
//
// The total of connections before their request is exact. The count for an address is an upper bound: a connection
// counts until a request comes from that address, or until the engine's own timeout. So an address that opens and
// closes many connections keeps their counts.
import type { Admission } from '../../admission/admission.ts';
import type { ConnectionPermit } from '../../admission/connection-permit.ts';
import { addressHolder } from '../../admission/ip-address.ts';
import { HTTP_WAIT_MS_MAX, WEBSOCKET_LINGER_MS_MAX } from '../../limits.ts';

/** A connection that has sent no request and may still be open. */
interface Wait {
  readonly holder: string;
  readonly letGo: () => void;
  readonly timer: NodeJS.Timeout;
}

export class UnseatedConnections {
  readonly #admission: Admission;
  /** Tells whether an address is a trusted proxy's. */
  readonly #isProxy: (address: string) => boolean;
  /** BOUNDED by `maxConnections`: waits by address holder, the oldest first. */
  readonly #waiting = new Map<string, Set<Wait>>();
  /** BOUNDED by `maxConnections`: all waits, the oldest first. */
  readonly #oldestFirst = new Set<Wait>();
  /** BOUNDED by `maxConnections`: permits of WebSockets by address holder. */
  readonly #webSockets = new Map<string, Set<ConnectionPermit>>();
  /** BOUNDED by `maxConnections`: the number of connections behind our close frame by address holder. */
  readonly #lingering = new Map<string, number>();

  constructor(admission: Admission, isProxy: (address: string) => boolean) {
    this.#admission = admission;
    this.#isProxy = isProxy;
  }

  /** Counts an opened connection until `closed` is called for it. Returns false if the caller must close it. */
  opened(address: string | undefined): boolean {
    const stays = address !== undefined && this.#admit(address);
    this.#admission.takeUnseated();
    return stays;
  }

  /** A connection has closed, or has become a session with a permit. */
  closed(): void {
    this.#admission.freeUnseated();
  }

  /** Counts a connection again whose upgrade was refused. */
  reopened(): void {
    this.#admission.takeUnseated();
  }

  /** A request has come from `address`, so one of its connections waits no longer. */
  requested(address: string): void {
    const [wait] = this.#waiting.get(addressHolder(address)) ?? [];
    if (wait) this.#giveUp(wait);
  }

  /** Records that a connection has become a WebSocket, until `ended` is called for its permit. */
  upgraded(permit: ConnectionPermit): void {
    const holder = this.#limitedHolder(permit.address);
    if (holder === undefined) return;
    const ofHolder = this.#webSockets.get(holder);
    if (ofHolder) ofHolder.add(permit);
    else this.#webSockets.set(holder, new Set([permit]));
  }

  /**
   * A WebSocket has ended. Without a good Hello it counts for as long as the engine may wait for the peer's FIN, if
   * `mayLinger`. The limits of Hellos bound the others.
   */
  ended(permit: ConnectionPermit, mayLinger: boolean): void {
    const holder = addressHolder(permit.address!);
    const ofHolder = this.#webSockets.get(holder);
    ofHolder?.delete(permit);
    if (ofHolder?.size === 0) this.#webSockets.delete(holder);
    if (mayLinger && !permit.hasGreeted) this.#linger(permit.address!, holder);
  }

  #linger(address: string, holder: string): void {
    this.#admission.takeUnseated();
    const letGo = this.#admission.holdAnyway(address);
    this.#lingering.set(holder, (this.#lingering.get(holder) ?? 0) + 1);
    setTimeout(() => {
      this.#admission.freeUnseated();
      letGo();
      const left = this.#lingering.get(holder)! - 1;
      if (left > 0) this.#lingering.set(holder, left);
      else this.#lingering.delete(holder);
    }, WEBSOCKET_LINGER_MS_MAX).unref();
    this.#evictNextToLinger(holder);
  }

  /**
   * Closes the WebSockets without a good Hello of an address whose unseated connections fill its part. The engine
   * offers no way to close them after the peer's close frame.
   */
  #evictNextToLinger(holder: string): void {
    const webSockets = this.#webSockets.get(holder);
    if (webSockets === undefined || !this.#admission.isUnseatedFull(this.#unseatedOf(holder))) return;
    for (const permit of [...webSockets]) if (!permit.hasGreeted) permit.evict();
  }

  #admit(address: string): boolean {
    const holder = this.#isProxy(address) ? undefined : this.#limitedHolder(address);
    if (holder === undefined) return this.#admission.hasRoomUnseated(0);
    const letGo = this.#admission.hold(address);
    if (letGo === undefined) return false;
    if (this.#admission.hasRoomUnseated(this.#unseatedOf(holder))) {
      this.#beginWait(holder, letGo);
      return true;
    }
    letGo();
    return false;
  }

  /** The holder of an address; undefined if it has no limits. */
  #limitedHolder(address: string | undefined): string | undefined {
    if (address === undefined) return undefined;
    return this.#admission.isLimited(address) ? addressHolder(address) : undefined;
  }

  #unseatedOf(holder: string): number {
    return (this.#waiting.get(holder)?.size ?? 0) + (this.#lingering.get(holder) ?? 0);
  }

  #beginWait(holder: string, letGo: () => void): void {
    const timer = setTimeout(() => this.#giveUp(wait), HTTP_WAIT_MS_MAX).unref();
    const wait = { holder, letGo, timer };
    const ofHolder = this.#waiting.get(holder);
    if (ofHolder) ofHolder.add(wait);
    else this.#waiting.set(holder, new Set([wait]));
    this.#oldestFirst.add(wait);
    const [oldest] = this.#oldestFirst;
    if (this.#oldestFirst.size > this.#admission.limits.maxConnections) this.#giveUp(oldest!);
  }

  #giveUp(wait: Wait): void {
    wait.letGo();
    clearTimeout(wait.timer);
    this.#oldestFirst.delete(wait);
    const ofHolder = this.#waiting.get(wait.holder)!;
    ofHolder.delete(wait);
    if (ofHolder.size === 0) this.#waiting.delete(wait.holder);
  }
}
