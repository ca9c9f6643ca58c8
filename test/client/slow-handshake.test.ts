// A name with two addresses: the first answers its handshake late, the second refuses connections.
import { type ChildProcess, spawn } from 'node:child_process';
import dns from 'node:dns';
import { once } from 'node:events';
import { connect as connectSocket, type Socket, setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { ADDRESS_TIMEOUT_MS } from '../../src/client/address-share.ts';
import { openTcp } from '../../src/client/tcp-transport.ts';
import { openWebSocket } from '../../src/client/websocket-transport.ts';

const NAME = 'two-addresses.test';
const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
  vi.restoreAllMocks();
});

/** Makes the name resolve to these addresses in this process. */
function resolveTo(...addresses: string[]): void {
  const found = addresses.map((address) => ({ address, family: 4 }));
  vi.spyOn(dns, 'lookup').mockImplementation(((_: string, options: unknown, callback?: unknown) => {
    const answer = (callback ?? options) as (error: null, found: unknown) => void;
    process.nextTick(answer, null, found);
  }) as never);
}

const LISTENER = `
  const { createServer } = require('node:http');
  const { WebSocketServer } = require('ws');
  const server = createServer((_, response) => response.end('ok'));
  new WebSocketServer({ server });
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => console.log(server.address().port));
`;

/** A stopped listener with a full backlog: the kernel drops SYNs until `goOn`. */
async function busyListener(): Promise<{ readonly port: number; goOn(): void }> {
  const child: ChildProcess = spawn(process.execPath, ['-e', LISTENER], { stdio: ['ignore', 'pipe', 'inherit'] });
  stops.push(() => child.kill('SIGKILL'));
  const [line] = await once(child.stdout!, 'data');
  const port = Number(line);
  child.kill('SIGSTOP');
  const fillers: Socket[] = [];
  stops.push(() => {
    for (const socket of fillers) socket.destroy();
  });
  for (;;) {
    const socket = connectSocket({ host: '127.0.0.1', port });
    socket.on('error', () => {});
    fillers.push(socket);
    const connected = once(socket, 'connect').then(() => true);
    const dropped = new Promise<false>((resolve) => setTimeout(() => resolve(false), 200));
    if (!(await Promise.race([connected, dropped]))) break;
  }
  return { port, goOn: () => void child.kill('SIGCONT') };
}

it.each(['tcp', 'ws', 'http'] as const)('waits for the slow address over %s', { timeout: 15_000 }, async (how) => {
  const { port, goOn } = await busyListener();
  resolveTo('127.0.0.1', '127.0.0.2');
  const { signal } = new AbortController();
  // The command line does the same for fetch().
  if (how === 'http') setDefaultAutoSelectFamilyAttemptTimeout(ADDRESS_TIMEOUT_MS);
  const opening =
    how === 'http'
      ? fetch(`http://${NAME}:${port}/`)
      : how === 'ws'
        ? openWebSocket(`ws://${NAME}:${port}/xlreg`, signal, 10_000)
        : openTcp(NAME, port, signal, 10_000);
  const opened = opening.then(
    () => 'opened',
    (error: Error) => String(error.cause ?? error),
  );
  // Node's default of 250 ms per address is over.
  const early = await Promise.race([opened, new Promise((resolve) => setTimeout(resolve, 400, 'waits'))]);
  expect(early).toBe('waits');
  goOn();
  expect(await opened).toBe('opened');
});
