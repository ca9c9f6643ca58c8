// A node:http server with bounded heads and times, and https if it has a certificate. Every listener on node:http uses
// it.
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, type Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { HTTP_HEAD_BYTES_MAX, HTTP_REQUEST_MS_MAX } from '../../limits.ts';
import type { Certificate } from '../certificate.ts';
import { type Listener, printAddress } from '../connection.ts';
import { listenError } from '../listen-error.ts';
import { boundAddress } from '../tcp/tcp-listener.ts';
import type { HttpPage } from '../web-site.ts';

/** With or without TLS. */
export type WebServer = HttpServer | HttpsServer;

/** Milliseconds between two checks for late requests. */
const CHECKING_INTERVAL_MS = 1_000;

/**
 * Makes a server that closes connections whose TLS handshake, head or whole request takes longer than
 * HTTP_REQUEST_MS_MAX. With a certificate it serves https, and uses the new certificate after a reload.
 */
export function createWebServer(certificate: Certificate | undefined, listener: RequestListener): WebServer {
  const settings = {
    maxHeaderSize: HTTP_HEAD_BYTES_MAX,
    connectionsCheckingInterval: CHECKING_INTERVAL_MS,
    headersTimeout: HTTP_REQUEST_MS_MAX,
    requestTimeout: HTTP_REQUEST_MS_MAX,
  };
  if (certificate === undefined) return createServer(settings, listener);
  const tls = { ...settings, ...certificate.pair, handshakeTimeout: HTTP_REQUEST_MS_MAX };
  const server = createTlsServer(tls, listener);
  certificate.onReload((pair) => server.setSecureContext(pair));
  return server;
}

/** Binds the server; rejects with ListenError. */
export async function listenOn(server: WebServer, host: string, port: number): Promise<Listener> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError('web', host, port, error)));
    server.listen({ host, port }, resolve);
  });
  const { port: bound } = boundAddress(server);
  return {
    address: printAddress(host, bound),
    port: bound,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/**
 * A key for a TCP connection. Socket objects cannot be keys: a TLS request has another one than the accepted socket.
 */
export function connectionName({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}

/** The path as sent, without the query. */
export function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0]!;
}

/** Replies with a page; to HEAD with its head only. */
export function answerPage(
  { method }: IncomingMessage,
  response: ServerResponse,
  { status, type, headers, body }: HttpPage,
): void {
  response.writeHead(status, { 'content-type': type, ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(method === 'HEAD' ? undefined : body);
}
