// The WebSocket port: one promise, two engines. uWebSockets.js where its native build loads, else ws on node:http, which
// behave the same and pass the same tests.
import type { Listener } from './connection.ts';
import { loadUws } from './uws/uws.ts';
import { listenUws } from './uws/uws-listener.ts';
import type { WebSite } from './web-site.ts';

/** Which implementation serves the WebSocket port. */
export type WebEngine = 'uws' | 'node';

/** The engine that `auto` means on this machine. */
export function chooseWebEngine(wanted: 'auto' | WebEngine): WebEngine {
  if (wanted !== 'auto') return wanted;
  return loadUws() ? 'uws' : 'node';
}

/**
 * Serves a site with an engine; rejects with ListenError. A site with a certificate is served by node:https whatever the
 * engine: uWebSockets.js cannot change the certificate of an app that listens, and a second app beside it would lose the
 * connections that wait at the first one's port.
 */
export async function listenWeb(engine: WebEngine, site: WebSite): Promise<Listener> {
  if (engine === 'uws' && site.certificate === undefined) return listenUws(site);
  // Loaded where it is wanted: ws takes some 20 ms.
  const { listenNodeWeb } = await import('./node-web/node-web-listener.ts');
  return listenNodeWeb(site);
}
