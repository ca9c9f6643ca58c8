// TLS on the WebSocket port and the admin port, and certificate renewal while sessions run. openssl makes the
// certificates.

import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runXlreg } from '../cli/xlreg-process.ts';
import { FieldRegistry } from '../field/field-registry.ts';
import { OP } from '../field/protobuf.ts';
import { samplesOf } from '../metrics/metrics-text.ts';
import type { RegistryProcess } from '../support/registry-process.ts';
import { until } from '../support/until.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'xlreg-tls-'));
  for (const [name, days] of [
    ['first', '2'],
    ['second', '2'],
    ['longer', '30'],
  ] as const) {
    const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-days', days];
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', at(`${name}.key`)];
    execFileSync('openssl', ['req', '-x509', ...key, ...subject, '-out', at(`${name}.pem`)], { stdio: 'ignore' });
  }
});
afterAll(() => rmSync(directory, { recursive: true }));

const at = (name: string) => join(directory, name);

/** Copies this certificate and this key to the paths that the registry reads. */
function install(cert: string, key = cert): void {
  copyFileSync(at(`${cert}.pem`), at('live.pem'));
  copyFileSync(at(`${key}.key`), at('live.key'));
}

/** The common name of the certificate that a new connection gets. */
async function nameAt(port: number): Promise<unknown> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return CN;
}

/** Resolves when standard error has this text `times` times. */
async function said(registry: RegistryProcess, text: string, times: number): Promise<void> {
  await until(() => registry.stderr().split(text).length - 1 >= times);
}

describe.each(['uws', 'node'])('with the engine %s', (engine) => {
  it('serves TLS on both ports and renews certificates on SIGHUP without ending sessions', async () => {
    install('first');
    const files = `${at('live.pem')},${at('live.key')}`;
    const fieldRegistry = await FieldRegistry.start({
      args: ['--web-engine', engine, '--ws-tls', files, '--admin-tls', files],
    });
    const registry = fieldRegistry.process;
    const ws = { ca: readFileSync(at('first.pem')) };
    const session = await fieldRegistry.connect({ transport: 'ws', dialect: 'prefixed', scheme: 'wss', ws });
    for (const port of [registry.wsPort, registry.adminPort]) expect(await nameAt(port)).toBe('first');

    install('second');
    process.kill(registry.pid, 'SIGHUP');
    await said(registry, 'the certificate is renewed', 2);
    for (const port of [registry.wsPort, registry.adminPort]) expect(await nameAt(port)).toBe('second');
    await session.call({ op: OP.RegCredRequest }, OP.RegCredReply);

    // The old certificate stays after a mismatched key or an invalid file.
    install('first', 'second');
    process.kill(registry.pid, 'SIGHUP');
    await said(registry, 'a part is not reloaded, and stays as it was', 2);
    writeFileSync(at('live.pem'), 'nonsense');
    process.kill(registry.pid, 'SIGHUP');
    await said(registry, 'a part is not reloaded, and stays as it was', 4);
    for (const port of [registry.wsPort, registry.adminPort]) expect(await nameAt(port)).toBe('second');
    expect(registry.stderr()).not.toContain('PRIVATE');
    await session.call({ op: OP.RegCredRequest }, OP.RegCredReply);
    await session.bye();

    const env = { NODE_EXTRA_CA_CERTS: at('second.pem') };
    const admin = ['--admin', `https://127.0.0.1:${registry.adminPort}`, '--data-dir', registry.dataDir];
    const drained = await runXlreg(['drain', ...admin], { env });
    expect(drained).toMatchObject({ code: 0, stdout: 'drained\n' });
    expect(await registry.stop()).toBe(0);
  });
});

it('shows the expiry of the certificate in use, and the results of reloads, as metrics', async () => {
  install('first');
  const { process: registry } = await FieldRegistry.start({
    args: ['--ws-tls', `${at('live.pem')},${at('live.key')}`],
  });
  const value = async (name: string, labels: object) =>
    samplesOf(await registry.metrics()).find(
      (sample) => sample.name === name && JSON.stringify(sample.labels) === JSON.stringify(labels),
    )?.value;
  const expiry = () => value('xlreg_certificate_expiry_timestamp_seconds', { listener: 'ws' });
  const results = async () => [
    await value('xlreg_reloads_total', { result: 'success' }),
    await value('xlreg_reloads_total', { result: 'failure' }),
  ];
  const expiryOf = (name: string) => Date.parse(new X509Certificate(readFileSync(at(`${name}.pem`))).validTo) / 1000;
  expect(await expiry()).toBe(expiryOf('first'));
  expect(await value('xlreg_certificate_expiry_timestamp_seconds', { listener: 'admin' })).toBeUndefined();
  expect(await results()).toEqual([0, 0]);
  const started = (await value('xlreg_reload_last_success_timestamp_seconds', {}))!;

  install('longer');
  process.kill(registry.pid, 'SIGHUP');
  await until(async () => (await results())[0] === 1);
  expect(await expiry()).toBe(expiryOf('longer'));
  const reloaded = (await value('xlreg_reload_last_success_timestamp_seconds', {}))!;
  expect(reloaded).toBeGreaterThan(started);

  writeFileSync(at('live.pem'), 'nonsense');
  process.kill(registry.pid, 'SIGHUP');
  await until(async () => (await results())[1] === 1);
  expect(await results()).toEqual([1, 1]);
  expect(await expiry()).toBe(expiryOf('longer'));
  expect(await value('xlreg_reload_last_success_timestamp_seconds', {})).toBe(reloaded);
  expect(await registry.stop()).toBe(0);
});

it('ends with exit code 2 for certificate files that cannot be used', async () => {
  install('first', 'second');
  const flags = ['--data-dir', at('data'), '--tcp', '127.0.0.1:0', '--admin', 'off', '--ws', '127.0.0.1:0'];
  for (const files of [`${at('live.pem')},${at('live.key')}`, `${at('none.pem')},${at('none.key')}`]) {
    const { code, stderr } = await runXlreg(['serve', ...flags, '--ws-tls', files]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^xlreg serve: cannot use certificate \S+ with key \S+: .*\n$/);
  }
});
