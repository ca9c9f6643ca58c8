// Admin tokens on a real registry: roles, expiry, revocation and rotation through the command line, and wrong tokens.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROLES, ROUTE_ROLES } from '../../src/admin/roles.ts';
import { runXlreg } from '../cli/xlreg-process.ts';
import { adminToken } from '../support/admin-token.ts';
import { giveKeys } from '../support/made-keys.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { until } from '../support/until.ts';

let registry: RegistryProcess;
const secrets = new Map<string, string>();

function flags(): string[] {
  return ['--admin', `127.0.0.1:${registry.adminPort}`, '--data-dir', registry.dataDir];
}

async function xlreg(...args: string[]) {
  return runXlreg(['admin', 'token', ...args, ...flags()]);
}

async function add(name: string, role: string, ...more: string[]): Promise<string> {
  const { code, stdout, stderr } = await xlreg('add', name, '--role', role, ...more);
  expect(stderr).toMatch(new RegExp(`^token ${name}, role ${role}, `));
  expect(code).toBe(0);
  secrets.set(name, stdout.trim());
  return stdout.trim();
}

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: the bodies of many routes
  readonly body: any;
}

async function ask(method: string, path: string, secret: string | undefined, body?: string): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${registry.adminPort}${path}`, {
    method,
    ...(secret !== undefined && { headers: { authorization: `Bearer ${secret}` } }),
    ...(body !== undefined && { body }),
  });
  if (response.headers.get('content-type') === 'text/event-stream') await response.body!.cancel();
  const text = response.bodyUsed ? '' : await response.text();
  const isJson = response.headers.get('content-type') === 'application/json';
  return { status: response.status, body: isJson ? JSON.parse(text) : text };
}

function whoami(secret: string): Promise<Answer> {
  return ask('GET', '/api/whoami', secret);
}

let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'xlreg-tokens-'));
  await giveKeys(dataDir);
  registry = await startRegistry({ dataDir });
  await add('a-admin', 'admin');
  for (const role of ['operate', 'read']) {
    const { body } = await ask(
      'POST',
      '/api/tokens',
      secrets.get('a-admin'),
      JSON.stringify({ name: `a-${role}`, role }),
    );
    secrets.set(body.name, body.token);
  }
});
afterAll(async () => {
  const files = await Promise.all(
    ['admin-tokens.json', 'audit.log'].map((name) => readFile(join(registry.dataDir, name), 'utf8')),
  );
  for (const secret of secrets.values()) {
    for (const text of [registry.stderr(), await registry.metrics(), ...files]) expect(text).not.toContain(secret);
  }
  expect(await registry.stop()).toBe(0);
  await rm(dataDir, { recursive: true });
});

describe('roles', () => {
  /** A request of each route that changes nothing. A drain is only asked for by roles that may not. */
  const path = (route: string) =>
    route
      .split(' ')[1]!
      .replace('{file}', 'main.js')
      .replace(/\{\w+\}/g, 'missing');
  const rows = Object.entries(ROUTE_ROLES).flatMap(([route, needs]) =>
    [undefined, ...ROLES].map((role) => [role ?? 'no token', route, needs, role] as const),
  );

  it.each(rows)('let %s use %s: it needs %s', async (_, route, needs, role) => {
    const allowed = needs === 'open' || (role !== undefined && ROLES.indexOf(role) >= ROLES.indexOf(needs));
    if (allowed && ['POST /drain', 'POST /api/tokens/local/rotate'].includes(route)) return;
    const { status, body } = await ask(route.split(' ')[0]!, path(route), role && secrets.get(`a-${role}`));
    if (allowed) return expect([401, 403]).not.toContain(status);
    expect({ status, code: body.error.code }).toEqual(
      role === undefined ? { status: 401, code: 'token-missing' } : { status: 403, code: 'role-too-small' },
    );
  });

  it('are told with name and expiry', async () => {
    expect(await whoami(secrets.get('a-read')!)).toEqual({
      status: 200,
      body: { name: 'a-read', role: 'read', expires: null },
    });
    expect((await whoami(adminToken(registry.dataDir))).body).toEqual({ name: 'local', role: 'admin', expires: null });
  });
});

describe('named tokens', () => {
  it('are kept as hashes at mode 0600, and listed without them', async () => {
    const path = join(registry.dataDir, 'admin-tokens.json');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const { stdout } = await xlreg('list');
    expect(stdout).toMatch(/^NAME +ROLE +CREATED +EXPIRES\nlocal +admin +- +never\na-admin +admin +20\S+ +never\n/);
    const { tokens } = JSON.parse((await xlreg('list', '--json')).stdout);
    expect(tokens.map((token: object) => Object.keys(token).sort())).toEqual(
      new Array(4).fill(['created', 'expired', 'expires', 'name', 'role']),
    );
  });

  it('are refused when the name exists, is local or is none, or the body is wrong', async () => {
    expect(await xlreg('add', 'a-read', '--role', 'read')).toMatchObject({
      code: 1,
      stderr: 'xlreg admin: the registry refused: there is a token a-read already\n',
    });
    expect((await xlreg('add', 'b', '--role', 'read', '--ttl', '1y')).code).toBe(2);
    const local = '{"name":"local","role":"read"}';
    expect((await ask('POST', '/api/tokens', secrets.get('a-admin'), local)).status).toBe(409);
    const bodies = ['', '{}', '{"name":".b","role":"read"}', '{"name":"b","role":"read","ttlSeconds":0}'];
    for (const body of [...bodies, '{"name":"b","role":"read","hash":"0"}']) {
      expect(await ask('POST', '/api/tokens', secrets.get('a-admin'), body)).toMatchObject({
        status: 400,
        body: { error: { code: 'bad-token' } },
      });
    }
  });

  it('end with their revocation at once, and an open stream within a report', async () => {
    const secret = await add('brief', 'read', '--ttl', '12h');
    const stream = await fetch(`http://127.0.0.1:${registry.adminPort}/api/status`, {
      headers: { authorization: `Bearer ${secret}` },
    });
    const reader = stream.body!.getReader();
    expect((await reader.read()).done).toBe(false);
    expect(await xlreg('revoke', 'brief')).toMatchObject({ code: 0, stdout: 'revoked brief\n' });
    expect(await whoami(secret)).toMatchObject({ status: 401, body: { error: { code: 'token-wrong' } } });
    const rest = async () => {
      while (!(await reader.read()).done);
    };
    await rest().catch(() => {});
    expect((await ask('DELETE', '/api/tokens/brief', secrets.get('a-admin'))).status).toBe(404);
    expect((await ask('DELETE', '/api/tokens/local', secrets.get('a-admin'))).body.error.code).toBe('token-local');
  });

  it('expire, say so, and make place for a new one of the name', async () => {
    const given = '{"name":"short","role":"operate","ttlSeconds":1}';
    const made = await ask('POST', '/api/tokens', secrets.get('a-admin'), given);
    const secret: string = made.body.token;
    expect(made.body).toMatchObject({ expired: false, expires: expect.stringMatching(/^20/) });
    await until(async () => (await whoami(secret)).status === 401);
    const { body } = await whoami(secret);
    expect(body.error).toMatchObject({
      code: 'token-expired',
      message: expect.stringMatching(/^the token short expired at 20/),
    });
    expect((await xlreg('list')).stdout).toMatch(/short +operate +\S+ +expired 20/);
    const again = '{"name":"short","role":"read","ttlSeconds":3600}';
    expect((await ask('POST', '/api/tokens', secrets.get('a-admin'), again)).body).toMatchObject({
      role: 'read',
      expired: false,
    });
  });

  it('serve commands by --token-file and XLREG_TOKEN_FILE, within their role', async () => {
    const file = join(registry.dataDir, 'operator-token');
    await writeFile(file, `${secrets.get('a-read')}\n`, { mode: 0o600 });
    const admin = ['--admin', `127.0.0.1:${registry.adminPort}`];
    const env = { XLREG_TOKEN_FILE: file };
    expect((await runXlreg(['clusters', ...admin], { env })).code).toBe(0);
    expect(await runXlreg(['delete', 'c', ...admin], { env })).toMatchObject({
      code: 1,
      stderr: 'xlreg delete: the registry refused: the token a-read has the role read, but this needs operate\n',
    });
  });
});

