// The API of the admin port on a real registry, with both engines and members that join over the wire. Every route, and
// every status and body seen here, is in docs/reference/openapi.json. openapi.test.ts checks that file.

import { readFile, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { apiRoutes } from '../../src/admin/api.ts';
import { pageRoutes } from '../../src/admin/status-page.ts';
import { tokenRoutes } from '../../src/admin/token-routes.ts';
import { createJoinToken, hashJoinToken } from '../../src/client/index.ts';
import { runXlreg } from '../cli/xlreg-process.ts';
import { ClientRegistry } from '../client/client-registry.ts';
import { adminToken } from '../support/admin-token.ts';
import { describeEachEngine } from '../support/web-engines.ts';

interface Response {
  readonly content: { readonly 'application/json'?: { readonly schema: object } };
}
interface Documented {
  readonly paths: Record<string, Record<string, { readonly responses: Record<string, Response> }>>;
  readonly components: { readonly schemas: object };
}
const text = await readFile(new URL('../../docs/reference/openapi.json', import.meta.url), 'utf8');
const { paths, components } = JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/')) as Documented;

/** Expects the body to match its documented schema. */
function expectShape(response: Response, body: unknown): void {
  const schema = { ...response.content['application/json']!.schema, $defs: components.schemas };
  expect(z.fromJSONSchema(schema as never).safeParse(body).error).toBeUndefined();
}

it('documents exactly the routes that exist', () => {
  const documented = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const subject = {
    coordinator: undefined,
    sessions: async () => [],
    isConnected: () => false,
    hasTwin: () => false,
    limits: () => ({ minutes: 5, limits: [], addresses: [] }),
    logLevel: { get: () => '', set() {}, levels: [] },
  };
  const own = [
    'GET /api/whoami',
    'GET /metrics',
    'GET /livez',
    'GET /healthz',
    'GET /readyz',
    'POST /drain',
    'POST /backup',
    'POST /api/backup',
    'GET /api/status',
  ];
  const routes = [
    ...apiRoutes(subject).keys(),
    ...tokenRoutes(undefined as never).keys(),
    ...pageRoutes(() => undefined).keys(),
    ...own,
  ];
  expect(documented.toSorted()).toEqual(routes.toSorted());
});

describeEachEngine('with the engine %s', (engine) => {
  let registry: ClientRegistry;
  let token: string;
  beforeAll(async () => {
    registry = await ClientRegistry.start({ args: ['--web-engine', engine] });
    token = adminToken(registry.process.dataDir);
    const { session } = await registry.identify('alice');
    for (const name of ['c1', 'c2', 'd1']) await session.create(name, { size: 2, confirmMs: 0 });
    await session.join('c1');
    const bob = await registry.identify('bob');
    await bob.session.join('c1');
  });
  afterAll(async () => {
    expect(await registry.stop()).toBe(0);
  });

  /** Sends a request with the admin token by default. Expects a status and a body that are documented for `route`. */
  async function ask(route: string, path: string, init: RequestInit = {}) {
    const [method, pattern] = route.split(' ') as [string, string];
    const response = await fetch(`http://127.0.0.1:${registry.process.adminPort}${path}`, {
      method,
      ...init,
      headers: { authorization: `Bearer ${token}`, ...init.headers },
    });
    const text = await response.text();
    expect(Object.keys(paths[pattern]![method.toLowerCase()]!.responses)).toContain(String(response.status));
    const isJson = response.headers.get('content-type') === 'application/json';
    const body = isJson ? JSON.parse(text) : text;
    if (isJson) expectShape(paths[pattern]![method.toLowerCase()]!.responses[String(response.status)]!, body);
    return { status: response.status, body };
  }

  it('keeps the admin token at mode 0600 and serves only public routes without it', async () => {
    expect((await stat(join(registry.process.dataDir, 'admin-token'))).mode & 0o777).toBe(0o600);
    for (const authorization of ['', 'Bearer', `Bearer ${token}x`, `Basic ${token}`]) {
      expect(await ask('GET /api/clusters', '/api/clusters', { headers: { authorization } })).toMatchObject({
        status: 401,
      });
      expect(await ask('POST /drain', '/drain', { headers: { authorization } })).toMatchObject({ status: 401 });
      expect(await ask('GET /api/status', '/api/status', { headers: { authorization } })).toMatchObject({
        status: 401,
      });
    }
    for (const path of ['/', '/regCred.dat', '/api/registry']) {
      expect(await ask(`GET ${path}`, path, { headers: { authorization: '' } })).toMatchObject({ status: 200 });
    }
    expect(await ask('GET /healthz', '/healthz', { headers: { authorization: '' } })).toMatchObject({ status: 200 });
    expect(registry.process.stderr() + registry.process.stdout()).not.toContain(token);
  });

  it('serves the credentials as JSON and as a file', async () => {
    const file = join(registry.process.dataDir, 'regCred.dat');
    const printed = await runXlreg(['regcred', '--json', '--registry', file]);
    expect((await ask('GET /api/registry', '/api/registry')).body).toEqual(JSON.parse(printed.stdout));
    expect((await ask('GET /regCred.dat', '/regCred.dat')).body).toBe(await readFile(file, 'latin1'));
  });

  it('serves the files of the status page only, under a strict content security policy', async () => {
    const page = (file: string) => ask('GET /page/{file}', `/page/${file}`);
    expect((await page('main.js')).body).toContain('import');
    for (const file of ['', '..%2fapi.js', '..%2f..%2f..%2fpackage.json', '__proto__', 'none.js']) {
      expect(await page(file)).toMatchObject({ status: 404 });
    }
    const { headers } = await fetch(`http://127.0.0.1:${registry.process.adminPort}/`);
    const policy = headers.get('content-security-policy')!.split('; ');
    const allowed = [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self'",
      "connect-src 'self'",
    ];
    const forbidden = ["form-action 'none'", "frame-ancestors 'none'", "base-uri 'none'"];
    expect(policy).toEqual([...allowed, ...forbidden, "require-trusted-types-for 'script'", "trusted-types 'none'"]);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  });

  it('lists clusters by pages, prefix and fill state', async () => {
    const list = async (query: string) => (await ask('GET /api/clusters', `/api/clusters?${query}`)).body;
    const first = await list('limit=2');
    expect(first).toMatchObject({
      clusters: [
        { name: 'c1', members: 2, fill: 'full' },
        { name: 'c2', fill: 'empty' },
      ],
    });
    expect(first.next).toBe('c2');
    expect(await list('limit=2&cursor=c2')).toMatchObject({ clusters: [{ name: 'd1' }], next: null });
    expect((await list('prefix=d')).clusters).toHaveLength(1);
    expect((await list('fill=full')).clusters).toMatchObject([{ name: 'c1' }]);
    for (const query of ['limit=0', 'limit=1001', 'limit=x', 'fill=odd', 'filter=c', 'limit=1&limit=2', 'Prefix=c']) {
      expect(await list(query)).toMatchObject({ error: { code: 'bad-query' } });
    }
  });

  it('names an unknown parameter and those that the path takes', async () => {
    const refusalOf = async (route: string, path: string) => (await ask(route, path)).body.error;
    expect(await refusalOf('GET /api/sessions', '/api/sessions?prefix=c')).toEqual({
      code: 'bad-query',
      message: 'there is no parameter "prefix": this path takes limit, cursor',
    });
    expect(await refusalOf('POST /backup', '/backup?to=x')).toEqual({
      code: 'bad-query',
      message: 'there is no parameter "to": this path takes none',
    });
  });

  it('refuses in JSON on every path', async () => {
    const base = `http://127.0.0.1:${registry.process.adminPort}`;
    const cases = [
      ['GET', '/nothing', 404, 'not-found'],
      ['GET', '/page/none.js', 404, 'not-found'],
      ['DELETE', '/metrics', 405, 'method-not-allowed'],
      ['POST', '/drain', 401, 'token-missing'],
    ] as const;
    for (const [method, path, status, code] of cases) {
      const response = await fetch(`${base}${path}`, { method });
      const { error } = (await response.json()) as { error: { code: string; message: string } };
      expect({ status: response.status, code: error.code }).toEqual({ status, code });
      expect(response.headers.get('content-type')).toBe('application/json');
    }
  });

  it('is explained by the commands in a sentence, replies in tables', async () => {
    const flags = ['--admin', `127.0.0.1:${registry.process.adminPort}`, '--data-dir', registry.process.dataDir];
    expect((await runXlreg(['delete', 'nobody', ...flags])).stderr).toBe(
      'xlreg delete: the registry refused: there is no such cluster\n',
    );
    expect((await runXlreg(['clusters', '--limit', '0', ...flags])).stderr).toBe(
      'xlreg clusters: the registry refused: the parameter limit should be a whole number, 1 to 1000\n',
    );
    expect((await runXlreg(['sessions', ...flags])).stdout).toMatch(/^CONNECTION .* AGE MS +CLIENT NAME +CLIENT ID/);
  });

  it('is JSON for requests that HTTP itself refuses, and a sentence in the commands', async () => {
    const { adminPort: port, dataDir } = registry.process;
    const long = 'p'.repeat(5_000);
    const requests = [
      [`GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${long}\r\n\r\n`, 431, 'head-too-large'],
      ['BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'bad-request'],
      ['POST /drain HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n', 400, 'bad-request'],
    ] as const;
    for (const [request, status, code] of requests) {
      const socket = connect(port, '127.0.0.1').setEncoding('latin1');
      socket.write(request);
      const [head, body] = (await socket.toArray()).join('').split('\r\n\r\n') as [string, string];
      expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} \\w[^]*\r\ncontent-type: application/json\r\n`));
      expect(JSON.parse(body)).toEqual({ error: { code, message: expect.any(String) } });
    }
    const flags = ['--admin', `127.0.0.1:${port}`, '--data-dir', dataDir];
    expect(await runXlreg(['clusters', '--prefix', long, ...flags])).toMatchObject({
      code: 1,
      stderr: 'xlreg clusters: the registry refused: the head has more than 4096 bytes\n',
    });
  });

  it('shows a cluster and its members, by name and by ID', async () => {
    const { body } = await ask('GET /api/clusters/{cluster}', '/api/clusters/c1');
    expect(body).toMatchObject({ name: 'c1', size: 2, members: 2 });
    const members = await ask('GET /api/clusters/{cluster}/members', `/api/clusters/id:${body.id}/members`);
    expect(members.body.members).toMatchObject([
      { index: 0, name: 'alice', endPoints: ['127.0.0.1:4001'] },
      { index: 1, name: 'bob' },
    ]);
    for (const name of ['nobody', 'id:00', '__proto__', '%20']) {
      expect(await ask('GET /api/clusters/{cluster}', `/api/clusters/${name}`)).toMatchObject({ status: 404 });
    }
  });

  it('lists sessions, and shows limits', async () => {
    const { body } = await ask('GET /api/sessions', '/api/sessions?limit=1');
    expect(body).toMatchObject({ sessions: [{ connection: 1, transport: 'tcp', messages: 5 }], next: 1 });
    expect((await ask('GET /api/sessions', '/api/sessions?cursor=1')).body.next).toBe(null);
    expect((await ask('GET /api/limits', '/api/limits')).body).toMatchObject({
      limits: expect.arrayContaining([expect.objectContaining({ setting: 'max-clusters', value: 1_000_000, use: 3 })]),
    });
  });

  it('sets the log level and refuses a wrong or too long body', async () => {
    const put = (body: string) => ask('PUT /api/log-level', '/api/log-level', { body });
    expect(await put('{"level":"warn"}')).toMatchObject({ status: 200, body: { level: 'warn' } });
    expect((await ask('GET /api/log-level', '/api/log-level')).body).toEqual({ level: 'warn' });
    for (const body of ['', '{', 'null', '{"level":"odd"}', '{"level":1}']) expect((await put(body)).status).toBe(400);
    expect((await put('x'.repeat(5_000))).status).toBe(413);
    expect((await put('{"level":"info"}')).status).toBe(200);
    const foreign = { headers: { origin: 'http://example.org' }, body: '{"level":"warn"}' };
    expect((await ask('PUT /api/log-level', '/api/log-level', foreign)).status).toBe(403);
  });

  it('adds, lists and revokes the join tokens of a cluster that admits by them (A7)', async () => {
    const first = createJoinToken();
    const { session } = await registry.identify('owner');
    await session.create('guarded', { size: 3, joinTokens: [{ token: first }] });
    const path = '/api/clusters/guarded/tokens';
    const [list, one] = ['/api/clusters/{cluster}/tokens', '/api/clusters/{cluster}/tokens/{token}'];
    const post = (body: unknown, at = path) => ask(`POST ${list}`, at, { body: JSON.stringify(body) });
    const hash = hashJoinToken(createJoinToken());
    const added = { hash, uses: 2, left: 2, ttlMs: 60_000, forName: 'dora', replace: true, observer: false };
    const body = { hash, uses: 2, ttlMs: 60_000, forName: 'dora', replace: true };
    const made = await post(body);
    expect(made).toMatchObject({ status: 200, body: { tokens: expect.arrayContaining([added]) } });
    expect((await post(body)).body.tokens.length).toBe(2);
    expect(await post({ hash })).toMatchObject({ status: 409, body: { error: { code: 'admits-differently' } } });
    for (const bad of [
      ...[null, {}, { hash: 'ff' }, { hash, uses: 0 }, { hash, uses: 1_025 }, { hash, forName: '.x' }],
      ...[
        { hash, replace: true },
        { hash, forName: 'x', replace: true, observer: true },
        { hash, token: 'x' },
      ],
    ]) {
      expect(await post(bad)).toMatchObject({ status: 400, body: { error: { code: 'bad-token' } } });
    }
    expect(await post({ hash }, '/api/clusters/c2/tokens')).toMatchObject({ status: 409 });
    expect(await ask(`GET ${list}`, '/api/clusters/none/tokens')).toMatchObject({ status: 404 });
    expect(await ask(`DELETE ${one}`, `${path}/ff`)).toMatchObject({ status: 400 });
    for (let time = 0; time < 2; time++) {
      const revoked = await ask(`DELETE ${one}`, `${path}/${hash}`);
      expect(revoked.body).toEqual((await ask(`GET ${list}`, path)).body);
      expect(revoked.body.tokens).toMatchObject([{ hash: hashJoinToken(first), uses: 3, left: 3 }]);
    }
    expect((await ask('DELETE /api/clusters/{cluster}', '/api/clusters/guarded')).status).toBe(200);
  });

  it('creates a kept cluster, marks an existing one and refuses invalid ones (R4)', async () => {
    const post = (body: unknown, init: RequestInit = {}) => {
      return ask('POST /api/clusters', '/api/clusters', { ...init, body: JSON.stringify(body) });
    };
    const made = await post({ name: 'kept', size: 3, endPoints: 2 });
    expect(made).toMatchObject({
      status: 200,
      body: { name: 'kept', size: 3, endPointCount: 2, keep: true, members: 0 },
    });
    expect((await post({ name: 'kept', size: 9 })).body).toEqual(made.body);
    expect((await ask('GET /api/clusters/{cluster}', '/api/clusters/c2')).body.keep).toBe(false);
    expect(await post({ name: 'c2', size: 2 })).toMatchObject({ status: 200, body: { name: 'c2', keep: true } });
    expect(await post({ name: 'c1', size: 2 })).toMatchObject({ status: 200, body: { members: 2, keep: true } });
    const good = { name: 'x', size: 2 };
    const bad = [
      null,
      [],
      { ...good, name: '.x' },
      { ...good, size: 1 },
      { ...good, size: 65 },
      { ...good, endPoints: 0 },
    ];
    for (const body of [...bad, { ...good, keep: true }, { size: 2 }, 'x']) {
      expect(await post(body)).toMatchObject({ status: 400, body: { error: { code: 'bad-cluster' } } });
    }
    expect((await post(good, { headers: { origin: 'http://example.org' } })).status).toBe(403);
    expect((await post(good, { headers: { authorization: '' } })).status).toBe(401);
    for (const name of ['kept']) {
      expect((await ask('DELETE /api/clusters/{cluster}', `/api/clusters/${name}`)).status).toBe(200);
    }
  });

  it('evicts a member and deletes a cluster, as the commands do (R14)', async () => {
    const path = '/api/clusters/c1/members/alice';
    const route = 'DELETE /api/clusters/{cluster}/members/{member}';
    expect(await ask(route, path)).toMatchObject({ status: 200 });
    expect(await ask(route, path)).toMatchObject({ status: 404, body: { error: { code: 'member-unknown' } } });
    const { session } = await registry.identify('carol');
    await session.join('c1');
    const flags = ['--admin', `127.0.0.1:${registry.process.adminPort}`, '--data-dir', registry.process.dataDir];
    const members = await ask('GET /api/clusters/{cluster}/members', '/api/clusters/c1/members');
    expect(members.body.members).toMatchObject([
      { index: 0, name: 'carol' },
      { index: 1, name: 'bob' },
    ]);
    expect(await runXlreg(['evict', 'c1', 'bob', ...flags])).toEqual({ code: 0, stdout: 'evicted bob\n', stderr: '' });
    expect((await runXlreg(['evict', 'c1', 'bob', ...flags])).code).toBe(1);
    const listed = await runXlreg(['clusters', '--json', ...flags]);
    expect(JSON.parse(listed.stdout).clusters[0]).toMatchObject({
      name: 'c1',
      members: 1,
      fill: 'filling',
      complete: true,
    });
    expect((await runXlreg(['clusters', ...flags])).stdout).toMatch(
      /^NAME +FILL +MEMBERS +SIZE +KEEP +ID\nc1 +complete +1 +2 +true /,
    );
    expect((await runXlreg(['sessions', ...flags])).stdout).toMatch(/^CONNECTION .*\n1 +tcp/);
    expect((await runXlreg(['delete', 'c1', ...flags])).code).toBe(0);
    expect(await ask('DELETE /api/clusters/{cluster}', '/api/clusters/c1')).toMatchObject({ status: 404 });
    expect(await ask('DELETE /api/clusters/{cluster}', '/api/clusters/d1')).toMatchObject({ status: 200 });
  });
});
