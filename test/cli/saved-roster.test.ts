// xlreg members --save and xlreg verify against a real registry: before and after a move, offline, and after a restore.
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect, parseRegCred, RegistryRefused } from '../../src/client/index.ts';
import { giveKeys } from '../support/made-keys.ts';
import { newVisitor } from '../support/new-member.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { runXlreg } from './xlreg-process.ts';

/** Commands take seconds on a busy machine. */
const TIMEOUT_MS = 120_000;

let directory: string;
let registry: RegistryProcess;
const at = (name: string) => join(directory, name);
const start = (dataDir: string) => startRegistry({ dataDir, args: ['--store', 'lmdb'] });

/** Runs a command with a user's own state. */
async function run(user: string, ...args: string[]) {
  await mkdir(at(user), { recursive: true });
  return runXlreg(args, { cwd: at(user), env: { XLREG_REGISTRY: join(registry.dataDir, 'regCred.dat') } });
}

const joinAs = (name: string, port: number) =>
  run('joiner', 'join', 'web', '--name', name, '--end-point', `127.0.0.1:${port}`, '--label', `zone=${name}`, '--json');
const save = (user: string, file: string) => run(user, 'members', 'web', '--json', '--save', at(file));

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'xlreg-saved-'));
  await mkdir(at('data'), { mode: 0o700 });
  await giveKeys(at('data'));
  registry = await start(at('data'));
  expect((await run('joiner', 'create', 'web', '--size', '2')).code).toBe(0);
  expect(await joinAs('alice', 1)).toMatchObject({ code: 0, stderr: '' });
}, TIMEOUT_MS);
afterAll(async () => {
  await registry.stop();
  await rm(directory, { recursive: true });
});

it(
  'saves a roster that verifies after a change and offline; an older one is refused, after a restore with a warning only',
  async () => {
    // Before the cluster is complete the registry refuses, and tells when to retry (W3).
    const session = await connect(parseRegCred(registry.regCredText));
    await session.identify(newVisitor());
    const refused = await session.savedRoster('web').catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RegistryRefused);
    expect(refused).toMatchObject({
      ...{ message: 'cluster is not complete', details: { code: 51, retryable: true, retryAfterMs: 1_000 } },
    });
    session.close();

    expect(await joinAs('bob', 2)).toMatchObject({ code: 0, stderr: '' });

    expect(await save('user', 'first.roster')).toMatchObject({ code: 0, stderr: '' });
    expect((await stat(at('first.roster'))).mode & 0o777).toBe(0o644);
    const { adminPort } = registry;
    const backup = ['backup', at('backup'), '--admin', `127.0.0.1:${adminPort}`, '--data-dir', at('data')];
    expect(await run('user', ...backup)).toMatchObject({ code: 0 });

    expect(await joinAs('bob', 3)).toMatchObject({ code: 0 });
    expect(await save('user', 'second.roster')).toMatchObject({ code: 0, stderr: '' });
    expect(await registry.stop()).toBe(0);

    // Offline. Another user has seen nothing yet.
    const first = await run('other', 'verify', at('first.roster'), '--json');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    const [before, after] = [JSON.parse(first.stdout), await verified('other', 'second.roster')];
    expect(before).toMatchObject({
      ...{ cluster: 'web', size: 2, term: 1, restored: false },
      members: [
        { index: 0, name: 'alice', verified: true, labels: { zone: 'alice' }, endPoints: ['127.0.0.1:1'] },
        { index: 1, name: 'bob', verified: true, labels: { zone: 'bob' }, endPoints: ['127.0.0.1:2'] },
      ],
    });
    expect(after).toMatchObject({ epoch: before.epoch + 1, before: before.digest, term: 1 });
    expect(after.members[1]).toMatchObject({ name: 'bob', endPoints: ['127.0.0.1:3'] });
    const older = await run('other', 'verify', at('first.roster'));
    expect(older).toMatchObject({ code: 1, stdout: '' });
    expect(older.stderr).toBe(
      `xlreg verify: ${at('first.roster')}: it is of term 1, epoch ${before.epoch}, and ` +
        `term 1, epoch ${after.epoch} has been seen\n`,
    );

    expect(await run('user', 'restore', at('backup'), '--data-dir', at('restored'))).toMatchObject({ code: 0 });
    registry = await start(at('restored'));
    const saved = await save('user', 'third.roster');
    expect(saved).toMatchObject({ code: 0 });
    expect(saved.stderr).toContain('xlreg members: the registry of web was restored from a backup: term 1, epoch');
    const third = await run('other', 'verify', at('third.roster'), '--json');
    expect(third).toMatchObject({ code: 0, stderr: expect.stringContaining('Changes after the backup are lost') });
    expect(JSON.parse(third.stdout)).toMatchObject({ restored: true, before: before.digest });
    expect(JSON.parse(third.stdout).term).toBeGreaterThan(1_700_000_000);
    expect((await run('other', 'verify', at('second.roster'))).code).toBe(1);
  },
  TIMEOUT_MS,
);

async function verified(user: string, file: string) {
  const { code, stdout, stderr } = await run(user, 'verify', at(file), '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
}

it(
  'ends with 2 for a file that is no roster, and with 3 for one that another registry signed',
  async () => {
    await writeFile(at('none.roster'), '{}');
    expect(await run('user', 'verify', at('none.roster'))).toEqual({
      ...{ code: 2, stdout: '' },
      stderr: `xlreg verify: ${at('none.roster')}: its format is not "xlReg saved roster 1"\n`,
    });
    const missing = await run('user', 'verify', at('missing.roster'));
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot be read: ENOENT') });
    const changed = (await readFile(at('third.roster'), 'utf8')).replace(/"signature": "..../, '"signature": "AAAA');
    await writeFile(at('changed.roster'), changed);
    const forged = await run('user', 'verify', at('changed.roster'));
    expect(forged).toMatchObject({ code: 3, stderr: expect.stringContaining('has not signed it') });
  },
  TIMEOUT_MS,
);
