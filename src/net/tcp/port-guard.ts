// Keeps a TCP port for one registry. Listeners that share a port (`reusePort`) share it with every process of the same
// user, so the kernel refuses no second registry. Two steps do: binding the port alone, which fails if anybody listens
// on it, and a name in the abstract namespace of Unix sockets, which one process at a time can have and which ends with
// it. A registry holds the name while it serves; only while it changes from the one listener to the others is the port
// free.
import { createServer, type ListenOptions, type Server } from 'node:net';
import { listenError } from '../listen-error.ts';

/** A port that this process alone may share among its listeners. */
export interface HeldPort {
  readonly port: number;
  /** Lets other registries have the port. The listeners must be closed. */
  release(): void;
}

/** Takes the port `host:port`; 0 picks a free one. Rejects with ListenError if a process listens on it. */
export async function holdPort(host: string, port: number): Promise<HeldPort> {
  const refuse = (error: NodeJS.ErrnoException) => {
    throw listenError('tcp', host, port, error);
  };
  const alone = await listening({ host, port }).catch(refuse);
  const { port: bound } = alone.address() as { port: number };
  try {
    const guard = await listening({ path: `\0xlreg-tcp-${host}:${bound}` }).catch(refuse);
    guard.unref();
    return { port: bound, release: () => guard.close() };
  } finally {
    await new Promise((resolve) => alone.close(resolve));
  }
}

async function listening(options: ListenOptions): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, resolve);
  });
  return server;
}
