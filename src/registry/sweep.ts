// Goes round a map a few entries at a time, however it changes meanwhile, so that looking for what has expired never
// holds anybody up.

export class Sweep<T> {
  readonly #entries: ReadonlyMap<string, T>;
  #place: Iterator<T> | undefined;

  constructor(entries: ReadonlyMap<string, T>) {
    this.#entries = entries;
  }

  /** The next entries, `count` at most; fewer at the end of a round. */
  next(count: number): T[] {
    const place = this.#place ?? this.#entries.values();
    const found: T[] = [];
    while (found.length < count) {
      const { done, value } = place.next();
      if (done) {
        this.#place = undefined;
        return found;
      }
      found.push(value);
    }
    this.#place = place;
    return found;
  }
}
