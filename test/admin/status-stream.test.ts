// The event stream of the status page on real sockets: its events, the limit on readers, and the end of stalled
// readers.

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { StatusStreams } from '../../src/admin/status-streams.ts';
import { STATUS_STREAMS_MAX } from '../../src/limits.ts';
import { listenHttp } from '../../src/net/http/http-listener.ts';
import type { HttpRequest, ReplyStream } from '../../src/net/web-site.ts';
import { ClientRegistry } from '../client/client-registry.ts';
import { adminToken } from '../support/admin-token.ts';
import { EMPTY_REPORT } from './empty-report.ts';

const text = await readFile(new URL('../../docs/reference/openapi.json', import.meta.url), 'utf8');
const { schemas } = JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/')).components;
const SCHEMAS = {
  status: z.fromJSONSchema({ ...schemas.Status, $defs: schemas }),
  clusters: z.fromJSONSchema({ ...schemas.RecentClusters, $defs: schemas }),
  log: z.fromJSONSchema({ ...schemas.RecentLog, $defs: schemas }),
};

interface Event {
  readonly kind: keyof typeof SCHEMAS;
  // biome-ignore lint/suspicious/noExplicitAny: checked against the schema when it is read
  readonly data: any;
}

async function open(port: number, token = ''): Promise<IncomingMessage> {
  const request = get({
    ...{ host: '127.0.0.1', port, path: '/api/status', agent: false },
    headers: { authorization: `Bearer ${token}` },
  });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.on('error', () => {});
  return response.setEncoding('utf8');
}

/** Yields the events of a stream, each checked against its documented schema. */
async function* eventsOf(response: IncomingMessage): AsyncGenerator<Event> {
  let unread = '';
  for await (const piece of response) {
    const parts = `${unread}${piece}`.split('\n\n');
    unread = parts.pop()!;
    for (const part of parts) {
      const [, kind, json] = /^event: (status|clusters|log)\ndata: (.*)$/.exec(part)!;
      const event = { kind: kind as Event['kind'], data: JSON.parse(json!) };
      expect(SCHEMAS[event.kind].safeParse(event.data).error).toBeUndefined();
      yield event;
    }
  }
}

describe('the stream of the status page', () => {
  let registry: ClientRegistry;
  let token: string;
  beforeEach(async () => {
    registry = await ClientRegistry.start();
    token = adminToken(registry.process.dataDir);
  });
  afterEach(() => registry.stop());

  /** Reads events until one of this kind satisfies `is`. */
  async function until(events: AsyncGenerator<Event>, kind: Event['kind'], is: (data: Event['data']) => boolean) {
    for (;;) {
      const { value } = await events.next();
      if (value.kind === kind && is(value.data)) return value.data;
    }
  }

  it('reports filling clusters, the latest change first, and the counts of /metrics', async () => {
    const events = eventsOf(await open(registry.process.adminPort, token));
    const first = await until(events, 'status', () => true);
    expect(first).toMatchObject({ sessions: { open: 0 }, table: { clusters: 0, seats: 0 }, store: { kind: 'memory' } });
    expect(first.checks.map(({ check }: { check: string }) => check)).toContain('store-reachable');
    expect(first.checks.every(({ passes }: { passes: boolean }) => passes)).toBe(true);
    const { session } = await registry.identify('alice', { dialect: 'prefixed' });
    for (const name of ['older', 'newer']) await session.create(name, { size: 2, confirmMs: 0 });
    const names = (data: Event['data']) => data.clusters.map(({ name }: { name: string }) => name);
    expect(names(await until(events, 'clusters', ({ clusters }) => clusters.length === 2))).toEqual(['newer', 'older']);
    await session.join('older');
    const joined = await until(events, 'clusters', ({ clusters }) => clusters[0].name === 'older');
    expect(joined.clusters).toMatchObject([
      { name: 'older', size: 2, members: 1, fill: 'filling' },
      { name: 'newer', members: 0, fill: 'empty' },
    ]);
    const second = await registry.identify('bob', { dialect: 'prefixed' });
    await second.session.join('older');
    await until(events, 'clusters', ({ clusters }) => clusters[0].fill === 'full');
    const { sessions, rsa, messages, table } = await until(events, 'status', () => true);
    expect(table).toEqual({ clients: 2, clusters: 2, members: 2, fullClusters: 1, seats: 4 });
    expect(sessions).toEqual({ open: 2, started: 2 });
    expect(rsa).toMatchObject({ operations: 2 });
    // Two Clients, two Creates, two Joins.
    expect(messages).toBe(6);
    expect(rsa.seconds).toBeGreaterThan(0);
  });

  it('bounds its readers; one that leaves makes room', async () => {
    const { adminPort } = registry.process;
    const readers = await Promise.all(Array.from({ length: STATUS_STREAMS_MAX }, () => open(adminPort, token)));
    for (const reader of readers) expect(reader.statusCode).toBe(200);
    const refused = await open(adminPort, token);
    expect(refused.statusCode).toBe(503);
    expect((await refused.toArray()).join('')).toContain('the status page has too many readers');
    readers[0]!.destroy();
    let next: IncomingMessage;
    do next = await open(adminPort, token);
    while (next.resume().statusCode === 503);
    expect(next.statusCode).toBe(200);
    expect((await open(adminPort, `${token}x`)).statusCode).toBe(401);
    expect(registry.process.stderr()).not.toContain(token);
  });

  it('ends at a drain, which does not wait for it', async () => {
    // An open session keeps the process alive through the grace period, so the test sees the drain.
    await registry.identify('alice');
    const reader = await open(registry.process.adminPort, token);
    reader.resume();
    const ended = once(reader, 'end');
    process.kill(registry.process.pid, 'SIGTERM');
    await ended;
    expect(reader.complete).toBe(true);
    const late = await open(registry.process.adminPort, token);
    expect(late.statusCode).toBe(503);
    expect((await late.toArray()).join('')).toContain('the registry stops');
    registry.closeSessions();
    expect(await registry.process.exited).toBe(0);
  });

  it('cuts off a stalled reader and no other', async () => {
    // Long reports, almost without a pause, soon fill the socket buffers.
    const report = { ...EMPTY_REPORT, version: 'x'.repeat(500_000) };
    const streams = new StatusStreams(async () => report, { intervalMs: 1, missedMax: 500 });
    const cutOff: string[] = [];
    const handler = ({ header }: HttpRequest) => {
      const reply = streams.reply();
      const open = (stream: ReplyStream) =>
        reply.stream!({
          write: (text) => stream.write(text),
          end: () => stream.end(),
          destroy() {
            cutOff.push(header('authorization'));
            stream.destroy();
          },
        });
      return { ...reply, stream: open };
    };
    const routes = new Map([['GET /api/status', handler]]);
    const listener = await listenHttp({ host: '127.0.0.1', port: 0, routes });
    const reader = await open(listener.port, 'reader');
    let read = 0;
    reader.on('data', (piece: string) => {
      read += piece.length;
    });
    const sleeper = await open(listener.port, 'sleeper');
    sleeper.pause();
    while (cutOff.length === 0) await once(reader, 'data');
    expect(cutOff).toEqual(['Bearer sleeper']);
    const closed = new Promise((resolve) => sleeper.once('close', resolve));
    sleeper.resume();
    await closed;
    expect(sleeper.complete).toBe(false);
    const before = read;
    while (read === before) await once(reader, 'data');
    const ended = once(reader, 'end');
    streams.close();
    await ended;
    expect(reader.complete).toBe(true);
    await listener.close();
  });
});
