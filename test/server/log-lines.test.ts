// Standard error without a terminal holds JSON lines only. The first one describes the started registry.

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { FieldRegistry, WIRES } from '../field/field-registry.ts';
import { adminToken } from '../support/admin-token.ts';

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));

/** Differs from the default. */
const WORKERS = String(availableParallelism() + 1);

let registry: FieldRegistry;
afterEach(() => registry.stop());

async function linesOf(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string[]> {
  registry = await FieldRegistry.start({ args, env });
  const { adminPort, dataDir } = registry.process;
  await (await registry.connect(WIRES[0]!)).bye();
  const headers = { authorization: `Bearer ${adminToken(dataDir)}` };
  const set = { method: 'PUT', headers, body: '{"level":"error"}' };
  expect((await fetch(`http://127.0.0.1:${adminPort}/api/log-level`, set)).status).toBe(200);
  expect(await registry.stop()).toBe(0);
  return registry.process.stderr().trimEnd().split('\n');
}

it('logs JSON lines with a named level, a time and no repeated key', async () => {
  const lines = await linesOf(['--max-connections', '100']);
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['started', 'session ended', 'the log level is set']);
  for (const line of lines) {
    expect(JSON.parse(line)).toMatchObject({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
    // A repeated key would be lost in parsing, and the text would differ.
    expect(JSON.stringify(JSON.parse(line))).toBe(line);
  }
  expect(JSON.parse(lines[2]!).logLevel).toBe('error');
});

it('logs its start with the changed settings and without secrets', async () => {
  const args = ['--web-engine', 'node', '--workers', WORKERS, '--max-connections', '100', '--max-clusters', '1000000'];
  const [started] = await linesOf(args, { XLREG_NAME: 'here', XLREG_ETCD_PASSWORD: 'hush' });
  const { tcpPort, wsPort, adminPort, dataDir } = registry.process;
  const free = '127.0.0.1:0';
  expect(JSON.parse(started!)).toMatchObject({
    ...{ msg: 'started', version, node: process.version, store: 'memory', workers: Number(WORKERS), engine: 'node' },
    ...{ tcp: `127.0.0.1:${tcpPort}`, ws: `127.0.0.1:${wsPort}`, admin: `127.0.0.1:${adminPort}` },
  });
  expect(JSON.parse(started!).settings).toEqual({
    ...{ 'data-dir': dataDir, tcp: free, ws: free, admin: free, store: 'memory', name: 'here', workers: WORKERS },
    ...{ 'max-connections': '100', 'web-engine': 'node' },
  });
  expect(started).not.toContain('hush');
});
