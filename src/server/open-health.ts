// The health listener of --health: liveness and readiness for a balancer on another machine, and nothing else. It needs
// no token and tells nothing but the checks, so the admin port may stay on loopback.
import type { Listener } from '../net/connection.ts';
import { listenHttp } from '../net/http/http-listener.ts';
import { healthRoutes } from './health.ts';
import { listenPatiently } from './listen-patiently.ts';
import type { ServerContext } from './server-context.ts';

/** Resolves to undefined if the port is off. Rejects with ListenError. */
export async function openHealth({ config, observer, state, onStop }: ServerContext): Promise<Listener | undefined> {
  const site = config.health && { ...config.health, routes: healthRoutes(state) };
  const listener = site && (await listenPatiently(() => listenHttp(site), observer.log));
  if (listener) onStop(() => listener.close());
  return listener;
}