it('rotates the local token in its file, at once', async () => {
  const before = adminToken(registry.dataDir);
  expect((await xlreg('rotate')).code).toBe(0);
  const after = adminToken(registry.dataDir);
  expect(after).not.toBe(before);
  secrets.set('before', before).set('after', after);
  expect((await whoami(before)).status).toBe(401);
  expect((await whoami(after)).status).toBe(200);
  expect((await stat(join(registry.dataDir, 'admin-token'))).mode & 0o777).toBe(0o600);
});

describe('wrong tokens', () => {
  /** Asks from an address of the loopback. */
  function askFrom(localAddress: string, secret: string): Promise<{ status: number; retryAfter: string | undefined }> {
    const headers = { authorization: `Bearer ${secret}` };
    const where = { host: '127.0.0.1', port: registry.adminPort, path: '/api/whoami', localAddress, headers };
    return new Promise((resolve, reject) => {
      request({ ...where, agent: false }, (response) => {
        response.resume();
        resolve({ status: response.statusCode!, retryAfter: response.headers['retry-after'] });
      })
        .on('error', reject)
        .end();
    });
  }

  it('are slowed per address, and keep no right token out', async () => {
    const tries = [];
    for (let at = 0; at < 20; at++) tries.push(await askFrom('127.0.0.7', 'x'.repeat(43)));
    const statuses = tries.map(({ status }) => status);
    expect(statuses.slice(0, 10)).toEqual(new Array(10).fill(401));
    expect(statuses.slice(-8)).toEqual(new Array(8).fill(429));
    expect(Number(tries.at(-1)!.retryAfter)).toBeGreaterThan(0);
    expect((await askFrom('127.0.0.7', secrets.get('a-read')!)).status).toBe(200);
    expect((await askFrom('127.0.0.8', 'x')).status).toBe(401);
  });
});

it('keeps tokens over a restart, and refuses to start on a file that it cannot use', async () => {
  const args = { dataDir };
  expect(await registry.stop()).toBe(0);
  registry = await startRegistry(args);
  expect((await whoami(secrets.get('a-operate')!)).body.role).toBe('operate');
  expect(await registry.stop()).toBe(0);
  const path = join(registry.dataDir, 'admin-tokens.json');
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replace('"operate"', '"root"'));
  const start = await runXlreg([
    'serve',
    ...['tcp', 'ws', 'admin'].flatMap((flag) => [`--${flag}`, '127.0.0.1:0']),
    '--data-dir',
    dataDir,
  ]);
  expect(start).toMatchObject({ code: 2, stderr: expect.stringContaining('tokens.1.role is wrong') });
  await writeFile(path, text);
  registry = await startRegistry(args);
});
