// fetchRegCred reads credentials from a registry's web port and holds them against a pin.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  connect,
  fetchRegCred,
  keyFingerprint,
  RegistryUnreachable,
  RegistryUntrusted,
} from '../../src/client/index.ts';
import { startRegistry, type TestRegistry } from '../../src/testing/index.ts';

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry.stop());

it('fetches credentials with which a session opens', async () => {
  const { fingerprint, url } = registry;
  for (const at of [url, new URL(url), new URL('/', url).href]) {
    const regCred = await fetchRegCred(at, { fingerprint });
    expect(regCred).toEqual(registry.regCred);
  }
  await using session = await connect(await fetchRegCred(url));
  expect(await session.credentials()).toMatchObject({ name: 'xlReg' });
});

it('takes a pin in hex, and that of the comms key for an RSA dialect', async () => {
  const base64 = registry.fingerprint.replace('SHA256:', '');
  const hex = Buffer.from(base64, 'base64').toString('hex');
  expect(await fetchRegCred(registry.url, { fingerprint: hex })).toEqual(registry.regCred);
  const comms = keyFingerprint(registry.regCred.commsKey);
  expect(await fetchRegCred(registry.url, { fingerprint: comms, dialect: 'prefixed' })).toEqual(registry.regCred);
  await expect(fetchRegCred(registry.url, { fingerprint: comms })).rejects.toMatchObject({
    code: 'FINGERPRINT_MISMATCH',
    message: expect.stringContaining('the fingerprint is that of the comms key'),
  });
});

it('rejects a URL with a password, and does not show it', async () => {
  const refused = await fetchRegCred('http://me:secret@127.0.0.1:1').catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(TypeError);
  expect(String(refused)).toMatch(/: the URL of credentials should be \S+, without user and password$/);
});

it('rejects another key without printing its fingerprint', async () => {
  await using other = await startRegistry({ keys: 2 });
  const refused = await fetchRegCred(other.url, { fingerprint: registry.fingerprint }).catch((error: Error) => error);
  expect(refused).toBeInstanceOf(RegistryUntrusted);
  expect((refused as Error).message).not.toContain('SHA256:');
});

it('rejects what holds no credentials, and what does not answer', async () => {
  const server = createServer((request, response) => {
    response.statusCode = Number(/^\/(\d{3})$/.exec(request.url!)?.[1] ?? 200);
    response.end(request.url === '/large' ? 'x'.repeat(70_000) : 'hello');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const at = (path: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  await expect(fetchRegCred(at('/'))).rejects.toThrow(RegistryUntrusted);
  for (const [status, code, retryable] of [
    [404, 'CREDENTIALS_URL_WRONG', false],
    [429, 'UNREACHABLE', true],
    [503, 'UNREACHABLE', true],
  ] as const) {
    const refused = await fetchRegCred(at(`/${status}`)).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RegistryUnreachable);
    const message = expect.stringContaining(`${at(`/${status}`)}: status ${status}`);
    expect(refused).toMatchObject({ code, retryable, message });
  }
  await expect(fetchRegCred(at('/large'))).rejects.toThrow('more than 65536 bytes');
  const closed = at('/');
  await new Promise((resolve) => server.close(resolve));
  await expect(fetchRegCred(closed)).rejects.toThrow(RegistryUnreachable);
});

it('rejects a URL of another kind, a text that is no fingerprint, and an aborted call', async () => {
  await expect(fetchRegCred('regCred.dat')).rejects.toThrow(TypeError);
  await expect(fetchRegCred(registry.url, { fingerprint: 'SHA256:short' })).rejects.toThrow(TypeError);
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(fetchRegCred(registry.url, { signal })).rejects.toThrow('enough');
});
