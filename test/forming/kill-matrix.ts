// The tests of one registry: a member killed at each stage of forming, and started again with its home or without.
// `npm run test:thorough` has both for each stage and registry. `npm test` has one, the other one with two servers.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { THOROUGH } from '../support/thorough.ts';
import { FormingRegistry, type Setting, SIZE } from './forming-registry.ts';
import { killAndReturn, type Return, STAGES } from './killed-member.ts';

const TIMEOUT_MS = 200_000;
const RETURNS: readonly Return[] = ['without its home', 'with its home'];

/** Declares the tests, which run several at a time. Returns the registry that they use. */
export function describeKills(setting: Setting, stages: readonly string[] = STAGES): () => FormingRegistry {
  let registry: FormingRegistry;
  beforeAll(async () => {
    registry = await FormingRegistry.start(setting);
  }, TIMEOUT_MS);
  afterAll(async () => {
    const codes = await registry.stop();
    expect(codes).toEqual(codes.map(() => 0));
  }, TIMEOUT_MS);
  for (const [place, back] of RETURNS.entries()) {
    const chosen = stages.filter((_, stage) => THOROUGH || (stage + setting.servers) % RETURNS.length === place);
    describe.concurrent(`${SIZE} members, one killed and started again ${back}, agree on a complete cluster`, () => {
      it.each(chosen)(
        '%s (Q2, Q7, Q9)',
        (stage) => registry.withLane((lane) => killAndReturn(registry, stage, back, lane)),
        TIMEOUT_MS,
      );
    });
  }
  return () => registry;
}
