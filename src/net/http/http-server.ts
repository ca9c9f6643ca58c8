// A node:http server as every listener of ours has it: bounded heads, bounded times, https where there is a certificate.
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

/** Milliseconds by which the end of a request's time may be noticed late. */
const CHECKING_INTERVAL_MS = 1_000;

/**
 * A server that closes connections whose TLS handshake, head or whole request takes longer than HTTP_REQUEST_MS_MAX.
 * It serves https if there is a certificate, and follows its renewals.
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

/** Names a TCP connection. A TLS request shows another socket object than the one that was accepted. */
export function connectionName({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}

/** The path as it was sent, without the query. */
export function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0]!;
}

/** Answers with a page; HEAD gets its head only. */
export function answerPage(
  { method }: IncomingMessage,
  response: ServerResponse,
  { status, type, headers, body }: HttpPage,
): void {
  response.writeHead(status, { 'content-type': type, ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(method === 'HEAD' ? undefined : body);
}
