// Connections on a uWebSockets.js listener that the engine gives no hold of: before their request, and behind a close frame
// until the peer's FIN. The engine says where one comes from when it opens; when it closes it says only that one has, or
// nothing. In all, those before their request are counted exactly. For its address each counts until a request comes from
// there, or as long as the engine lets it wait: who opens and closes many is held to have them still.
import type { Admission } from '../../admission/admission.ts';
import { addressHolder } from '../../admission/ip-address.ts';
import { HTTP_WAIT_MS_MAX, WEBSOCKET_LINGER_MS_MAX } from '../../limits.ts';

/** A connection that may be there still, and has sent no request. */
interface Wait {
  readonly holder: string;
  readonly letGo: () => void;
  readonly timer: NodeJS.Timeout;
}

export class UnseatedConnections {
  readonly #admission: Admission;
  /** Whether an address is that of a proxy, whose connections are those of others. */
  readonly #isProxy: (address: string) => boolean;
  /** Oldest first, by whom they count for, and all together, of which there are `maxConnections` at most. */
  readonly #waiting = new Map<string, Set<Wait>>();
  readonly #oldestFirst = new Set<Wait>();

  constructor(admission: Admission, isProxy: (address: string) => boolean) {
    this.#admission = admission;
    this.#isProxy = isProxy;
  }

  /** One more has been opened. False if it may not stay; it is counted all the same until closed() is called for it. */
  opened(address: string | undefined): boolean {
    const stays = address !== undefined && this.#admit(address);
    this.#admission.takeUnseated();
    return stays;
  }

  /** One has closed, or has become a session, which has a seat. */
  closed(): void {
    this.#admission.freeUnseated();
  }

  /** One that was to become a session is none: it counts again until it closes. */
  reopened(): void {
    this.#admission.takeUnseated();
  }

  /** A request has come from an address, and is answered or becomes a session at once. */
  requested(address: string): void {
    const [wait] = this.#waiting.get(addressHolder(address)) ?? [];
    if (wait) this.#giveUp(wait);
  }

  /** A session without a good Hello has ended in a close frame: its connection counts until it is closed for sure. */
  lingers(address: string): void {
    this.#admission.takeUnseated();
    const letGo = this.#admission.holdAnyway(address);
    setTimeout(() => {
      this.#admission.freeUnseated();
      letGo();
    }, WEBSOCKET_LINGER_MS_MAX).unref();
  }

  #admit(address: string): boolean {
    const limited = !this.#isProxy(address) && this.#admission.useOf(address) !== undefined;
    if (!limited) return this.#admission.hasRoomUnseated(0);
    const letGo = this.#admission.hold(address);
    if (letGo === undefined) return false;
    const holder = addressHolder(address);
    if (this.#admission.hasRoomUnseated(this.#waiting.get(holder)?.size ?? 0)) {
      this.#beginWait(holder, letGo);
      return true;
    }
    letGo();
    return false;
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
