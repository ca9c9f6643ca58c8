// Signals that do not end the process: SIGHUP from operators, systemd and closing terminals, and SIGUSR1.

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startXlreg } from '../cli/xlreg-process.ts';
import { FieldRegistry, WIRES } from '../field/field-registry.ts';
import { giveKeys } from '../support/made-keys.ts';
import { until } from '../support/until.ts';

let registry: FieldRegistry;
let directory: string;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'xlreg-signals-'));
  registry = await FieldRegistry.start();
});
afterEach(async () => {
  await registry.stop();
  rmSync(directory, { recursive: true });
});

it('logs SIGHUP without a configuration file and goes on', async () => {
  process.kill(registry.process.pid, 'SIGHUP');
  await until(() => registry.process.stderr().includes('"msg":"reloaded"'));
  await (await registry.connect(WIRES[0]!)).bye();
});

it('reloads after the start if SIGHUP comes during it', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  await giveKeys(directory);
  const ports = ['--tcp', '127.0.0.1:0', '--ws', '127.0.0.1:0', '--admin', `127.0.0.1:${port}`];
  const starting = startXlreg(['serve', '--store', 'memory', '--data-dir', directory, ...ports]);
  await starting.said(/a port is not free yet/);
  starting.child.kill('SIGHUP');
  taken.close();
  await starting.said(/"msg":"started".*\n.*"msg":"reloaded"/);
  starting.child.kill('SIGTERM');
  expect((await starting.ended).code).toBe(0);
});

it('opens no debugger in a registry on SIGUSR1', async () => {
  process.kill(registry.process.pid, 'SIGUSR1');
  await (await registry.connect(WIRES[0]!)).bye();
  expect(await registry.stop()).toBe(0);
  expect(registry.process.stderr()).not.toContain('Debugger');
});

it('opens no debugger in a command with keys on SIGUSR1', async () => {
  const file = join(registry.process.dataDir, 'regCred.dat');
  const home = join(directory, 'alice');
  const to = ['--registry', file];
  expect((await startXlreg(['create', 'two', '--size', '2', ...to]).ended).code).toBe(0);
  const member = ['--name', 'alice', '--end-point', '127.0.0.1:4001', '--home', home];
  const joining = startXlreg(['join', 'two', ...member, '--wait', '20', ...to]);
  await joining.said(/1 of 2 members/);
  joining.child.kill('SIGUSR1');
  // A debugger would log its address before the command handles the next signal.
  joining.child.kill('SIGINT');
  expect((await joining.ended).stderr).not.toContain('Debugger');
});
