// Connections whose handshake is not complete: bounded in number and time, whoever opens them.
import type { Socket } from 'node:net';

/** Half-open connections of a listener at most. */
export const HALF_OPEN_MAX = 64;
/** Milliseconds for a handshake. */
export const HANDSHAKE_MS = 5_000;

/** The half-open connections of one listener, oldest first. */
export class HalfOpen {
  readonly #timers = new Map<Socket, NodeJS.Timeout>();

  get size(): number {
    return this.#timers.size;
  }

  /**
   * Counts a new connection. At the bound it displaces the oldest connection of the address that has most, so that one
   * address cannot keep the others out.
   */
  add(socket: Socket): void {
    if (this.#timers.size >= HALF_OPEN_MAX) this.#oldestOfTheBusiest()?.destroy();
    this.#timers.set(
      socket,
      setTimeout(() => socket.destroy(), HANDSHAKE_MS),
    );
    socket.once('close', () => this.delete(socket));
  }

  /** The handshake is over, or the connection. */
  delete(socket: Socket): void {
    clearTimeout(this.#timers.get(socket));
    this.#timers.delete(socket);
  }

  /** Destroys all. */
  clear(): void {
    for (const socket of [...this.#timers.keys()]) {
      this.delete(socket);
      socket.destroy();
    }
  }

  #oldestOfTheBusiest(): Socket | undefined {
    const counts = new Map<string, number>();
    const addressOf = (socket: Socket) => socket.remoteAddress ?? '';
    for (const socket of this.#timers.keys()) counts.set(addressOf(socket), (counts.get(addressOf(socket)) ?? 0) + 1);
    const most = Math.max(...counts.values());
    const oldest = [...this.#timers.keys()].find((socket) => counts.get(addressOf(socket)) === most);
    if (oldest !== undefined) this.delete(oldest);
    return oldest;
  }
}
