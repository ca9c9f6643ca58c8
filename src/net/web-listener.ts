// The WebSocket port on one of two engines: uWebSockets.js where its native build loads, else ws on node:http. Both
// behave the same and pass the same tests.
import type { Listener } from './connection.ts';
import { loadUws } from './uws/uws.ts';
import { listenUws } from './uws/uws-listener.ts';
import type { WebSite } from './web-site.ts';

/** The implementation that serves the WebSocket port. */
export type WebEngine = 'uws' | 'node';

/** Resolves `auto` to an engine that loads on this machine. */
export function chooseWebEngine(wanted: 'auto' | WebEngine): WebEngine {
  if (wanted !== 'auto') return wanted;
  return loadUws() ? 'uws' : 'node';
}

/**
 * Serves a site with an engine. Rejects with ListenError. node:https serves every site with a certificate, since
 * uWebSockets.js cannot replace the certificate of a listening app. A second app would lose the connections that wait
 * in the backlog of the first.
 */
export async function listenWeb(engine: WebEngine, site: WebSite): Promise<Listener> {
  if (engine === 'uws' && site.certificate === undefined) return listenUws(site);
  // Loaded only if needed, since ws takes time to load.
  const { listenNodeWeb } = await import('./node-web/node-web-listener.ts');
  return listenNodeWeb(site);
}
