// Checks the systemd unit with systemd-analyze, and runs a server under its system-call filter.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { SERVE_EXIT_CODES } from '../../src/cli/serve-help.ts';
import { FieldRegistry, WIRES } from '../field/field-registry.ts';
import { unitSandbox } from '../support/unit-sandbox.ts';
import { until } from '../support/until.ts';
import { canNotify, NotifySocket } from './notify-socket.ts';

const UNIT = fileURLToPath(new URL('../../packaging/systemd/xlreg.service', import.meta.url));

const analyze = (...args: string[]) => spawnSync('systemd-analyze', args, { encoding: 'utf8', timeout: 20_000 });
const version = analyze('--version');
if (version.error) console.log(`SKIPPED, systemd-analyze cannot run here: ${version.error.message}`);

it.skipIf(version.error)('has only directives that systemd knows', () => {
  // Ignore that neither the program nor its man page is installed here.
  const { stdout, stderr } = analyze('verify', UNIT);
  const complaints = `${stdout}${stderr}`
    .split('\n')
    .filter((line) => line !== '' && !/xlreg is not executable|man:xlreg|xlreg\(1\)/.test(line));
  expect(complaints).toEqual([]);
});

it.skipIf(version.error)('has an exposure of at most 2.0', () => {
  const { stdout, status } = analyze('security', '--offline=true', '--threshold=20', UNIT);
  expect({ status, overall: /Overall exposure level.*/.exec(stdout)?.[0] }).toMatchObject({ status: 0 });
});

it('restarts after each exit code but those of an orderly stop and of wrong settings', () => {
  const codes = [...SERVE_EXIT_CODES.matchAll(/^ +(\d+) +(.*)$/gm)].map(
    ([, code, meaning]) => [code, meaning] as const,
  );
  const final = codes.filter(([code, meaning]) => code !== '0' && meaning!.startsWith('wrong settings'));
  const unit = readFileSync(UNIT, 'utf8');
  expect(codes).toHaveLength(4);
  expect(/^RestartPreventExitStatus=(.*)$/m.exec(unit)![1]!.split(' ')).toEqual(final.map(([code]) => code));
  expect(unit).toMatch(/^Restart=on-failure$/m);
});

const within = unitSandbox(readFileSync(UNIT, 'utf8'));
it.skipIf(!within || !canNotify())('allows every system call of a server at work', async () => {
  const systemd = await NotifySocket.open();
  const folder = mkdtempSync(join(tmpdir(), 'xlreg-sandbox-'));
  onTestFinished(async () => {
    await systemd.close();
    rmSync(folder, { recursive: true });
  });
  const args = ['--store', 'lmdb', '--backup-dir', folder];
  const env = { NOTIFY_SOCKET: systemd.path, WATCHDOG_USEC: '900000' };
  const registry = await FieldRegistry.start({ args, env, within: within! });
  await systemd.next(/^READY=1 /);
  for (const wire of WIRES) {
    const { client } = await registry.register(wire, { name: `${wire.dialect}-${wire.transport}` });
    await client.create('c', WIRES.length);
    await client.join('c');
    client.close();
  }
  await until(() => registry.process.stderr().includes('a backup is made and verified'));
  process.kill(registry.process.pid, 'SIGHUP');
  await systemd.next(/^RELOADING=1/);
  await systemd.next(/^WATCHDOG=1$/);
  expect(await registry.stop()).toBe(0);
});

it('passes the credentials that docs/how-to/systemd.md tells of', () => {
  const unit = readFileSync(UNIT, 'utf8');
  const page = readFileSync(new URL('../../docs/how-to/systemd.md', import.meta.url), 'utf8');
  const [, id, directory] = /^LoadCredential=(\w+):(.*)$/m.exec(unit)!;
  expect(page).toContain(`install -d -m 700 ${directory}\n`);
  expect(page).toContain(`/run/credentials/xlreg.service/${id}_NAME`);
  for (const directive of ['Type=notify', 'NotifyAccess=all', 'DynamicUser=yes']) {
    expect(unit.split('\n')).toContain(directive);
  }
  expect(unit).toMatch(/^WatchdogSec=\d+$/m);
});
