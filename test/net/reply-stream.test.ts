// Streamed replies over real sockets, with and without TLS. Back-pressure bounds memory: for a stalled reader the
// process keeps at most one piece beyond the socket buffers.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Certificate } from '../../src/net/certificate.ts';
import type { Listener } from '../../src/net/connection.ts';
import { listenHttp } from '../../src/net/http/http-listener.ts';
import type { HttpRoutes, ReplyStream } from '../../src/net/web-site.ts';
import { until } from '../support/until.ts';

/** PIECES_MAX pieces exceed the socket buffers, which grow to some megabytes. */
const PIECE = 'x'.repeat(64 * 1024);
const PIECES_MAX = 1_000;

let directory: string;
let listener: Listener;
/** The stream of the current request. */
let stream: ReplyStream | undefined;
let gone: number;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'xlreg-stream-'));
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  const key = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    join(directory, 'key'),
  ];
  execFileSync('openssl', ['req', '-x509', ...key, ...subject, '-out', join(directory, 'cert')], { stdio: 'ignore' });
});
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(() => listener.close());

const ROUTES: HttpRoutes = new Map([
  [
    'GET /',
    () => ({
      ...{ status: 200, type: 'text/plain', body: 'first ' },
      stream: (opened: ReplyStream) => {
        stream = opened;
        return () => {
          gone += 1;
        };
      },
    }),
  ],
]);

describe.each([false, true])('with TLS %s', (tls) => {
  async function open(options: RequestOptions = {}): Promise<IncomingMessage> {
    [stream, gone] = [undefined, 0];
    const files = { cert: join(directory, 'cert'), key: join(directory, 'key') };
    const certificate = tls ? await Certificate.open(files) : undefined;
    listener = await listenHttp({ host: '127.0.0.1', port: 0, routes: ROUTES, certificate });
    const target = { host: '127.0.0.1', port: listener.port, agent: false, ...options };
    const request = tls ? requestHttps({ ...target, ca: readFileSync(files.cert) }) : requestHttp(target);
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    // Tests that expect a broken connection check it themselves.
    response.on('error', () => {});
    return response.setEncoding('latin1');
  }

  /** Resolves when the stream has taken the piece. */
  async function write(text: string): Promise<void> {
    while (!stream!.write(text)) await nextTurn();
  }

  /** Writes until the stream has refused pieces for a while. Returns how many it took. */
  async function fill(): Promise<number> {
    let sent = 0;
    for (let refused = 0; refused < 200 && sent < PIECES_MAX; ) {
      if (stream!.write(PIECE)) [sent, refused] = [sent + 1, 0];
      else refused += 1;
      await nextTurn();
    }
    return sent;
  }

  it('delivers pieces one by one and refuses them after its end', async () => {
    const response = await open();
    expect(response.headers['content-length']).toBeUndefined();
    let text = '';
    response.on('data', (piece: string) => {
      text += piece;
    });
    for (const piece of ['one ', 'two ']) {
      await write(piece);
      while (!text.endsWith(piece)) await once(response, 'data');
    }
    const ended = once(response, 'end');
    stream!.end();
    expect(stream!.write('more')).toBe(false);
    await ended;
    expect(response.complete).toBe(true);
    expect(text).toBe('first one two ');
    stream!.end();
    stream!.destroy();
  });

  it('takes no more than the buffers hold for a stalled reader, and delivers all when he resumes', async () => {
    const response = await open();
    response.pause();
    const sent = await fill();
    expect(sent).toBeLessThan(PIECES_MAX);
    expect(stream!.write(PIECE)).toBe(false);
    let length = 0;
    response.on('data', (piece: string) => {
      length += piece.length;
    });
    response.resume();
    await write('last');
    while (length < 'first '.length + sent * PIECE.length + 'last'.length) await once(response, 'data');
    stream!.end();
    await once(response, 'end');
    expect(length).toBe('first '.length + sent * PIECE.length + 'last'.length);
  });

  it('can cut off a stalled reader', async () => {
    const response = await open();
    response.pause();
    await fill();
    stream!.destroy();
    expect(stream!.write('more')).toBe(false);
    const closed = new Promise((resolve) => response.once('close', resolve));
    response.resume();
    await closed;
    expect(response.complete).toBe(false);
  });

  it('reports the end of its reader', async () => {
    const response = await open();
    response.destroy();
    await until(() => gone > 0);
    expect(stream!.write('more')).toBe(false);
    stream!.end();
    stream!.destroy();
    expect(gone).toBe(1);
  });

  it('does not open for HEAD', async () => {
    const response = await open({ method: 'HEAD' });
    response.resume();
    await once(response, 'end');
    expect(response.statusCode).toBe(200);
    expect(stream).toBeUndefined();
  });
});
