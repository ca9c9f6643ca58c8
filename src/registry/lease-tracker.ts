// Of a table that several servers share: whose use the others have to be told of, and what is held by a use that somebody
// told of. Both hold IDs of what is in use for longer than a quarter of its time to live; most never comes here.
import type { Use } from './command.ts';

/** Others are told of uses so often at most, in the time after which what nobody uses is forgotten. */
const USES_PER_TTL = 4;

export class LeaseTracker {
  /** Bounded by the table: one of each client and cluster. */
  readonly #untold = new Map<string, Use>();
  readonly #held = new Set<string>();

  /** It has been used, and the others do not know. */
  note(use: Use): void {
    this.#untold.set(use.id, use);
  }

  /** Notes a use unless the others know of one that is recent enough. `now` is in milliseconds. */
  tell(used: { toldUse: number }, use: Use, now: number): void {
    if (now - used.toldUse * 1_000 < use.ttlMs / USES_PER_TTL) return;
    used.toldUse = wholeSeconds(now);
    this.note(use);
  }

  /** What they have to be told, `count` at most; it is not given again. */
  take(count: number): Use[] {
    const uses: Use[] = [];
    for (const [id, use] of this.#untold) {
      if (uses.length === count) break;
      uses.push(use);
      this.#untold.delete(id);
    }
    return uses;
  }

  /** A use is known to all, and not over. */
  hold(id: string): void {
    this.#held.add(id);
  }

  letGo(id: string): void {
    this.#held.delete(id);
  }

  isHeld(id: string): boolean {
    return this.#held.has(id);
  }

  clear(): void {
    this.#held.clear();
  }
}

/** Uses are told to the second. */
export function wholeSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1_000);
}
