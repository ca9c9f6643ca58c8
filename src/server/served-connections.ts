// All connections that are served: taken in once the registry is ready for them, and let go in order when it stops.
import type { Connection, ConnectionHandler } from '../net/connection.ts';
import { ServedConnection, type Service } from './serve-connection.ts';

/** How long connections get to take what was in work when the server stops. */
const STOP_GRACE_MS = 2_000;

export class ServedConnections {
  readonly #served = new Set<ServedConnection>();
  /** Undefined until the registry can serve: who connects before is turned away. */
  #service: Service | undefined;

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
    const handler = new ServedConnection(connection, this.#service, () => this.#served.delete(handler));
    this.#served.add(handler);
    return handler;
  }

  /** Lets every connection take its reply, then closes those that are still there. */
  async finish(): Promise<void> {
    for (const connection of this.#served) connection.stop();
    const giveUp = performance.now() + STOP_GRACE_MS;
    while (this.#served.size > 0 && performance.now() < giveUp) await new Promise((resolve) => setTimeout(resolve, 10));
    for (const connection of this.#served) connection.abandon();
  }
}
