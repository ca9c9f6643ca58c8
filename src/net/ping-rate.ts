// A rate limit for WebSocket pings: each costs a pong. Keeping a connection alive takes one in many seconds.

/** Pings that a connection may send in one second. */
const PINGS_PER_SECOND_MAX = 10;

/** Counts the pings of one connection. */
export class PingRate {
  #second = 0;
  #count = 0;

  /** Counts a ping. Returns false if it exceeds the limit. */
  allows(): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) this.#count = 0;
    this.#second = second;
    return ++this.#count <= PINGS_PER_SECOND_MAX;
  }
}
