// A member's home: its files, their modes, and refusals.
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createMember,
  createVisitor,
  loadMember,
  type Member,
  MemberHomeError,
  saveMember,
} from '../../src/client/index.ts';

let directory: string;
let member: Member;
let home: string;
let homes = 0;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'xlreg-home-'));
  member = await createMember({ name: 'alice', endPoints: ['127.0.0.1:1'], attrs: 2n ** 64n - 1n });
});
beforeEach(() => {
  home = join(directory, `home-${homes++}`, 'alice');
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);

it('saves and loads a member unchanged', async () => {
  expect(await loadMember(home)).toBeUndefined();
  await saveMember(home, member);
  const loaded = await loadMember(home);
  expect(loaded).toMatchObject({ name: 'alice', endPoints: ['127.0.0.1:1'], attrs: 2n ** 64n - 1n, id: member.id });
  expect(loaded!.commsKey.equals(member.commsKey)).toBe(true);
  expect(loaded!.sigKey.equals(member.sigKey)).toBe(true);

  const ofRegistry = { id: '0a'.repeat(32), registryId: '0b'.repeat(20), registryAddress: 'wss://a.example/xlreg' };
  await saveMember(home, { ...member, ...ofRegistry });
  expect(await loadMember(home)).toMatchObject(ofRegistry);
});

it('saves with owner-only modes and leaves no temporary file', async () => {
  await saveMember(home, member);
  expect((await readdir(home)).sort()).toEqual(['comms-key.pem', 'member.json', 'seal-key.pem', 'sig-key.pem']);
  expect(await mode(home)).toBe('700');
  for (const file of await readdir(home)) expect(await mode(join(home, file))).toBe('600');
  expect(await readFile(join(home, 'member.json'), 'utf8')).not.toContain('PRIVATE');
});

describe('a home of the process’s group', () => {
  /** Returns the warnings that the process emits during `action`. */
  async function warningsOf(action: () => Promise<unknown>): Promise<string[]> {
    const warnings: string[] = [];
    const note = (warning: Error) => warnings.push(warning.message);
    process.on('warning', note);
    await action();
    // Node emits warnings in a later turn.
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', note);
    return warnings;
  }

  it('is accepted, and its files get mode 600 again with a warning', async () => {
    await saveMember(home, member);
    const files = await readdir(home);
    await chmod(home, 0o2770);
    for (const file of files) await chmod(join(home, file), 0o660);
    const warnings = await warningsOf(() => loadMember(home));
    const says = (file: string) => expect.stringContaining(`${join(home, file)} was open to its group (mode 660)`);
    expect(warnings.sort()).toEqual(files.sort().map(says));
    for (const file of files) expect(await mode(join(home, file))).toBe('600');
    expect(await warningsOf(() => loadMember(home))).toEqual([]);
    await saveMember(home, { ...member, id: '0a'.repeat(32) });
  });

  it.skipIf(process.getuid?.() !== 0)('is refused when the group is not one of the process', async () => {
    await saveMember(home, member);
    await chown(join(home, 'sig-key.pem'), 0, 54_321);
    await chmod(join(home, 'sig-key.pem'), 0o640);
    await expect(loadMember(home)).rejects.toThrow('sig-key.pem is open to other users (mode 640): chmod 600');
    await chmod(join(home, 'sig-key.pem'), 0o600);
    await chown(home, 0, 54_321);
    await chmod(home, 0o770);
    await expect(loadMember(home)).rejects.toThrow('is open to other users (mode 770): chmod 700');
  });
});

describe('a home is refused', () => {
  it.each(['member.json', 'comms-key.pem', 'sig-key.pem'])('when others can read its %s', async (file) => {
    await saveMember(home, member);
    await chmod(join(home, file), 0o644);
    await expect(loadMember(home)).rejects.toThrow(MemberHomeError);
    await expect(loadMember(home)).rejects.toThrow(`${file} is open to other users (mode 644): chmod 600`);
  });

  it('when others can write to it', async () => {
    await saveMember(home, member);
    await chmod(home, 0o777);
    await expect(loadMember(home)).rejects.toThrow('chmod 700');
    await expect(saveMember(home, member)).rejects.toThrow('chmod 700');
  });

  it.each([
    { what: 'broken JSON', file: 'member.json', text: '{' },
    { what: 'an invalid name', file: 'member.json', text: '{"name":"../x","endPoints":[],"attrs":"0"}' },
    { what: 'an invalid ID', file: 'member.json', text: '{"name":"a","endPoints":[],"attrs":"0","id":"abc"}' },
    { what: 'an invalid key', file: 'sig-key.pem', text: 'secret material' },
  ])('with $what', async ({ file, text }) => {
    await saveMember(home, member);
    await writeFile(join(home, file), text);
    const refused = await loadMember(home).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(MemberHomeError);
    expect((refused as Error).message).toContain(file);
    expect((refused as Error).message).not.toContain('secret material');
  });

  it('without a key', async () => {
    await saveMember(home, member);
    await rm(join(home, 'comms-key.pem'));
    await expect(loadMember(home)).rejects.toThrow('comms-key.pem is missing');
  });

  it('when it is a file', async () => {
    await mkdir(join(home, '..'), { recursive: true });
    await writeFile(home, '');
    await expect(saveMember(home, member)).rejects.toThrow(MemberHomeError);
  });
});

it('creates no member with an invalid name or end point', async () => {
  await expect(createMember({ name: '-x', endPoints: [] })).rejects.toThrow(TypeError);
  await expect(createMember({ name: 'x', endPoints: ['here'] })).rejects.toThrow(TypeError);
  const five = Array.from({ length: 5 }, (_, at) => `127.0.0.1:${at + 1}`);
  await expect(createMember({ name: 'x', endPoints: five })).rejects.toThrow(TypeError);
  expect((await createMember({ name: 'x', endPoints: five.slice(1) })).endPoints).toHaveLength(4);
});

it('creates visitors with distinct names', async () => {
  const [one, other] = await Promise.all([createVisitor(), createVisitor()]);
  expect(one.name).not.toBe(other.name);
  expect(one).toMatchObject({ attrs: 3n, endPoints: [] });
});
