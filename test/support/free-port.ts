// A port of the loopback that nobody listens on.
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Finds a free port. Another process may take it later. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
