// A relay in front of a registry's TCP port that stops a member at a chosen message. Client and registry take turns, so
// the direction of the bytes tells one message from the next, in whatever segments they arrive.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** The first message that is held back: a request before the registry gets it, or its reply. Both count from 1. */
export type Stop = { readonly request: number } | { readonly reply: number };

export class Gate {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Bytes that are held back, in order. BOUNDED by the two messages of each connection of one member. */
  #kept: (() => void)[] = [];
  #stop: Stop | undefined;
  #isShut = false;
  #reached: () => void = () => {};

  private constructor(server: Server) {
    this.#server = server;
  }

  static async to(port: number): Promise<Gate> {
    const server = createServer();
    const gate = new Gate(server);
    server.on('connection', (client) => gate.#relay(client, connect(port, '127.0.0.1')));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return gate;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Shuts at this message of any connection. Resolves when it is held back. */
  stopAt(stop: Stop): Promise<void> {
    this.#stop = stop;
    return new Promise((resolve) => {
      this.#reached = resolve;
    });
  }

  /** Holds back all bytes from now on, in both directions and of later connections, too. */
  shut(): void {
    this.#isShut = true;
    this.#reached();
  }

  /** Passes on what was held back, and all that follows. */
  open(): void {
    this.#stop = undefined;
    this.#isShut = false;
    for (const pass of this.#kept.splice(0)) pass();
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #relay(client: Socket, registry: Socket): void {
    let turns = 0;
    let isClientsTurn = false;
    for (const [from, to] of [
      [client, registry],
      [registry, client],
    ] as const) {
      this.#sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.on('data', (bytes) => {
        const isClient = from === client;
        if (isClient && !isClientsTurn) turns += 1;
        isClientsTurn = isClient;
        const stop = this.#stop;
        if (stop && turns === (isClient ? 'request' in stop && stop.request : 'reply' in stop && stop.reply))
          this.shut();
        if (this.#isShut) this.#kept.push(() => void to.write(bytes));
        else to.write(bytes);
      });
    }
  }
}
