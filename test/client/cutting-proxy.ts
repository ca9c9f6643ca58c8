// A relay in front of a registry's TCP port that swallows one reply of each connection and cuts it there: the registry
// has served the request, and the client does not know.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class CuttingProxy {
  /** The reply, from 1, that does not arrive. The Hello's is the first. */
  cutAt = Number.POSITIVE_INFINITY;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(port: number): Promise<CuttingProxy> {
    const server = createServer();
    const proxy = new CuttingProxy(server);
    server.on('connection', (client) => proxy.#relay(client, connect(port, '127.0.0.1')));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** A reply is one write of the registry's (F1), and small enough here to arrive as one. */
  #relay(client: Socket, registry: Socket): void {
    const { cutAt } = this;
    let replies = 0;
    for (const [socket, other] of [
      [client, registry],
      [registry, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    client.on('data', (bytes) => registry.write(bytes));
    registry.on('data', (bytes) => {
      replies += 1;
      if (replies === cutAt) client.destroy();
      else client.write(bytes);
    });
  }
}
