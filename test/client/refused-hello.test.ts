// A registry with more Hellos than it lets in closes the newest: whoever made it comes again a moment later, not for ever.
import { afterEach, describe, expect, it } from 'vitest';
import { connect, parseRegCred, type RegistrySession, RegistryUnreachable } from '../../src/client/index.ts';
import { startRegistry } from '../support/registry-process.ts';
import { ScriptedRegistry } from './scripted-registry.ts';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** A registry that closes so many connections at the Hello; `hellos` counts all of them. */
async function refusing(times: number) {
  const counter = { hellos: 0 };
  const scripted = await ScriptedRegistry.start({
    answerHello: (bytes) => (++counter.hellos > times ? [bytes] : undefined),
  });
  stops.push(() => scripted.stop());
  return { scripted, counter };
}

describe('a Hello that is refused', () => {
  it.each(['tcp', 'ws'] as const)('is tried again, over %s', async (transport) => {
    const { scripted, counter } = await refusing(3);
    const where = transport === 'ws' ? { connect: scripted.url } : {};
    const session = await connect(scripted.regCred, { transport, ...where });
    expect(counter.hellos).toBe(4);
    await session.bye();
  });

  it('four times at most', async () => {
    const { scripted, counter } = await refusing(Number.POSITIVE_INFINITY);
    const refused = connect(scripted.regCred);
    await expect(refused).rejects.toThrow(RegistryUnreachable);
    await expect(refused).rejects.toThrow(/^127\.0\.0\.1:\d+: the registry closed the connection without a HelloReply/);
    expect(counter.hellos).toBe(4);
  });

  it('as often as the caller wants', async () => {
    const { scripted, counter } = await refusing(1);
    await expect(connect(scripted.regCred, { helloTries: 1 })).rejects.toThrow('without a HelloReply');
    expect(counter.hellos).toBe(1);
  });

  it('and never beyond the time there is to connect', async () => {
    const { scripted, counter } = await refusing(Number.POSITIVE_INFINITY);
    // The pauses before four tries are 650 ms at the least.
    await expect(connect(scripted.regCred, { timeoutMs: 400 })).rejects.toThrow(RegistryUnreachable);
    expect(counter.hellos).toBeLessThan(4);
  });

  it('tells of the refusal, not of a later try that got no answer in time', async () => {
    let hellos = 0;
    const scripted = await ScriptedRegistry.start({ answerHello: () => (++hellos === 1 ? undefined : []) });
    stops.push(() => scripted.stop());
    await expect(connect(scripted.regCred, { timeoutMs: 1_500 })).rejects.toThrow('without a HelloReply');
    expect(hellos).toBe(2);
  });

  it('once no other end point is left, and only where it was refused', async () => {
    const { scripted, counter } = await refusing(2);
    const dead = '127.0.0.1:9';
    const skipped: string[] = [];
    const regCred = { ...scripted.regCred, endPoints: [...scripted.regCred.endPoints, dead] };
    const session = await connect(regCred, { onSkipped: (address) => skipped.push(address) });
    expect(session.address).toBe(scripted.regCred.endPoints[0]);
    expect(counter.hellos).toBe(3);
    expect(skipped).toEqual(scripted.regCred.endPoints);
    await session.bye();
  });

  it('ends its pause when the caller gives up', async () => {
    const abort = new AbortController();
    const scripted = await ScriptedRegistry.start({
      answerHello: () => {
        setImmediate(() => abort.abort(new Error('enough')));
        return undefined;
      },
    });
    stops.push(() => scripted.stop());
    await expect(connect(scripted.regCred, { signal: abort.signal })).rejects.toThrow('enough');
  });
});

it('lets in all of 64 nodes that start at once, where the registry has room for a few', async () => {
  const registry = await startRegistry({ args: ['--workers', '1', '--hello-queue-ms', '5'] });
  stops.push(() => registry.stop());
  const regCred = parseRegCred(registry.regCredText);
  const sessions: RegistrySession[] = await Promise.all(Array.from({ length: 64 }, () => connect({ ...regCred })));
  const ends = /^xlreg_sessions_ended_total\{[^}]*end="overload"[^}]*\} (\d+)$/m.exec(await registry.metrics());
  expect(Number(ends?.[1])).toBeGreaterThan(0);
  await Promise.all(sessions.map((session) => session.bye()));
});
