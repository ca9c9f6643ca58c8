// The engines of the WebSocket port, for tests that hold for both. uWebSockets.js has builds that want a newer libc than
// some systems have: where none loads, the registry serves with the other engine, and its tests are skipped aloud.
import { describe } from 'vitest';
import { loadUws } from '../../src/net/uws/uws.ts';

export type WebEngine = 'uws' | 'node';

/** Those that load here. */
export const WEB_ENGINES: readonly WebEngine[] = loadUws() ? ['uws', 'node'] : ['node'];

if (!WEB_ENGINES.includes('uws'))
  console.warn('uWebSockets.js does not load here: tests with the engine uws are skipped');

/** Describes tests once for each engine, with `%s` of the name for it. */
export function describeEachEngine(name: string, tests: (engine: WebEngine) => void): void {
  for (const engine of ['uws', 'node'] as const) {
    describe.skipIf(!WEB_ENGINES.includes(engine))(name.replace('%s', engine), () => tests(engine));
  }
}
