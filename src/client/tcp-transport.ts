// The TCP transport.
import { connect } from 'node:net';
import { REPLY_BYTES_MAX } from '../limits.ts';
import { type AddressShare, addressShare } from './address-share.ts';
import { RegistryUnreachable } from './errors.ts';
import { Arrivals, type Transport } from './transport.ts';

/** Milliseconds to connect, whatever the number of end points. */
export const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Connects within `timeoutMs`, which the host's addresses share. Rejects with RegistryUnreachable. An aborted signal
 * stops the attempt silently.
 */
export async function openTcp(
  host: string,
  port: number,
  signal: AbortSignal,
  timeoutMs = CONNECT_TIMEOUT_MS,
  replyBytesMax = REPLY_BYTES_MAX,
): Promise<Transport> {
  const share = await shareOf(host, timeoutMs, signal);
  return await new Promise((resolve, reject) => {
    const arrivals = new Arrivals(replyBytesMax);
    const socket = connect({ host, port, noDelay: true, ...share });
    const giveUp = () => socket.destroy();
    signal.addEventListener('abort', giveUp, { once: true });
    socket.once('connect', () => {
      signal.removeEventListener('abort', giveUp);
      resolve({
        name: 'tcp',
        replyBytesMax,
        arrivals,
        send: (bytes) => void socket.write(bytes),
        hold: (held) => void (held ? socket.ref() : socket.unref()),
        close: () => socket.destroy(),
      });
    });
    socket.on('data', (piece) => {
      if (!arrivals.add(piece)) socket.destroy();
    });
    socket.on('end', () => arrivals.end(new RegistryUnreachable('the registry closed the connection')));
    socket.on('error', (cause) => {
      const error = new RegistryUnreachable(whyUnreachable(cause), { cause });
      arrivals.end(error);
      reject(error);
    });
    socket.on('close', () => {
      const error = new RegistryUnreachable('the connection is closed');
      arrivals.end(error);
      reject(error);
    });
  });
}

/** Divides the time between the host's addresses. Rejects with RegistryUnreachable or the signal's reason. */
export async function shareOf(host: string, timeoutMs: number, signal: AbortSignal): Promise<AddressShare | undefined> {
  const share = await addressShare(host, timeoutMs).catch((cause: Error) => {
    throw new RegistryUnreachable(whyUnreachable(cause), { cause });
  });
  signal.throwIfAborted();
  return share;
}

const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'connection timed out',
  ENOTFOUND: 'host not found',
  EAI_AGAIN: 'host name not resolved',
};

/** Describes a system error in a few words. Errors for hosts with several addresses have a code but no message. */
export function whyUnreachable(cause: Error): string {
  const { code = '' } = cause as NodeJS.ErrnoException;
  return SYSTEM_ERRORS[code] ?? (cause.message || code || 'connection failed');
}
