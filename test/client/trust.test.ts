// Trust and reachability: a registry with other keys, no registry, a silent one, and a caller that aborts.
import { createPublicKey, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connect, ProtocolError, RegistryUnreachable, RegistryUntrusted, XlRegError } from '../../src/client/index.ts';
import { newKey } from '../support/made-keys.ts';
import { ClientRegistry, WAYS } from './client-registry.ts';
import { type Script, ScriptedRegistry } from './scripted-registry.ts';

let registry: ClientRegistry;
beforeAll(async () => {
  registry = await ClientRegistry.start();
});
afterEach(() => registry.closeSessions());
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

const otherKey = createPublicKey(newKey());

/** Runs `body` with a scripted registry. */
async function withScript(script: Script, body: (scripted: ScriptedRegistry) => Promise<void>): Promise<void> {
  const scripted = await ScriptedRegistry.start(script);
  try {
    await body(scripted);
  } finally {
    scripted.stop();
  }
}

/** Loopback ports without a listener. */
async function unusedPorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

describe.each(WAYS)('$dialect over $transport', (way) => {
  it('reports a close without a HelloReply by a registry with another comms key', async () => {
    const where = way.transport === 'ws' ? { connect: registry.url } : {};
    const refused = connect({ ...registry.regCred, commsKey: otherKey }, { ...way, ...where });
    await expect(refused).rejects.toThrow(RegistryUnreachable);
    await expect(refused).rejects.toThrow('another comms key');
  });

  it('distrusts a HelloReply of a registry that cannot read the Hello', async () => {
    await withScript({ answerHello: (bytes) => [randomBytes(bytes.length)] }, async ({ regCred, url }) => {
      const where = way.transport === 'ws' ? { connect: url } : {};
      await expect(connect(regCred, { ...way, ...where })).rejects.toThrow(RegistryUntrusted);
    });
  });

  it.each([
    { what: 'ID', differing: { id: randomBytes(32) } },
    { what: 'signature key', differing: { sigKey: otherKey } },
  ])('distrusts a registry with another $what', async ({ what, differing }) => {
    const where = way.transport === 'ws' ? { connect: registry.url } : {};
    const session = await connect({ ...registry.regCred, ...differing }, { ...way, ...where });
    const refused = session.credentials();
    await expect(refused).rejects.toThrow(RegistryUntrusted);
    await expect(refused).rejects.toThrow(what);
    session.close();
  });

  it('gives up on a silent registry at the timeout', async () => {
    await withScript({ answer: () => [] }, async ({ regCred, url }) => {
      const where = way.transport === 'ws' ? { connect: url } : {};
      const session = await connect(regCred, { ...way, ...where, timeoutMs: 600 });
      const given = session.credentials();
      await expect(given).rejects.toThrow(RegistryUnreachable);
      await expect(given).rejects.toThrow(/within 0\.[56]\d? s/);
    });
    await withScript({ answerHello: () => [] }, async ({ regCred, url }) => {
      const where = way.transport === 'ws' ? { connect: url } : {};
      await expect(connect(regCred, { ...way, ...where, timeoutMs: 600 })).rejects.toThrow(/within 0\.[56]\d? s/);
    });
  });

  it('rejects with the reason of an abort, at any point', async () => {
    await withScript({ answer: () => [] }, async ({ regCred, url }) => {
      const where = way.transport === 'ws' ? { connect: url } : {};
      const reason = new Error('had enough');
      await expect(connect(regCred, { ...way, ...where, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);

      const controller = new AbortController();
      const session = await connect(regCred, { ...way, ...where, signal: controller.signal });
      const asked = session.credentials();
      controller.abort(reason);
      await expect(asked).rejects.toBe(reason);
      await expect(session.credentials()).rejects.toBe(reason);
    });
    await withScript({ answerHello: () => [] }, async ({ regCred, url }) => {
      const where = way.transport === 'ws' ? { connect: url } : {};
      const controller = new AbortController();
      const connecting = connect(regCred, { ...way, ...where, signal: controller.signal });
      controller.abort('no more');
      await expect(connecting).rejects.toBe('no more');
    });
  });
});

describe('connecting', () => {
  it('tries the end points in order and reports the failure of each', async () => {
    const [first, second] = await unusedPorts(2);
    const [one, two] = [`127.0.0.1:${first}`, `TcpEndPoint: 127.0.0.1:${second}`];
    const { endPoints } = registry.regCred;
    const session = await connect({ ...registry.regCred, endPoints: [one, two, ...endPoints] });
    expect(session.address).toBe(endPoints[0]);
    session.close();

    const nobody = connect({ ...registry.regCred, endPoints: [one, two] });
    await expect(nobody).rejects.toThrow(RegistryUnreachable);
    await expect(nobody).rejects.toThrow(`${one}: connection refused; 127.0.0.1:`);
  });

  it('reports why a WebSocket cannot be opened', async () => {
    const [port] = await unusedPorts(1);
    const none = connect(registry.regCred, { connect: `ws://127.0.0.1:${port}` });
    await expect(none).rejects.toThrow('connection refused');
    const elsewhere = connect(registry.regCred, { connect: `ws://127.0.0.1:${registry.process.wsPort}/elsewhere` });
    await expect(elsewhere).rejects.toThrow(XlRegError);
  });

  it.each([
    { options: { transport: 'ws' }, why: 'needs a URL' },
    { options: { transport: 'tcp', connect: 'ws://127.0.0.1:1' }, why: 'not to a WebSocket URL' },
    { options: { connect: 'nowhere' }, why: 'HOST:PORT' },
    { options: { connect: '127.0.0.1:0' }, why: 'HOST:PORT' },
    { options: { connect: 'ws://:1:2' }, why: 'ws://HOST:PORT/xlreg' },
  ] as const)('refuses $options', async ({ options, why }) => {
    await expect(connect(registry.regCred, options)).rejects.toThrow(TypeError);
    await expect(connect(registry.regCred, options)).rejects.toThrow(why);
  });

  it('needs an end point or a given address', async () => {
    const regCred = { ...registry.regCred, endPoints: [] };
    await expect(connect(regCred)).rejects.toThrow('no end point');
    const session = await connect(regCred, { connect: `127.0.0.1:${registry.process.tcpPort}` });
    session.close();
  });

  it('refuses bytes behind the HelloReply', async () => {
    await withScript({ answerHello: (bytes) => [Buffer.concat([bytes, randomBytes(16)])] }, async ({ regCred }) => {
      await expect(connect(regCred)).rejects.toThrow(ProtocolError);
    });
  });
});
