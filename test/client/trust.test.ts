// Who answers, and whether anybody does: a registry that is not the one of the credentials, none at all, one that is
// silent, and somebody who has had enough of waiting.
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connect, ProtocolError, RegistryUnreachable, RegistryUntrusted, XlRegError } from '../../src/client/index.ts';
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

const otherKey = createPublicKey(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);

/** A scripted registry for as long as the test's body runs. */
async function withScript(script: Script, body: (scripted: ScriptedRegistry) => Promise<void>): Promise<void> {
  const scripted = await ScriptedRegistry.start(script);
  try {
    await body(scripted);
  } finally {
    scripted.stop();
  }
}

/** So many ports of the loopback where nobody listens. */
async function deafPorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

describe.each(WAYS)('$dialect over $transport', (way) => {
  it('is closed without a HelloReply by a registry with another comms key', async () => {
    const where = way.transport === 'ws' ? { connect: registry.url } : {};
    const refused = connect({ ...registry.regCred, commsKey: otherKey }, { ...way, ...where });
    await expect(refused).rejects.toThrow(RegistryUnreachable);
    await expect(refused).rejects.toThrow('another comms key');
  });

  it('does not trust who answers a Hello without having read it', async () => {
    await withScript({ answerHello: (bytes) => [randomBytes(bytes.length)] }, async ({ regCred, url }) => {
      const where = way.transport === 'ws' ? { connect: url } : {};
      await expect(connect(regCred, { ...way, ...where })).rejects.toThrow(RegistryUntrusted);
    });
  });

  it.each([
    { what: 'ID', differing: { id: randomBytes(32) } },
    { what: 'signature key', differing: { sigKey: otherKey } },
  ])('does not trust a registry with another $what', async ({ what, differing }) => {
    const where = way.transport === 'ws' ? { connect: registry.url } : {};
    const session = await connect({ ...registry.regCred, ...differing }, { ...way, ...where });
    const refused = session.credentials();
    await expect(refused).rejects.toThrow(RegistryUntrusted);
    await expect(refused).rejects.toThrow(what);
    session.close();
  });

  it('gives up on a registry that does not answer, in time', async () => {
    await withScript({ answer: () => [] }, async ({ regCred, url }) => {
      const where = way.transport === 'ws' ? { connect: url } : {};
      const session = await connect(regCred, { ...way, ...where, timeoutMs: 600 });
      const given = session.credentials();
      await expect(given).rejects.toThrow(RegistryUnreachable);
      await expect(given).rejects.toThrow('within 0.6 s');
    });
    await withScript({ answerHello: () => [] }, async ({ regCred, url }) => {
      const where = way.transport === 'ws' ? { connect: url } : {};
      await expect(connect(regCred, { ...way, ...where, timeoutMs: 600 })).rejects.toThrow('within 0.6 s');
    });
  });

  it('rejects with the reason when aborted, at any point', async () => {
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
  it('tries the end points in order, and says what came of each', async () => {
    const [first, second] = await deafPorts(2);
    const [one, two] = [`127.0.0.1:${first}`, `TcpEndPoint: 127.0.0.1:${second}`];
    const { endPoints } = registry.regCred;
    const session = await connect({ ...registry.regCred, endPoints: [one, two, ...endPoints] });
    expect(session.address).toBe(endPoints[0]);
    session.close();

    const nobody = connect({ ...registry.regCred, endPoints: [one, two] });
    await expect(nobody).rejects.toThrow(RegistryUnreachable);
    await expect(nobody).rejects.toThrow(`${one}: connection refused; 127.0.0.1:`);
  });

  it('says why a WebSocket could not be had', async () => {
    const [port] = await deafPorts(1);
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

  it('refuses credentials without an end point unless told where to connect', async () => {
    const regCred = { ...registry.regCred, endPoints: [] };
    await expect(connect(regCred)).rejects.toThrow('no end point');
    const session = await connect(regCred, { connect: `127.0.0.1:${registry.process.tcpPort}` });
    session.close();
  });

  it('refuses more than a HelloReply', async () => {
    await withScript({ answerHello: (bytes) => [Buffer.concat([bytes, randomBytes(16)])] }, async ({ regCred }) => {
      await expect(connect(regCred)).rejects.toThrow(ProtocolError);
    });
  });
});
