// One member, several processes: simultaneous starts share one identity, and later runs find its home.
import { mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CliRegistry } from './cli-registry.ts';
import { homeIn, runXlreg } from './xlreg-process.ts';

let registry: CliRegistry;
beforeAll(async () => {
  registry = await CliRegistry.start();
});
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

const joinAs = (cluster: string, name: string, ...args: string[]) => [
  ...['join', cluster, '--name', name, '--end-point', '127.0.0.1:1', '--json', ...args],
];

it('gives three simultaneous processes one identity (T11)', async () => {
  expect((await registry.run('create', 'once', '--size', '3')).code).toBe(0);
  const options = { ...registry.options, makesKeys: true };
  const ran = await Promise.all(
    Array.from({ length: 3 }, () => runXlreg(joinAs('once', 'alice', '--home', 'h'), options)),
  );
  for (const { code, stderr } of ran) expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const [first, ...others] = ran.map(({ stdout }) => JSON.parse(stdout));
  for (const other of others) expect(other).toMatchObject({ id: first.id, index: 0, members: first.members });
  // The home has the keys of the member in the seat.
  const again = await registry.run(...joinAs('once', 'alice', '--home', 'h'));
  expect(again.code).toBe(0);
  expect(JSON.parse(again.stdout)).toMatchObject({ id: first.id, index: 0, members: first.members });
  const home = join(registry.directory, 'h');
  const files = (await readdir(home)).sort();
  expect(files.filter((file) => !/^(sealed|seen)-/.test(file))).toEqual([
    ...['comms-key.pem', 'member.json', 'seal-key.pem', 'sig-key.pem'],
  ]);
  expect(files.filter((file) => /^sealed-[0-9a-f]{16}\.\d+\.json$/.test(file))).toHaveLength(1);
  expect(files.filter((file) => /^seen-[0-9a-f]{16}-[0-9a-f]{64}\.json$/.test(file))).toHaveLength(1);
  expect(JSON.parse(await readFile(join(home, 'member.json'), 'utf8')).id).toBe(first.id);
});

it('finds the home from another working directory, and a home in the former place', async () => {
  expect((await registry.run('create', 'found', '--size', '3')).code).toBe(0);
  const env = { XLREG_REGISTRY: registry.file, XDG_STATE_HOME: join(registry.directory, 'state') };
  const first = JSON.parse((await registry.run(...joinAs('found', 'bob'))).stdout);
  expect(first.home).toBe(homeIn(registry.directory, registry.process.regCredText, 'bob'));
  const elsewhere = join(registry.directory, 'elsewhere');
  await mkdir(join(elsewhere, 'xlreg-home'), { recursive: true });
  const second = await runXlreg(joinAs('found', 'bob'), { cwd: elsewhere, env });
  expect(JSON.parse(second.stdout)).toMatchObject({ id: first.id, index: 0, home: first.home });

  await rename(first.home, join(elsewhere, 'xlreg-home', 'bob'));
  const third = await runXlreg(joinAs('found', 'bob'), { cwd: elsewhere, env });
  expect(JSON.parse(third.stdout)).toMatchObject({ id: first.id, index: 0, home: 'xlreg-home/bob' });
});
