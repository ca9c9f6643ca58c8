// The WebSocket transport: one binary frame is one message (F3).
import type { Socket } from 'node:net';
import { HelloRefused, ProtocolError, RegistryUnreachable, TURNED_AWAY } from './errors.ts';
import { CONNECT_TIMEOUT_MS, shareOf, whyUnreachable } from './tcp-transport.ts';
import { Arrivals, type Transport } from './transport.ts';

/**
 * Maximum bytes of a reply. A roster of 64 takes less than 160 KB (4096-bit keys, four long end points each). The rest
 * is room for later versions.
 */
const REPLY_BYTES_MAX = 1024 * 1024;

/**
 * Connects within `timeoutMs`, which the host's addresses share. Rejects with RegistryUnreachable. An aborted signal
 * stops the attempt silently.
 */
export async function openWebSocket(
  url: string,
  signal: AbortSignal,
  timeoutMs = CONNECT_TIMEOUT_MS,
): Promise<Transport> {
  // Most members use TCP, and a third of a short command's time is to load its modules.
  const { WebSocket } = await import('ws');
  const share = await shareOf(new URL(url).hostname.replace(/^\[|\]$/g, ''), timeoutMs, signal);
  return await new Promise((resolve, reject) => {
    const arrivals = new Arrivals(REPLY_BYTES_MAX);
    const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: REPLY_BYTES_MAX, ...share });
    let connection: Socket | undefined;
    socket.once('upgrade', (response) => {
      connection = response.socket;
    });
    const giveUp = () => socket.terminate();
    signal.addEventListener('abort', giveUp, { once: true });
    socket.once('open', () => {
      signal.removeEventListener('abort', giveUp);
      resolve({
        name: 'ws',
        replyBytesMax: REPLY_BYTES_MAX,
        arrivals,
        // Ignores write errors: a 'close' event always follows them.
        send: (bytes) => socket.send(bytes, { binary: true }, () => {}),
        hold: (held) => void (held ? connection?.ref() : connection?.unref()),
        close: () => socket.terminate(),
      });
    });
    socket.on('message', (frame: Buffer, isBinary) => {
      const isMessage = isBinary && frame.length > 0;
      if (!isMessage) arrivals.end(new ProtocolError('the registry sent a frame that is not a message'));
      if (!isMessage || !arrivals.add(frame)) socket.terminate();
    });
    socket.on('error', (cause) => {
      // A limit per address closes the connection at its upgrade, without a reply.
      const isCut = socket.readyState !== WebSocket.OPEN && (cause as NodeJS.ErrnoException).code === 'ECONNRESET';
      if (isCut)
        reject(new HelloRefused(`the connection was closed at its WebSocket upgrade: ${TURNED_AWAY}`, { cause }));
      const error = isFrameFault(cause)
        ? new ProtocolError('the registry sent a WebSocket frame that is too long or malformed', { cause })
        : new RegistryUnreachable(whyUnreachable(cause), { cause });
      arrivals.end(error);
      reject(error);
    });
    socket.on('close', (status) => {
      const error = new RegistryUnreachable(`the registry closed the connection (WebSocket status ${status})`);
      arrivals.end(error);
      reject(error);
    });
  });
}

/** True if ws rejected a frame of the registry. */
function isFrameFault(cause: Error): boolean {
  return (cause as NodeJS.ErrnoException).code?.startsWith('WS_ERR_') ?? false;
}
