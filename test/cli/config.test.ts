// xlreg config check on sound and faulty files.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runXlreg } from './xlreg-process.ts';

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'xlreg-config-'));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

async function check(text: string) {
  await writeFile(join(cwd, 'c.json'), text);
  return runXlreg(['config', 'check', 'c.json'], { cwd });
}

it('calls a file sound, or prints one line per problem', async () => {
  expect(await check('{"tcp":"off","max-clusters":5}')).toEqual({ code: 0, stdout: 'c.json: sound\n', stderr: '' });
  const { code, stdout } = await check('{"tcp":"nowhere","max-clusters":0,"odd\\u001b":1}');
  expect(code).toBe(1);
  expect(stdout.trimEnd().split('\n').toSorted()).toEqual([
    expect.stringContaining('c.json: max-clusters: '),
    'c.json: tcp: should be HOST:PORT or off',
    expect.stringMatching(/^c\.json: unknown key [ -~]*odd[ -~]*$/),
  ]);
});

it('refuses an unreadable file, a file without an object and an unknown subcommand', async () => {
  expect(await check('[')).toMatchObject({ code: 1 });
  expect(await check('[]')).toMatchObject({ code: 1, stdout: expect.stringContaining('should hold an object') });
  expect((await runXlreg(['config', 'check', 'none.json'], { cwd })).code).toBe(1);
  expect((await runXlreg(['config', 'look', 'c.json'], { cwd })).code).toBe(2);
});
