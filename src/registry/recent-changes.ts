// Which clusters changed last: their IDs in a ring of RECENT_CHANGES_MAX, written over when it is full. To note a change takes
// no search and no memory; who wants to know goes through the ring.
import { RECENT_CHANGES_MAX } from '../limits.ts';

export class RecentChanges {
  readonly #ids: string[] = [];
  /** Where the next one goes. */
  #place = 0;
  #last = '';

  /** The cluster of this ID has just been created, or a seat of it taken or emptied. */
  note(id: string): void {
    if (id === this.#last) return;
    this.#last = id;
    this.#ids[this.#place] = id;
    this.#place = (this.#place + 1) % RECENT_CHANGES_MAX;
  }

  /** IDs, the last that changed first, each once; some may not be there any more. */
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
