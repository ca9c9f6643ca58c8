// A TCP relay in front of etcd. Cut, it closes its connections and every new one; delayed, it holds every answer
// back. Direct connections to etcd are not affected.

import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export class Relay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #cut = false;
  /** Delay of data from etcd, in milliseconds. */
  delayMs = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async to(endPoint: string): Promise<Relay> {
    const [host, port] = endPoint.split(':') as [string, string];
    const server = createServer();
    const relay = new Relay(server);
    server.on('connection', (socket) => relay.#pass(socket, connect(Number(port), host)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return relay;
  }

  get endPoint(): string {
    return `127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#cut = false;
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #pass(one: Socket, other: Socket): void {
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      this.#sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      if (from === one) from.pipe(to);
      else from.on('data', (piece) => void setTimeout(() => to.write(piece), this.delayMs));
    }
    if (this.#cut) one.destroy();
  }
}
