// WebSocket: one binary frame is one message (F3).
import { WebSocket } from 'ws';
import { ProtocolError, RegistryUnreachable } from './errors.ts';
import { CONNECT_TIMEOUT_MS, shareOf, whyUnreachable } from './tcp-transport.ts';
import { Arrivals, type Transport } from './transport.ts';

/** A roster of 64 is below 160 KB (4096-bit keys, four long end points each); this leaves room for later versions. */
const REPLY_BYTES_MAX = 1024 * 1024;

/**
 * Connects within `timeoutMs`, which the addresses of the host share. Rejects with RegistryUnreachable, or gives up silently
 * when the signal is aborted.
 */
export async function openWebSocket(
  url: string,
  signal: AbortSignal,
  timeoutMs = CONNECT_TIMEOUT_MS,
): Promise<Transport> {
  const share = await shareOf(new URL(url).hostname.replace(/^\[|\]$/g, ''), timeoutMs, signal);
  return await new Promise((resolve, reject) => {
    const arrivals = new Arrivals(REPLY_BYTES_MAX);
    const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: REPLY_BYTES_MAX, ...share });
    const giveUp = () => socket.terminate();
    signal.addEventListener('abort', giveUp, { once: true });
    socket.once('open', () => {
      signal.removeEventListener('abort', giveUp);
      resolve({
        name: 'ws',
        replyBytesMax: REPLY_BYTES_MAX,
        arrivals,
        // What went wrong with a write is told by 'close', which always follows.
        send: (bytes) => socket.send(bytes, { binary: true }, () => {}),
        close: () => socket.terminate(),
      });
    });
    socket.on('message', (frame: Buffer, isBinary) => {
      const isMessage = isBinary && frame.length > 0;
      if (!isMessage) arrivals.end(new ProtocolError('the registry sent a frame that is no message'));
      if (!isMessage || !arrivals.add(frame)) socket.terminate();
    });
    socket.on('error', (cause) => {
      const error = isFrameFault(cause)
        ? new ProtocolError('the registry sent a frame that is too long or none at all', { cause })
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

/** What ws calls its own findings about frames. */
function isFrameFault(cause: Error): boolean {
  return (cause as NodeJS.ErrnoException).code?.startsWith('WS_ERR_') ?? false;
}
