// An overloaded registry closes the newest Hellos. The client retries a few times with pauses.
import { afterEach, describe, expect, it } from 'vitest';
import { connect, parseRegCred, type RegistrySession, RegistryUnreachable } from '../../src/client/index.ts';
import { startRegistry } from '../support/registry-process.ts';
import { ScriptedRegistry } from './scripted-registry.ts';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** A registry that closes the first `times` connections at the Hello. `hellos` counts all Hellos. */
async function refusing(times: number) {
  const counter = { hellos: 0 };
  const scripted = await ScriptedRegistry.start({
    answerHello: (bytes) => (++counter.hellos > times ? [bytes] : undefined),
  });
  stops.push(() => scripted.stop());
  return { scripted, counter };
}

describe('a refused Hello', () => {
  it.each(['tcp', 'ws'] as const)('is retried over %s', async (transport) => {
    const { scripted, counter } = await refusing(3);
    const where = transport === 'ws' ? { connect: scripted.url } : {};
    const session = await connect(scripted.regCred, { transport, ...where });
    expect(counter.hellos).toBe(4);
    await session.bye();
  });

  it('is sent four times at most', async () => {
    const { scripted, counter } = await refusing(Number.POSITIVE_INFINITY);
    const refused = connect(scripted.regCred);
    await expect(refused).rejects.toThrow(RegistryUnreachable);
    await expect(refused).rejects.toThrow(/^127\.0\.0\.1:\d+: the registry closed the connection without a HelloReply/);
    expect(counter.hellos).toBe(4);
  });

  it('is sent as often as helloTries allows', async () => {
    const { scripted, counter } = await refusing(1);
    await expect(connect(scripted.regCred, { helloTries: 1 })).rejects.toThrow('without a HelloReply');
    expect(counter.hellos).toBe(1);
  });

  it('is not retried beyond the connect timeout', async () => {
    const { scripted, counter } = await refusing(Number.POSITIVE_INFINITY);
    // The pauses between four tries take 650 ms at least.
    await expect(connect(scripted.regCred, { timeoutMs: 400 })).rejects.toThrow(RegistryUnreachable);
    expect(counter.hellos).toBeLessThan(4);
  });

  it('is reported rather than the timeout of a later try', async () => {
    let hellos = 0;
    const scripted = await ScriptedRegistry.start({ answerHello: () => (++hellos === 1 ? undefined : []) });
    stops.push(() => scripted.stop());
    await expect(connect(scripted.regCred, { timeoutMs: 1_500 })).rejects.toThrow('without a HelloReply');
    expect(hellos).toBe(2);
  });

  it('is retried after all other end points, at the refusing one only', async () => {
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

  it('ends its pause on an abort', async () => {
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

it('connects 64 simultaneous clients to an overloaded registry', async () => {
  const registry = await startRegistry({ args: ['--workers', '1', '--hello-queue-ms', '5'] });
  stops.push(() => registry.stop());
  const regCred = parseRegCred(registry.regCredText);
  const sessions: RegistrySession[] = await Promise.all(Array.from({ length: 64 }, () => connect({ ...regCred })));
  const ends = /^xlreg_sessions_ended_total\{[^}]*end="overload"[^}]*\} (\d+)$/m.exec(await registry.metrics());
  expect(Number(ends?.[1])).toBeGreaterThan(0);
  await Promise.all(sessions.map((session) => session.bye()));
});
