// The reload at SIGHUP, with a real registry: limits, log level and admin token change, a faulty file changes nothing.
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runXlreg } from '../cli/xlreg-process.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { until } from '../support/until.ts';

const FIRST = { 'max-clusters': 1, 'max-connections': 500, 'max-connections-per-address': 1, 'limit-exempt': 'off' };

let registry: RegistryProcess;
let directory: string;
let file: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'xlreg-reload-'));
  file = join(directory, 'config.json');
  writeFileSync(file, JSON.stringify(FIRST));
  registry = await startRegistry({ args: ['--config', file] });
});
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
  await rm(directory, { recursive: true });
});

interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/**
 * Replaces the file, sends SIGHUP, waits for the end of the reload, and returns the lines it logged. The warning about
 * clients that limits turned away comes at its own time.
 */
async function reload(content: unknown): Promise<LogLine[]> {
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  const [before, logged] = [await reloads(), registry.stderr().length];
  process.kill(registry.pid, 'SIGHUP');
  await until(async () => (await reloads()) > before);
  // The log comes by a pipe, so it may arrive later than the metric.
  const text = () => registry.stderr().slice(logged);
  await until(() => /"msg":"(reloaded|the reload failed).*\n/.test(text()));
  return text()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as LogLine)
    .filter(({ msg }) => !msg.startsWith('limits turned clients away'));
}

async function metric(name: string): Promise<number> {
  const text = await registry.metrics();
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1),
  );
}

async function reloads(): Promise<number> {
  return (
    (await metric('xlreg_reloads_total{result="success"}')) + (await metric('xlreg_reloads_total{result="failure"}'))
  );
}

async function create(name: string) {
  return await runXlreg(['create', name, '--size', '2', '--registry', join(registry.dataDir, 'regCred.dat')]);
}

it('changes limits of the table and of connections, and says so', async () => {
  expect((await create('one')).code).toBe(0);
  const refused = await create('two');
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('registry is full') });

  const lines = await reload({ ...FIRST, 'max-clusters': 2, 'max-connections': 400 });
  expect(lines.at(-1)).toMatchObject({
    level: 'info',
    msg: 'reloaded',
    changed: { 'max-clusters': { from: 1, to: 2 }, 'max-connections': { from: 500, to: 400 } },
  });
  expect((await create('two')).code).toBe(0);
  expect(await metric('xlreg_admission_connections_max')).toBe(400);
  const token = readFileSync(join(registry.dataDir, 'admin-token'), 'utf8').trim();
  const limits = await fetch(`http://127.0.0.1:${registry.adminPort}/api/limits`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const shown = (await limits.json()) as { limits: { setting: string; value: number }[] };
  const inEffect = (name: string) => shown.limits.find(({ setting }) => setting === name)?.value;
  expect([inEffect('max-clusters'), inEffect('max-connections')]).toEqual([2, 400]);
});

it('changes the limit of one address for connections to come', async () => {
  const first = connect(registry.tcpPort, '127.0.0.1').on('error', () => {});
  await until(async () => (await metric('xlreg_admission_connections')) === 1);
  const drops = () => metric('xlreg_admission_drops_total{cause="connections-per-address"}');
  const before = await drops();
  const second = connect(registry.tcpPort, '127.0.0.1').on('error', () => {});
  await until(async () => (await drops()) > before);
  await reload({ ...FIRST, 'max-clusters': 2, 'max-connections-per-address': 9 });
  const third = connect(registry.tcpPort, '127.0.0.1').on('error', () => {});
  await until(async () => (await metric('xlreg_admission_connections')) >= 2);
  expect(await drops()).toBe(before + 1);
  for (const socket of [first, second, third]) socket.destroy();
});

it('names the changed settings that need a restart', async () => {
  const lines = await reload({ ...FIRST, 'hello-queue-ms': 70, name: 'other' });
  expect(lines.at(-1)).toMatchObject({
    level: 'warn',
    msg: 'reloaded; some changed settings need a restart',
    needRestart: { 'hello-queue-ms': { from: 50, to: 70 }, name: { from: 'xlReg', to: 'other' } },
  });
});

it('changes nothing for a faulty file, and says why', async () => {
  await reload({ ...FIRST, 'max-clusters': 7 });
  const since = await metric('xlreg_reload_last_success_timestamp_seconds');
  const faulty = [
    { content: '{', reason: /config\.json: / },
    { content: { ...FIRST, 'max-clusters': 0 }, reason: /config\.json: max-clusters: should be a whole number, 1 to / },
    { content: { ...FIRST, 'max-cluster': 9 }, reason: /unknown key "max-cluster"; did you mean "max-clusters"\?/ },
    { content: '{"max-clusters":8,"max-clusters":9}', reason: /the key "max-clusters" is there more than once/ },
  ];
  for (const { content, reason } of faulty) {
    const [line] = await reload(content);
    expect(line).toMatchObject({ level: 'error', reason: expect.stringMatching(reason) });
    expect(line!.msg).toContain('nothing has changed');
  }
  expect(await metric('xlreg_reloads_total{result="failure"}')).toBe(faulty.length);
  expect(await metric('xlreg_reload_successful')).toBe(0);
  expect(await metric('xlreg_reload_last_success_timestamp_seconds')).toBe(since);
  const lines = await reload({ ...FIRST, 'max-clusters': 8 });
  expect(lines.at(-1)).toMatchObject({ changed: { 'max-clusters': { from: 7, to: 8 } } });
  expect(await metric('xlreg_reload_successful')).toBe(1);
});

it('changes the log level only if the setting changes', async () => {
  const lines = await reload({ ...FIRST, 'log-level': 'debug' });
  expect(lines).toContainEqual(expect.objectContaining({ logLevel: 'debug' }));
  process.kill(registry.pid, 'SIGUSR2');
  await until(() => registry.stderr().includes('"logLevel":"info"'));
  expect(await reload({ ...FIRST, 'log-level': 'debug' })).not.toContainEqual(
    expect.objectContaining({ logLevel: expect.anything() }),
  );
});

it('takes over a replaced admin token', async () => {
  const path = join(registry.dataDir, 'admin-token');
  const statusWith = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`http://127.0.0.1:${registry.adminPort}/api/limits`, { headers })).status;
  };
  const old = readFileSync(path, 'utf8').trim();
  const other = `${'x'.repeat(42)}y`;
  writeFileSync(path, `${other}\n`);
  expect([await statusWith(old), await statusWith(other)]).toEqual([200, 401]);
  await reload(FIRST);
  expect([await statusWith(old), await statusWith(other)]).toEqual([401, 200]);
});
