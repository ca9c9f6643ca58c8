// All connections that are served: taken in once the registry is ready for them, and let go in order when it stops.
import type { Connection, ConnectionHandler } from '../net/connection.ts';
import { ServedConnection, type Service } from './serve-connection.ts';
import type { OpenSession } from './session-log.ts';

export class ServedConnections {
  readonly #served = new Set<ServedConnection>();
  /** Undefined until the registry can serve, and when it stops: who connects then is turned away. */
  #service: Service | undefined;
  #emptied: () => void = () => {};

  /** From now on connections are served. */
  open(service: Service): void {
    this.#service = service;
  }

  /** Takes a connection in. */
  accept(connection: Connection): ConnectionHandler {
    if (this.#service === undefined) {
      connection.destroy();
      return { received() {}, drained() {}, peerEnded() {}, closed() {} };
    }
    const handler = new ServedConnection(connection, this.#service, () => this.#gone(handler));
    this.#served.add(handler);
    return handler;
  }

  /** Those that came behind the connection of this number, `limit` at most, in the order in which they came. */
  list(after: number, limit: number): OpenSession[] {
    const found: OpenSession[] = [];
    for (const served of this.#served) {
      const session = served.describe();
      if (session.connection > after) found.push(session);
      if (found.length >= limit) break;
    }
    return found;
  }

  /** Whether a client of this ID is connected from two places. */
  hasTwin(clientId: string): boolean {
    return this.#service?.clients.hasTwin(clientId) ?? false;
  }

  /**
   * Takes nobody in any more, tells those who ask that the server is shutting down, and closes the others after
   * `graceMs`. Resolves when all are gone or closed.
   */
  async drain(graceMs: number): Promise<void> {
    this.#service = undefined;
    for (const connection of this.#served) connection.stop();
    if (this.#served.size === 0) return;
    const emptied = new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
    const grace = setTimeout(() => {
      for (const connection of this.#served) connection.abandon();
      // Nobody waits for a socket that does not close.
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
