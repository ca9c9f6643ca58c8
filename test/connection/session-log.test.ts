// The session log as operators read it: one line of JSON a session, at the configured level.

import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { FieldRegistry, WIRES } from '../field/field-registry.ts';
import { OP } from '../field/protobuf.ts';
import { adminToken } from '../support/admin-token.ts';
import { until } from '../support/until.ts';

let registry: FieldRegistry;
afterEach(async () => {
  await registry.stop();
});

type Line = Readonly<Record<string, unknown>>;

function lines(message: string): Line[] {
  return registry.process
    .stderr()
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Line)
    .filter(({ msg }) => msg === message);
}

/** Resolves with the lines of this message once there are this many. */
async function linesWhen(message: string, count: number): Promise<Line[]> {
  await until(() => lines(message).length >= count);
  return lines(message);
}

const INFO = 'info';
const WARN = 'warn';

describe('a session', () => {
  it('is one line at its end, on every wire, and contains no secret', async () => {
    registry = await FieldRegistry.start();
    for (const [at, wire] of WIRES.entries()) {
      const { client, clientId } = await registry.register(wire, { name: `alice${at}` });
      await client.create(`demo${at}`, 2);
      await client.join();
      await client.getCluster();
      await client.getCluster();
      const { key2, salt2 } = client.session;
      await client.bye();
      const line = (await linesWhen('session ended', at + 1))[at]!;
      expect(line).toEqual({
        level: INFO,
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        pid: registry.process.pid,
        hostname: expect.any(String),
        msg: 'session ended',
        connection: at + 1,
        ...{ transport: wire.transport, dialect: wire.dialect, address: '127.0.0.1' },
        ...{ clientId: clientId.toString('hex'), clientName: `alice${at}` },
        ops: { Client: 1, Create: 1, Join: 1, GetCluster: 2, Bye: 1 },
        end: 'bye',
        durationMs: expect.any(Number),
      });
      const text = registry.process.stderr();
      for (const secret of [key2, salt2]) expect(text).not.toContain(secret.toString('hex'));
    }
    expect(lines('session ended')).toHaveLength(WIRES.length);
  });

  it('has the recorded name of a client that returns by its ID', async () => {
    registry = await FieldRegistry.start();
    for (const [at, wire] of WIRES.entries()) {
      const { client, clientId, keys } = await registry.register(wire, { name: `bob${at}` });
      await client.bye();
      const again = await registry.connect(wire);
      await again.identifyById(clientId, keys);
      await again.bye();
      const [first, second] = (await linesWhen('session ended', 2 * (at + 1))).slice(-2);
      for (const line of [first, second]) {
        expect(line).toMatchObject({ clientName: `bob${at}`, clientId: clientId.toString('hex') });
      }
    }
  });

  it('has the reason of its end; a connection without a Hello has no line at info', async () => {
    registry = await FieldRegistry.start();
    const stranger = await registry.open(WIRES[0]!);
    await stranger.sendRaw(Buffer.alloc(256, 1));
    await stranger.waitClosed();
    const client = await registry.connect(WIRES[1]!);
    await client.request({ op: OP.Join, clusterName: 'x' });
    await client.waitClosed();
    const [line] = await linesWhen('session ended', 1);
    expect(line).toMatchObject({ connection: 2, end: 'message-in-wrong-state', ops: { Join: 1 } });
    for (const field of ['clientId', 'clientName']) expect(line).not.toHaveProperty(field);
    expect(lines('connection ended')).toEqual([]);
  });

  it('is a warning if it was slow', async () => {
    registry = await FieldRegistry.start({ args: ['--slow-session-ms', '1', '--log-level', 'warn'] });
    const client = await registry.connect(WIRES[0]!);
    await client.bye();
    expect(await linesWhen('session ended', 1)).toMatchObject([{ level: WARN, end: 'bye' }]);
  });
});

it('sets the level by the admin API while the registry runs, and logs the change at any level', async () => {
  registry = await FieldRegistry.start();
  const { adminPort, dataDir } = registry.process;
  const token = adminToken(dataDir);
  const set = async (level: string) => {
    const asked = { method: 'PUT', headers: { authorization: `Bearer ${token}` }, body: JSON.stringify({ level }) };
    expect((await fetch(`http://127.0.0.1:${adminPort}/api/log-level`, asked)).status).toBe(200);
  };
  const end = async () => (await registry.connect(WIRES[0]!)).bye();
  await set('error');
  await end();
  await set('info');
  await end();
  // The lines of one registry are in the order of events.
  expect(await linesWhen('session ended', 1)).toMatchObject([{ connection: 2 }]);
  expect(lines('the log level is set')).toHaveLength(2);
  expect(registry.process.stderr()).not.toContain(token);
});

it('switches between info and debug at SIGUSR2', async () => {
  registry = await FieldRegistry.start();
  const strangerEnds = async () => {
    const stranger = await registry.open(WIRES[0]!);
    stranger.close();
    await once(stranger.socket, 'close');
  };
  process.kill(registry.process.pid, 'SIGUSR2');
  expect(await linesWhen('the log level is set', 1)).toHaveLength(1);
  await strangerEnds();
  expect(await linesWhen('connection ended', 1)).toMatchObject([{ end: 'peer-closed', connection: 1 }]);
  process.kill(registry.process.pid, 'SIGUSR2');
  await linesWhen('the log level is set', 2);
  await strangerEnds();
  await (await registry.connect(WIRES[0]!)).bye();
  await linesWhen('session ended', 1);
  expect(lines('connection ended')).toHaveLength(1);
});
