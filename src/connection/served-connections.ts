// Stage 1, front end, sequential: listeners enter here. All served connections, from the end of the server's start to
// its drain.
import { DRAIN_WAITS_MS } from '../limits.ts';
import type { Connection, ConnectionHandler } from '../net/connection.ts';
import { ServedConnection, type Service } from './serve-connection.ts';
import type { OpenSession } from './session-log.ts';

/** Share of the grace period over which waits end: the rest is for the clients to leave. */
const DRAIN_SHARE = 1 / 2;

export class ServedConnections {
  readonly #served = new Set<ServedConnection>();
  /** Undefined before the start is complete and during the drain: new connections are then closed at once. */
  #service: Service | undefined;
  #emptied: () => void = () => {};

  /** Begins to serve new connections. */
  open(service: Service): void {
    this.#service = service;
  }

  /** Serves a connection, or closes it before `open` and after `drain`. */
  accept(connection: Connection): ConnectionHandler {
    if (this.#service === undefined) {
      connection.destroy();
      return { received() {}, drained() {}, peerEnded() {}, closed() {} };
    }
    const handler = new ServedConnection(connection, this.#service, () => this.#gone(handler));
    this.#served.add(handler);
    return handler;
  }

  /** At most `limit` connections with numbers above `after`, in ascending order. */
  list(after: number, limit: number): OpenSession[] {
    const found: OpenSession[] = [];
    for (const served of this.#served) {
      const session = served.describe();
      if (session.connection > after) found.push(session);
      if (found.length >= limit) break;
    }
    return found;
  }

  /**
   * Accepts no more connections, answers further requests with `server is shutting down`, and closes the rest after
   * `graceMs`. Resolves when all connections are gone or closed.
   */
  async drain(graceMs: number): Promise<void> {
    this.#service?.parked.drain(Math.min(graceMs * DRAIN_SHARE, DRAIN_WAITS_MS));
    this.#service = undefined;
    for (const connection of this.#served) connection.stop();
    if (this.#served.size === 0) return;
    const emptied = new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
    const grace = setTimeout(() => {
      for (const connection of this.#served) connection.abandon();
      // Resolve even if a socket never closes.
      setImmediate(() => this.#emptied());
    }, graceMs);
    await emptied;
    clearTimeout(grace);
  }

  #gone(connection: ServedConnection): void {
    this.#served.delete(connection);
    if (this.#served.size === 0) this.#emptied();
  }
}
