// How often a WebSocket peer may ping: each ping is answered, so that many cost everybody else.

/** Pings of one second; a peer that keeps its connection alive sends one in many seconds. */
const PINGS_PER_SECOND_MAX = 10;

/** Counts the pings of one connection. */
export class PingRate {
  #second = 0;
  #count = 0;

  /** Counts one more; false if it is too many. */
  allows(): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) this.#count = 0;
    this.#second = second;
    return ++this.#count <= PINGS_PER_SECOND_MAX;
  }
}
