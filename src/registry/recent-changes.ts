// Records which clusters changed last, in a ring buffer of RECENT_CHANGES_MAX IDs. `note` does no search and no
// allocation; `newest` scans the ring.
import { RECENT_CHANGES_MAX } from '../limits.ts';

export class RecentChanges {
  readonly #ids: string[] = [];
  /** Position of the next write. */
  #place = 0;
  #last = '';

  /** Notes that a cluster was created, or that one of its seats was taken or emptied. */
  note(id: string): void {
    if (id === this.#last) return;
    this.#last = id;
    this.#ids[this.#place] = id;
    this.#place = (this.#place + 1) % RECENT_CHANGES_MAX;
  }

  /** Yields each ID once, most recently changed first. Some clusters may no longer exist. */
  *newest(): Iterable<string> {
    const seen = new Set<string>();
    for (let back = 1; back <= this.#ids.length; back++) {
      const id = this.#ids.at(this.#place - back)!;
      if (seen.has(id)) continue;
      seen.add(id);
      yield id;
    }
  }
}
