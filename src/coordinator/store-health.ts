// State of the store as the coordinator knows it: full, unreachable, broken, and the freshness of the table.
import { type CatchUp, type Store, StoreFullError, StoreUnreachableError } from '../store/store.ts';
import type { CoordinatorObserver } from './coordinator-observer.ts';

export class StoreHealth {
  /** Freshness of the table of a shared store; always current for a local one. */
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

  /** True after an error that leaves the stored state unknown. Nothing may be acknowledged then. */
  get isBroken(): boolean {
    return this.#broken;
  }

  /** False from a failure on, or while the table may be behind, until the store has answered again. */
  get answers(): boolean {
    return this.freshness === 'current' && !this.#full && !this.#unreachable && !this.#broken;
  }

  /** True if a probe has to test the store. Catch-up tests the reachability of a shared store by itself. */
  get needsProbe(): boolean {
    return this.#full || (this.#unreachable && !this.#isShared);
  }

  /** Records the result of a catch-up. `reason` says why the table is not current. */
  caughtUp(freshness: CatchUp['freshness'], reason: string | undefined): void {
    if ((freshness === 'wrong') !== (this.freshness === 'wrong')) this.#observer.answerable(freshness !== 'wrong');
    this.freshness = freshness;
    this.#setUnreachable(freshness === 'current' ? undefined : (reason ?? 'the store does not answer'));
  }

  /** Records that the deadline left no time for a catch-up. */
  catchUpSkipped(): void {
    if (this.freshness === 'current') this.freshness = 'behind';
  }

  /** Records a successful commit or probe. */
  stored(): void {
    this.#setFull(undefined);
    if (!this.#isShared) this.#setUnreachable(undefined);
  }

  /** Records a failure. Any error but StoreFullError and StoreUnreachableError breaks the store for good. */
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
