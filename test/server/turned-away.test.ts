// A limit that turns clients away shows to operators: a warning for each address and minute, `xlreg limits`, and a
// counter. The client's error names it.

import { afterEach, expect, it } from 'vitest';
import type { LimitsReport } from '../../src/admin/api.ts';
import { connect, parseRegCred, RegistryUnreachable } from '../../src/client/index.ts';
import { runXlreg } from '../cli/xlreg-process.ts';
import { FieldRegistry, WIRES } from '../field/field-registry.ts';
import { until } from '../support/until.ts';
import { describeEachEngine } from '../support/web-engines.ts';

let registry: FieldRegistry;
afterEach(async () => {
  expect(await registry.stop()).toBe(0);
});

interface Warning {
  readonly level: string;
  readonly msg: string;
  readonly address?: string;
  readonly limits: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** The warnings about limits, so far. */
function warnings(): Warning[] {
  const lines = registry.process.stderr().split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Warning).filter(({ msg }) => msg.startsWith('limits turned'));
}

const operator = () => [
  ...['--admin', `127.0.0.1:${registry.process.adminPort}`, '--data-dir', registry.process.dataDir],
];

async function limitsJson(): Promise<LimitsReport> {
  const { code, stdout } = await runXlreg(['limits', '--json', ...operator()]);
  expect(code).toBe(0);
  return JSON.parse(stdout) as LimitsReport;
}

it('names the limit, its setting and the number when 300 clients start behind one address', async () => {
  registry = await FieldRegistry.start({ args: ['--limit-exempt', 'off'] });
  const regCred = parseRegCred(registry.process.regCredText);
  const started = await Promise.allSettled(
    Array.from({ length: 300 }, () => connect(regCred, { helloTries: 1, timeoutMs: 20_000 })),
  );
  const refused = started.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []));
  // At most 256 connections are open at once.
  expect(refused.length).toBeGreaterThanOrEqual(44);
  for (const error of refused) {
    expect(error).toBeInstanceOf(RegistryUnreachable);
    expect(error.message).toContain(
      'a limit turned this client away (connections or Hellos, of its address or in all)',
    );
  }
  await until(() => warnings().length > 0);
  const [warning, ...more] = warnings();
  expect(more).toEqual([]);
  expect(warning).toMatchObject({ level: 'warn', address: '127.0.0.1' });
  const causes = {
    'connections-per-address': { 'max-connections-per-address': 256 },
    'hellos-per-address': { 'max-hellos-per-second-per-address': 20 },
  };
  for (const [cause, entry] of Object.entries(warning!.limits)) {
    expect(entry).toEqual({ refused: expect.any(Number), ...causes[cause as keyof typeof causes] });
  }

  const { minutes, limits, addresses } = await limitsJson();
  const row = (setting: string) => limits.find((one) => one.setting === setting)!;
  expect(minutes).toBe(5);
  expect(row('max-connections-per-address')).toMatchObject({ value: 256, limits: ['connections-per-address'] });
  expect(row('max-connections-per-address').use).toBe(row('max-connections').use);
  const perAddress = ['max-connections-per-address', 'max-hellos-per-second-per-address'];
  expect(perAddress.reduce((sum, setting) => sum + row(setting).refused, 0)).toBe(refused.length);
  expect(addresses).toEqual([{ address: '127.0.0.1', refused: expect.any(Object) }]);
  const counted = await registry.process.metrics();
  const total = row('max-connections-per-address').refusedTotal;
  expect(counted).toContain(`xlreg_limit_refused_total{limit="connections-per-address"} ${total}\n`);
  const { stdout } = await runXlreg(['limits', ...operator()]);
  expect(stdout).toMatch(/^SETTING +VALUE +USE +REFUSED IN 5 MIN +SINCE START$/m);
  expect(stdout).toMatch(new RegExp(`^max-connections-per-address +256 +\\d+ +${total} +${total}$`, 'm'));
  expect(stdout).toMatch(new RegExp(`^127\\.0\\.0\\.1 +${refused.length} +(hellos|connections)-per-address \\d+`, 'm'));
  for (const one of started) if (one.status === 'fulfilled') one.value.close();
});

describeEachEngine('with the engine %s', (engine) => {
  it('warns once for each address, and counts refusals that the client is told', async () => {
    const limits = ['--max-connections-per-address', '2', '--max-clusters-per-second-per-address', '1'];
    registry = await FieldRegistry.start({ args: ['--web-engine', engine, '--limit-exempt', 'off', ...limits] });
    const regCred = parseRegCred(registry.process.regCredText);
    const growing = { ...WIRES[1]!, localAddress: '127.0.0.3' };
    for (let made = 0; made < 12; made++) {
      const { client } = await registry.register(growing, { name: `maker${made}` });
      await client.request({ op: 5, clusterName: `c${made}`, clusterSize: 2, endPointCount: 1 });
      client.close();
    }
    for (const localAddress of ['127.0.0.2', '127.0.0.4']) {
      for (const wire of [WIRES[1]!, WIRES[3]!]) await registry.connect({ ...wire, localAddress });
      for (let i = 0; i < 3; i++) await expect(registry.connect({ ...WIRES[3]!, localAddress })).rejects.toThrow();
    }
    for (const wire of [WIRES[1]!, WIRES[3]!]) await registry.connect(wire);
    const url = `ws://127.0.0.1:${registry.process.wsPort}/xlreg`;
    const refused = connect(regCred, { transport: 'ws', connect: url, helloTries: 1 });
    await expect(refused).rejects.toThrow('closed at its WebSocket upgrade: a limit turned this client away');
    await until(() => warnings().length === 4);
    const byAddress = new Map(warnings().map(({ address, limits }) => [address, limits]));
    expect(byAddress.get('127.0.0.3')).toEqual({
      'clusters-per-address': { refused: expect.any(Number), 'max-clusters-per-second-per-address': 1 },
    });
    for (const address of ['127.0.0.2', '127.0.0.4']) {
      const entry = { refused: 3, 'max-connections-per-address': 2 };
      expect(byAddress.get(address)).toEqual({ 'connections-per-address': entry });
    }
    expect((await limitsJson()).addresses.map(({ address }) => address).toSorted()).toEqual([
      ...['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4'],
    ]);
  });
});
