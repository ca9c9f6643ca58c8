// A TCP relay in front of servers on the loopback: a minimal load balancer, and a network with faults.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Takes each read of one connection, by its sender; `pass` hands it to the other end. */
export type TakeRead = (sender: 'client' | 'server', pass: () => void) => void;

export class TcpRelay {
  /** Ports that connections go to in turn; while there are none, connections are closed. */
  servers: readonly number[];
  /**
   * Answers of a server that pass on a connection; the next one is dropped with the connection. An answer is one read:
   * the registry writes each at once (F1), and they are small enough here.
   */
  answersMax = Infinity;
  /** Delay of answers, in milliseconds. */
  delayMs = 0;
  /** Bytes that a server gets ahead of each connection's, such as a PROXY header. */
  header = Buffer.alloc(0);
  readonly #server = createServer({ noDelay: true }, (client) => this.#relay(client));
  readonly #sockets = new Set<Socket>();
  #connections = 0;

  protected constructor(servers: readonly number[]) {
    this.servers = servers;
  }

  static async to(...servers: number[]): Promise<TcpRelay> {
    return await new TcpRelay(servers).listening();
  }

  protected async listening(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Closes all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Closes the listener and all connections. */
  stop(): void {
    this.#server.close();
    this.cut();
  }

  /** Begins with a connection. */
  protected begin(client: Socket): TakeRead {
    let answers = 0;
    return (sender, pass) => {
      if (sender === 'client') pass();
      else if (answers++ >= this.answersMax) client.destroy();
      else if (this.delayMs > 0) setTimeout(pass, this.delayMs);
      else pass();
    };
  }

  #relay(client: Socket): void {
    const port = this.servers[this.#connections++ % this.servers.length];
    if (port === undefined) return void client.destroy();
    const server = connect({ host: '127.0.0.1', port, noDelay: true });
    server.write(this.header);
    const take = this.begin(client);
    for (const [sender, from, to] of [
      ['client', client, server],
      ['server', server, client],
    ] as const) {
      this.#sockets.add(from);
      from.on('data', (bytes) => take(sender, () => void to.write(bytes)));
      from.on('error', () => {});
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroySoon();
      });
    }
  }
}
