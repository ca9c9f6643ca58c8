// Limits on connections, Hellos and sessions, over real sockets. Clients use several loopback addresses. Tests of
// limits per address switch off the default exemption of loopback.

import { afterEach, describe, expect, it } from 'vitest';
import type { DropCause } from '../../src/admission/admission-limits.ts';
import type { FieldClient } from '../field/field-client.ts';
import { ClosedEarly, type Transport } from '../field/field-connection.ts';
import { FieldRegistry, type Wire } from '../field/field-registry.ts';
import { OP } from '../field/protobuf.ts';
import { until } from '../support/until.ts';
import { describeEachEngine, WEB_ENGINES } from '../support/web-engines.ts';

const TRANSPORTS = ['tcp', 'ws'] as const;

let registry: FieldRegistry;
afterEach(async () => {
  expect(await registry.stop()).toBe(0);
});

async function start(...args: string[]): Promise<void> {
  registry = await FieldRegistry.start({ args });
}

const wire = (transport: Transport, localAddress = '127.0.0.1'): Wire => ({
  transport,
  dialect: 'prefixed',
  localAddress,
});

function valueOn(page: string, metric: string): number {
  const line = page.split('\n').find((line) => line.startsWith(`${metric} `));
  // A labelled counter appears with its first event.
  return line === undefined ? 0 : Number(line.slice(metric.length + 1));
}

async function value(metric: string): Promise<number> {
  return valueOn(await registry.process.metrics(), metric);
}
const drops = (cause: DropCause) => value(`xlreg_admission_drops_total{cause="${cause}"}`);

/** Resolves when the metric has the value `wanted`. */
async function untilIs(metric: string, wanted: number): Promise<void> {
  await until(async () => (await value(metric)) === wanted);
}

/** True if a connection gets a HelloReply, false on a silent close. */
async function greeted(how: Wire): Promise<boolean> {
  let client: FieldClient;
  try {
    client = await registry.open(how);
  } catch (error) {
    // The registry dropped a WebSocket before its upgrade.
    expect((error as Error).message).toMatch(/socket hang up|ECONNRESET/);
    return false;
  }
  try {
    await client.hello();
    return true;
  } catch (error) {
    if (!(error instanceof ClosedEarly)) throw error;
    expect(error.closed.bytes).toHaveLength(0);
    return false;
  }
}

async function expectSilentClose(client: FieldClient): Promise<void> {
  const { kind, wsCode, bytes } = await client.waitClosed();
  expect(bytes).toHaveLength(0);
  if (kind === 'ws-close') expect(wsCode).toBe(1006);
}

describeEachEngine('connections, with the engine %s', (engine) => {
  it('are limited per address, TCP and WebSocket together (F10)', async () => {
    await start('--web-engine', engine, '--limit-exempt', 'off', '--max-connections-per-address', '3');
    const first = await registry.connect(wire('tcp', '127.0.0.2'));
    await registry.connect(wire('ws', '127.0.0.2'));
    await registry.open(wire('tcp', '127.0.0.2'));
    expect(await greeted(wire('tcp', '127.0.0.2'))).toBe(false);
    expect(await greeted(wire('ws', '127.0.0.2'))).toBe(false);
    expect(await drops('connections-per-address')).toBe(2);

    // Other addresses get in, and so does this address once it has a free permit.
    expect(await greeted(wire('tcp', '127.0.0.3'))).toBe(true);
    expect(await greeted(wire('ws', '127.0.0.3'))).toBe(true);
    await first.bye();
    await untilIs('xlreg_admission_connections', 4);
    expect(await greeted(wire('ws', '127.0.0.2'))).toBe(true);
  });

  it('are limited in all; those without a good Hello make room, the oldest first (F10)', async () => {
    await start('--web-engine', engine, '--max-connections', '4');
    const oldest = await registry.open(wire('tcp'));
    const second = await registry.open(wire('ws'));
    // The registry has accepted both, in this order.
    await untilIs('xlreg_admission_connections', 2);
    await registry.connect(wire('tcp'));
    await registry.connect(wire('ws'));
    const witness = await registry.connect(wire('tcp'));
    await expectSilentClose(oldest);
    await registry.connect(wire('ws'));
    await expectSilentClose(second);
    expect(await drops('displaced')).toBe(2);

    expect(await greeted(wire('tcp'))).toBe(false);
    expect(await greeted(wire('ws'))).toBe(false);
    expect(await drops('connections')).toBe(2);
    expect(await value('xlreg_admission_connections')).toBe(4);
    await witness.call({ op: OP.RegCredRequest }, OP.RegCredReply);
  });

  it('are not limited for exempt addresses, loopback by default', async () => {
    await start(
      '--web-engine',
      engine,
      '--max-connections-per-address',
      '1',
      '--max-hellos-per-second-per-address',
      '1',
    );
    for (let i = 0; i < 12; i++) expect(await greeted(wire(i % 2 ? 'tcp' : 'ws'))).toBe(true);
    expect(await value('xlreg_admission_addresses')).toBe(0);
  });
});

