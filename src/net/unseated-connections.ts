// Connections on a uWebSockets.js listener before their request: the engine says where one comes from when it opens, and
// when it closes only that one of them has. In all they are counted exactly. For its address each counts until a request
// comes from there, or as long as the engine lets it wait for one: who opens and closes many is held to have them still.
import type { Admission } from '../admission/admission.ts';
import { HTTP_WAIT_MS_MAX } from '../limits.ts';

/** A connection that may be there still, and has sent no request. */
interface Wait {
  readonly address: string;
  readonly letGo: () => void;
  readonly timer: NodeJS.Timeout;
}

export class UnseatedConnections {
  readonly #admission: Admission;
  /** Whether an address is that of a proxy, whose connections are those of others. */
  readonly #isProxy: (address: string) => boolean;
  /** Oldest first, by address and all together, of which there are `maxConnections` at most. */
  readonly #waiting = new Map<string, Set<Wait>>();
  readonly #oldestFirst = new Set<Wait>();

  constructor(admission: Admission, isProxy: (address: string) => boolean) {
    this.#admission = admission;
    this.#isProxy = isProxy;
  }

  /** One more has been opened; it is counted even if it may not stay, until closed() is called for it. */
  opened(address: string | undefined): boolean {
    const room = this.#admission.takeUnseated();
    if (!room || address === undefined) return false;
    if (this.#isProxy(address)) return true;
    const letGo = this.#admission.hold(address);
    if (letGo !== undefined) this.#beginWait(address, letGo);
    return letGo !== undefined;
  }

  /** One has closed, or has become a session, which has a seat. */
  closed(): void {
    this.#admission.freeUnseated();
  }

  /** One that was to become a session is none: it counts again until it closes. */
  reopened(): void {
    this.#admission.takeUnseated();
  }

  /** A request has come from an address. Returns what lets go of its hold, to be called once, when it is answered. */
  requested(address: string): () => void {
    const [wait] = this.#waiting.get(address) ?? [];
    if (wait) this.#endWait(wait);
    return wait?.letGo ?? (() => {});
  }

  #beginWait(address: string, letGo: () => void): void {
    const timer = setTimeout(() => this.#giveUp(wait), HTTP_WAIT_MS_MAX).unref();
    const wait = { address, letGo, timer };
    const ofAddress = this.#waiting.get(address);
    if (ofAddress) ofAddress.add(wait);
    else this.#waiting.set(address, new Set([wait]));
    this.#oldestFirst.add(wait);
    const [oldest] = this.#oldestFirst;
    if (this.#oldestFirst.size > this.#admission.limits.maxConnections) this.#giveUp(oldest!);
  }

  #giveUp(wait: Wait): void {
    this.#endWait(wait);
    wait.letGo();
  }

  #endWait(wait: Wait): void {
    clearTimeout(wait.timer);
    this.#oldestFirst.delete(wait);
    const ofAddress = this.#waiting.get(wait.address)!;
    ofAddress.delete(wait);
    if (ofAddress.size === 0) this.#waiting.delete(wait.address);
  }
}
