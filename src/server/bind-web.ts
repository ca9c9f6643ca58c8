// Start step 8: the WebSocket port, which also serves regCred.dat.
import { Networks } from '../admission/ip-address.ts';
import type { Listener } from '../net/connection.ts';
import type { WebSessions } from '../net/upgrade.ts';
import { listenWeb, type WebEngine } from '../net/web-listener.ts';
import type { HttpPage } from '../net/web-site.ts';
import type { BoundTcp } from './bind-tcp.ts';
import { listenPatiently } from './listen-patiently.ts';
import type { ServerContext } from './server-context.ts';

/** Resolves to undefined if the port is off. Rejects with ListenError. */
export async function bindWeb(context: ServerContext, engine: WebEngine, tcp: BoundTcp): Promise<Listener | undefined> {
  const { config, observer, certificates } = context;
  if (config.ws === undefined) return undefined;
  const pages = new Map<string, HttpPage>([
    ['/regCred.dat', { status: 200, type: 'text/plain; charset=us-ascii', body: tcp.regCredText }],
  ]);
  const site = { ...config.ws, pages, sessions: webSessions(context, tcp), certificate: certificates.ws };
  return await listenPatiently(() => listenWeb(engine, site), observer.log);
}

function webSessions({ config, connections }: ServerContext, { admission }: BoundTcp): WebSessions {
  const trust = { forwarded: new Networks(config.forwarded), xForwardedFor: new Networks(config.xForwardedFor) };
  return { accept: connections.accept.bind(connections), admission, trust, allowedOrigins: config.allowedOrigins };
}
