// A member's home: what is kept, with which modes, and what is refused.
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

it('keeps a member as it is', async () => {
  expect(await loadMember(home)).toBeUndefined();
  await saveMember(home, member);
  const loaded = await loadMember(home);
  expect(loaded).toMatchObject({ name: 'alice', endPoints: ['127.0.0.1:1'], attrs: 2n ** 64n - 1n, id: undefined });
  expect(loaded!.commsKey.equals(member.commsKey)).toBe(true);
  expect(loaded!.sigKey.equals(member.sigKey)).toBe(true);

  const ofRegistry = { id: '0a'.repeat(32), registryId: '0b'.repeat(20), registryAddress: 'wss://a.example/xlreg' };
  await saveMember(home, { ...member, ...ofRegistry });
  expect(await loadMember(home)).toMatchObject(ofRegistry);
});

it('lets nobody else in, and leaves nothing half-written', async () => {
  await saveMember(home, member);
  expect((await readdir(home)).sort()).toEqual(['comms-key.pem', 'member.json', 'sig-key.pem']);
  expect(await mode(home)).toBe('700');
  for (const file of await readdir(home)) expect(await mode(join(home, file))).toBe('600');
  expect(await readFile(join(home, 'member.json'), 'utf8')).not.toContain('PRIVATE');
});

describe('a home of a group of the process', () => {
  /** Warnings that the process emits meanwhile. */
  async function warningsOf(action: () => Promise<unknown>): Promise<string[]> {
    const warnings: string[] = [];
    const note = (warning: Error) => warnings.push(warning.message);
    process.on('warning', note);
    await action();
    // They are emitted in a later turn.
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', note);
    return warnings;
  }

  it('is accepted; its files are set back to mode 600 with a warning', async () => {
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

  it.skipIf(process.getuid?.() !== 0)('is refused where the group is of other users', async () => {
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
  it.each(['member.json', 'comms-key.pem', 'sig-key.pem'])('whose %s others can read', async (file) => {
    await saveMember(home, member);
    await chmod(join(home, file), 0o644);
    await expect(loadMember(home)).rejects.toThrow(MemberHomeError);
    await expect(loadMember(home)).rejects.toThrow(`${file} is open to other users (mode 644): chmod 600`);
  });

  it('that others can write in', async () => {
    await saveMember(home, member);
    await chmod(home, 0o777);
    await expect(loadMember(home)).rejects.toThrow('chmod 700');
    await expect(saveMember(home, member)).rejects.toThrow('chmod 700');
  });

  it.each([
    { what: 'no JSON', file: 'member.json', text: '{' },
    { what: 'a name that is none', file: 'member.json', text: '{"name":"../x","endPoints":[],"attrs":"0"}' },
    { what: 'an ID that is none', file: 'member.json', text: '{"name":"a","endPoints":[],"attrs":"0","id":"abc"}' },
    { what: 'a key that is none', file: 'sig-key.pem', text: 'secret material' },
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

  it('that is a file', async () => {
    await mkdir(join(home, '..'), { recursive: true });
    await writeFile(home, '');
    await expect(saveMember(home, member)).rejects.toThrow(MemberHomeError);
  });
});

it('makes no member of a name or end point that is none', async () => {
  await expect(createMember({ name: '-x', endPoints: [] })).rejects.toThrow(TypeError);
  await expect(createMember({ name: 'x', endPoints: ['here'] })).rejects.toThrow(TypeError);
  const five = Array.from({ length: 5 }, (_, at) => `127.0.0.1:${at + 1}`);
  await expect(createMember({ name: 'x', endPoints: five })).rejects.toThrow(TypeError);
  expect((await createMember({ name: 'x', endPoints: five.slice(1) })).endPoints).toHaveLength(4);
});

it('makes visitors that can be told apart', async () => {
  const [one, other] = await Promise.all([createVisitor(), createVisitor()]);
  expect(one.name).not.toBe(other.name);
  expect(one).toMatchObject({ attrs: 3n, endPoints: [] });
});
