// Tracks uses on a shared store: own uses to announce, and announced uses that still hold an entry. Only entries in use
// for longer than a quarter of their time to live appear here.
import type { Use } from './command.ts';

/** Announcements of one entry per time to live, at most. */
const USES_PER_TTL = 4;

export class LeaseTracker {
  /** BOUNDED by the table: one use for each client and cluster. */
  readonly #pending = new Map<string, Use>();
  readonly #held = new Set<string>();

  /** Queues a use for announcement. */
  note(use: Use): void {
    this.#pending.set(use.id, use);
  }

  /** Queues a use unless the last announced one is recent enough. `now` is in milliseconds. */
  announce(used: { announcedUse: number }, use: Use, now: number): void {
    if (now - used.announcedUse * 1_000 < use.ttlMs / USES_PER_TTL) return;
    used.announcedUse = wholeSeconds(now);
    this.note(use);
  }

  /** Takes at most `count` uses off the queue. */
  take(count: number): Use[] {
    const uses: Use[] = [];
    for (const [id, use] of this.#pending) {
      if (uses.length === count) break;
      uses.push(use);
      this.#pending.delete(id);
    }
    return uses;
  }

  /** Marks an entry as held by an announced use. */
  hold(id: string): void {
    this.#held.add(id);
  }

  release(id: string): void {
    this.#held.delete(id);
  }

  isHeld(id: string): boolean {
    return this.#held.has(id);
  }

  clear(): void {
    this.#held.clear();
  }
}

/** Announced uses have a resolution of one second. */
export function wholeSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1_000);
}
