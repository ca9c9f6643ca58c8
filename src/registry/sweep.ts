// Visits a map in rounds, a few entries a call, while the map changes. Commands run between the calls, so looking for
// expired entries never delays them long.

export class Sweep<T> {
  readonly #entries: ReadonlyMap<string, T>;
  #iterator: Iterator<T> | undefined;

  constructor(entries: ReadonlyMap<string, T>) {
    this.#entries = entries;
  }

  /** Returns the next entries: at most `count`, fewer at the end of a round. */
  next(count: number): T[] {
    const iterator = this.#iterator ?? this.#entries.values();
    const found: T[] = [];
    while (found.length < count) {
      const { done, value } = iterator.next();
      if (done) {
        this.#iterator = undefined;
        return found;
      }
      found.push(value);
    }
    this.#iterator = iterator;
    return found;
  }
}
