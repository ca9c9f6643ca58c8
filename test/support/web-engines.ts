// The engines of the WebSocket port, for tests that hold for both. Some systems' libc is too old for uWebSockets.js.
// There the registry serves with the other engine, and the console says that tests of uWebSockets.js are skipped.
import { describe } from 'vitest';
import { loadUws } from '../../src/net/uws/uws.ts';

export type WebEngine = 'uws' | 'node';

/** The engines that load here. */
export const WEB_ENGINES: readonly WebEngine[] = loadUws() ? ['uws', 'node'] : ['node'];

if (!WEB_ENGINES.includes('uws'))
  console.warn('uWebSockets.js does not load here: tests with the engine uws are skipped');

/** Describes tests once for each engine; `%s` in the name stands for the engine. */
export function describeEachEngine(name: string, tests: (engine: WebEngine) => void): void {
  for (const engine of ['uws', 'node'] as const) {
    describe.skipIf(!WEB_ENGINES.includes(engine))(name.replace('%s', engine), () => tests(engine));
  }
}