it('keeps connections below the open-file limit by displacing the oldest without a good Hello (F10)', async () => {
  registry = await FieldRegistry.start({ openFilesMax: 321, args: ['--workers', '2'] });
  const witness = await registry.connect(wire('tcp'));
  const opened: FieldClient[] = [];
  while (opened.length < 100) opened.push(await registry.open(wire(opened.length % 2 ? 'tcp' : 'ws')));
  await registry.connect(wire('tcp'));
  await witness.call({ op: OP.RegCredRequest }, OP.RegCredReply);
  expect(await value('xlreg_admission_connections')).toBe(44);
  expect(await drops('displaced')).toBe(opened.length + 2 - 44);
});

describe('Hellos', () => {
  it('are limited per address, TCP and WebSocket together', async () => {
    await start('--limit-exempt', 'off', '--max-hellos-per-second-per-address', '1');
    const flood = await Promise.all(
      Array.from({ length: 40 }, (_, i) => greeted(wire(i % 2 ? 'tcp' : 'ws', '127.0.0.2'))),
    );
    const served = flood.filter((good) => good).length;
    expect(served).toBeGreaterThanOrEqual(10);
    expect(served).toBeLessThan(40);
    expect(await drops('hellos-per-address')).toBe(40 - served);
    expect(await greeted(wire('tcp', '127.0.0.3'))).toBe(true);
    expect(await value('xlreg_admission_addresses')).toBe(2);
  });

  it('are limited in all', async () => {
    await start('--max-hellos-per-second', '5');
    const flood = await Promise.all(Array.from({ length: 60 }, (_, i) => greeted(wire(i % 2 ? 'tcp' : 'ws'))));
    const served = flood.filter((good) => good).length;
    expect(served).toBeGreaterThanOrEqual(5);
    expect(served).toBeLessThan(60);
    expect(await drops('hellos')).toBe(60 - served);
    expect(await value('xlreg_stage_seconds_count{stage="hello"}')).toBe(served);
  });
});

describe('a session', () => {
  /** Sends requests until the registry closes. Returns the number of replies. */
  async function askUntilClosed(client: FieldClient): Promise<number> {
    for (let answers = 0; ; answers++) {
      try {
        await client.call({ op: OP.RegCredRequest }, OP.RegCredReply);
      } catch (error) {
        if (!(error instanceof ClosedEarly)) throw error;
        expect(error.closed.bytes).toHaveLength(0);
        return answers;
      }
    }
  }

  it('is limited in messages (F6)', async () => {
    await start('--max-session-messages', '3');
    for (const how of TRANSPORTS) expect(await askUntilClosed(await registry.connect(wire(how)))).toBe(3);
    expect(await drops('session-messages')).toBe(2);
  });

  it('is limited in bytes, its Hello included (F4)', async () => {
    await start('--max-session-bytes', '16384');
    for (const how of TRANSPORTS) {
      expect(await askUntilClosed(await registry.connect(wire(how)))).toBe(Math.floor((16_384 - 256) / 32));
    }
    expect(await drops('session-bytes')).toBe(2);
  });

  it('is limited in time (F8)', async () => {
    await start('--session-timeout-ms', '200');
    for (const how of TRANSPORTS) await expectSilentClose(await registry.connect(wire(how)));
    expect(await drops('session-time')).toBe(2);
  });
});

describe('a peer that does not read', () => {
  const REQUESTS = 20_000;

  it('is closed at the write timeout over TCP (F8)', async () => {
    await start('--write-timeout-ms', '200');
    const client = await registry.connect(wire('tcp'));
    client.pause();
    const requests = Array.from({ length: REQUESTS }, () => client.encrypt({ op: OP.RegCredRequest }));
    void client.sendRaw(Buffer.concat(requests));
    await untilIs('xlreg_sessions_ended_total{dialect="prefixed",transport="tcp",end="write-timeout"}', 1);
    expect(await value('xlreg_sessions_open{dialect="prefixed",transport="tcp"}')).toBe(0);
  });

  it.each(WEB_ENGINES)('is closed at the write timeout over WebSocket, with the engine %s (F8)', async (engine) => {
    await start('--web-engine', engine, '--write-timeout-ms', '200');
    // Rosters of 13 KB each fill the socket buffers, which hold some megabytes.
    const myEnds = Array.from({ length: 4 }, (_, i) => `${'host.'.repeat(48)}example:${4001 + i}`);
    const members = await Promise.all(
      Array.from({ length: 8 }, (_, i) => registry.register(wire('ws'), { name: `m${i}`, myEnds })),
    );
    for (const { client } of members) {
      await client.create('long-tokens', 8);
      await client.join('long-tokens');
    }
    const { client } = members[0]!;
    client.pause();
    let page = await registry.process.metrics();
    const isOpen = () => valueOn(page, 'xlreg_sessions_open{dialect="prefixed",transport="ws"}') === 8;
    const answered = () => valueOn(page, 'xlreg_messages_total{op="GetCluster"}');
    for (let sent = 0; sent < REQUESTS && isOpen(); ) {
      // Sends as many requests as may be pending. The next follow once the registry has answered these.
      for (let i = 0; i < 16; i++) void client.send({ op: OP.GetCluster, clusterName: 'long-tokens' });
      sent += 16;
      do page = await registry.process.metrics();
      while (isOpen() && answered() < sent);
    }
    const line = `xlreg_sessions_ended_total{dialect="prefixed",transport="ws",end="write-timeout"}`;
    expect(await value(line)).toBe(1);
  });
});
