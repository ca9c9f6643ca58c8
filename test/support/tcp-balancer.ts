// A minimal load balancer: each connection goes to the next server in turn, with its bytes unchanged.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class TcpBalancer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #connections = 0;
  /** Ports of the loopback that connections go to in turn; while there are none, connections are closed. */
  servers: readonly number[];
  /** How many replies of a server pass on a connection; the next one is dropped with the connection. */
  answersMax = Infinity;

  private constructor(servers: readonly number[]) {
    this.servers = servers;
    this.#server = createServer({ noDelay: true }, (client) => {
      const port = this.servers[this.#connections++ % this.servers.length];
      if (port === undefined) return client.destroy();
      const server = connect({ host: '127.0.0.1', port, noDelay: true });
      let answers = 0;
      server.on('data', () => void (answers++ < this.answersMax || client.destroy()));
      for (const [one, other] of [
        [client, server],
        [server, client],
      ] as const) {
        this.#sockets.add(one);
        one.pipe(other);
        one.on('error', () => other.destroy());
        one.on('close', () => {
          this.#sockets.delete(one);
          other.destroy();
        });
      }
    });
  }

  static async start(servers: readonly number[]): Promise<TcpBalancer> {
    const balancer = new TcpBalancer(servers);
    balancer.#server.listen(0, '127.0.0.1');
    await once(balancer.#server, 'listening');
    return balancer;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Closes the listener and all connections. */
  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
