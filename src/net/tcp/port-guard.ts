// Keeps a TCP port for one registry. Listeners that share a port (`reusePort`) share it with every process of the same
// user, so the kernel refuses no second registry. Two steps do: binding the port alone, which fails if anybody listens
// on it, and a name in the abstract namespace of Unix sockets, which one process at a time can have and which ends with
// it. A registry holds the name while it serves; only while it changes from the one listener to the others is the port
// free.
import { createServer, type Server } from 'node:net';
import type { Listener } from '../connection.ts';
import { listenError } from '../listen-error.ts';
import { boundAddress, type SharedListenOptions } from './tcp-listener.ts';

/** A port that this process alone may share among its listeners. close() lets other registries have it. */
export interface HeldPort extends Listener {
  /** Leaves the port to the others, which listen by now. Until then this one takes connections, too, and closes them. */
  leave(): Promise<void>;
}

/** Takes the port `host:port`; 0 picks a free one. Rejects with ListenError if a process listens on it. */
export async function holdPort(host: string, port: number): Promise<HeldPort> {
  const refuse = (error: NodeJS.ErrnoException) => {
    throw listenError('tcp', host, port, error);
  };
  const alone = await listening({ host, port }).catch(refuse);
  const bound = boundAddress(alone);
  let guard: Server;
  try {
    guard = await listening({ path: `\0xlreg-tcp-${host}:${bound.port}` }).catch(refuse);
    guard.unref();
  } finally {
    await closed(alone);
  }
  const place = await listening({ host, port: bound.port, reusePort: true }).catch((error) => {
    guard.close();
    return refuse(error);
  });
  const leave = () => closed(place);
  return {
    ...bound,
    leave,
    async close() {
      await leave();
      guard.close();
    },
  };
}

async function listening(options: SharedListenOptions): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, resolve);
  });
  return server;
}

/** Closes a server, which may be closed. */
function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
