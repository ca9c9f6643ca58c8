// What is known of the store: whether it has room, whether it can be reached, and how far the table is behind it.
import { type CatchUp, type Store, StoreFullError, StoreUnreachableError } from '../store/store.ts';
import type { CoordinatorObserver } from './coordinator-observer.ts';

export class StoreHealth {
  /** How far the table is behind a store that several servers share. */
  freshness: CatchUp['freshness'] = 'current';
  readonly #isShared: boolean;
  readonly #observer: CoordinatorObserver;
  #full = false;
  #unreachable = false;
  #broken = false;

  constructor(store: Store, observer: CoordinatorObserver) {
    this.#isShared = store.catchUp !== undefined;
    this.#observer = observer;
  }

  get isUnreachable(): boolean {
    return this.#unreachable;
  }

  /** After an error of which nobody knows what it left stored, nothing is acknowledged any more. */
  get isBroken(): boolean {
    return this.#broken;
  }

  /** Whether only a probe tells if the store takes changes again. A shared store tells by catching up that it can be reached. */
  get needsProbe(): boolean {
    return this.#full || (this.#unreachable && !this.#isShared);
  }

  /** The store was asked how far it is; `reason` says why the table is not current. */
  caughtUp(freshness: CatchUp['freshness'], reason: string | undefined): void {
    this.freshness = freshness;
    this.#setUnreachable(freshness === 'current' ? undefined : (reason ?? 'the store cannot be asked'));
  }

  /** There was no time to ask a shared store. */
  notAsked(): void {
    if (this.freshness === 'current') this.freshness = 'behind';
  }

  /** The store took what it was given. */
  stored(): void {
    this.#setFull(undefined);
    if (!this.#isShared) this.#setUnreachable(undefined);
  }

  failed(error: unknown): void {
    if (error instanceof StoreFullError) return this.#setFull(error.message);
    if (error instanceof StoreUnreachableError) return this.#setUnreachable(error.message);
    if (!this.#broken) this.#observer.broken(error);
    this.#broken = true;
  }

  #setFull(reason: string | undefined): void {
    const full = reason !== undefined;
    if (full !== this.#full) this.#observer.full(reason);
    this.#full = full;
  }

  #setUnreachable(reason: string | undefined): void {
    const unreachable = reason !== undefined;
    if (unreachable !== this.#unreachable) this.#observer.unreachable(reason);
    this.#unreachable = unreachable;
  }
}
