// Member homes in the sealed dialect: keys and IDs of new and older homes, statements that several
// processes share, the registry's key, and where the member is sealed.
import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  acceptSigKey,
  assertHomeAllows,
  connect,
  createMember,
  forgetSealed,
  loadMember,
  type Member,
  MemberHomeError,
  openMember,
  saveMember,
} from '../../src/client/index.ts';
import { certifiedIdOf } from '../../src/client/member.ts';
import { NO_CLUSTER, SEEN_CLUSTERS_MAX } from '../../src/client/memory.ts';
import { publicSealKey, stateFor } from '../../src/client/statements.ts';
import { LyingRegistry } from './lying-registry.ts';

let registry: LyingRegistry;
let directory: string;
let home: string;
let homes = 0;
/** A home that no test changes. */
let made: Member;
beforeAll(async () => {
  registry = await LyingRegistry.start();
  directory = await mkdtemp(join(tmpdir(), 'xlreg-sealed-home-'));
  made = await openMember(join(directory, 'made'), { name: 'alice', endPoints: ['192.0.2.1:1'] });
});
beforeEach(() => {
  home = join(directory, `home-${homes++}`);
});
afterAll(async () => {
  registry.stop();
  await rm(directory, { recursive: true });
});

const pem = (bits: number) =>
  generateKeyPairSync('rsa', { modulusLength: bits }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/** Writes a home as earlier versions made it: a random ID, no key for streams. */
async function olderHome(bits: number): Promise<string> {
  await saveMember(home, made);
  await rm(join(home, 'seal-key.pem'));
  await writeFile(join(home, 'sig-key.pem'), pem(bits));
  const id = randomBytes(32).toString('hex');
  const described = { name: 'alice', endPoints: ['192.0.2.1:1'], attrs: '0', id };
  await writeFile(join(home, 'member.json'), JSON.stringify(described));
  return id;
}

async function joinIn(member: Member, options: { dialect?: 'sealed' | 'prefixed' } = {}) {
  const session = await connect({ ...registry.regCred }, options);
  await session.identify(member);
  await session.bye();
}

describe('a home', () => {
  it('has an ID that certifies its key, and a private key for streams', async () => {
    expect(made.id).toBe(certifiedIdOf(made.sigKey));
    expect(made.sealKey!.asymmetricKeyType).toBe('x25519');
    const path = join(directory, 'made', 'seal-key.pem');
    expect(((await stat(path)).mode & 0o777).toString(8)).toBe('600');
    expect(createPrivateKey(await readFile(path)).equals(made.sealKey!)).toBe(true);
    expect(publicSealKey((await loadMember(join(directory, 'made')))!.sealKey!)).toEqual(publicSealKey(made.sealKey!));
  });

  it('of an earlier version keeps its ID and gets a key for streams at its next start', async () => {
    const id = await olderHome(2048);
    const first = (await openMember(home, { name: 'alice', endPoints: [] }))!;
    expect(first.id).toBe(id);
    expect(publicSealKey(first.sealKey!)).toHaveLength(32);
    expect(publicSealKey((await loadMember(home))!.sealKey!)).toEqual(publicSealKey(first.sealKey!));
    await joinIn(first);
    expect(Buffer.from(registry.presented.at(-1)!.ID!).toString('hex')).toBe(id);
  });

  it('of an earlier version with a small key stays in the RSA dialects', async () => {
    await olderHome(1024);
    const member = (await loadMember(home))!;
    expect(member.sealKey).toBeUndefined();
    await expect(joinIn(member)).rejects.toThrow('the sig key of alice has 1024 bits, and sealed needs 2048 to 4096');
    await expect(assertHomeAllows(member, registry.regCred, 'sealed')).rejects.toThrow(MemberHomeError);
    await assertHomeAllows(member, registry.regCred, 'prefixed');
  });
});

describe('a statement', () => {
  it('is the same for every process of one home', async () => {
    await saveMember(home, made);
    const members = await Promise.all(Array.from({ length: 8 }, () => loadMember(home)));
    const tokens = await Promise.all(members.map((member) => stateFor(member!, registry.regCred)));
    expect(new Set(tokens.map(({ token }) => Buffer.from(token.Statement!).toString('hex'))).size).toBe(1);
  });

  it('rises for every change of several processes, and none is lost', async () => {
    await saveMember(home, made);
    const changed = Array.from({ length: 8 }, async (_, port) => {
      const member = { ...(await loadMember(home))!, endPoints: [`192.0.2.1:${port + 1}`] };
      return (await stateFor(member, registry.regCred)).seq;
    });
    const seqs = await Promise.all(changed);
    expect(new Set(seqs).size).toBe(8);
    const { signed } = await (await loadMember(home))!.memory!.registry(
      Buffer.from(registry.regCred.id).toString('hex'),
    );
    expect(signed.map(({ seq }) => seq)).toEqual(seqs.toSorted((one, other) => one - other));
    expect((await readdir(home)).filter((name) => name.startsWith('sealed-'))).toHaveLength(1);
  });

  it('is on disk before it is sent', async () => {
    await saveMember(home, made);
    const session = await connect({ ...registry.regCred });
    session.close();
    await expect(session.identify((await loadMember(home))!)).rejects.toThrow('the session has ended');
    const before = registry.presented.length;
    const { seq } = await stateFor((await loadMember(home))!, registry.regCred);
    await joinIn((await loadMember(home))!);
    expect(registry.presented).toHaveLength(before + 1);
    expect(Number(registry.presented.at(-1)!.Seq)).toBe(seq);
  });

  it('of a member that was created and saved is kept in its home', async () => {
    const saved = await createMember({ name: 'new', endPoints: [] });
    await saveMember(home, saved);
    const { seq } = await stateFor({ ...saved }, registry.regCred);
    expect((await stateFor((await loadMember(home))!, registry.regCred)).seq).toBe(seq);
  });

  it('is refused in a damaged home', async () => {
    await saveMember(home, made);
    await stateFor((await loadMember(home))!, registry.regCred);
    const file = (await readdir(home)).find((name) => name.startsWith('sealed-'))!;
    await writeFile(join(home, file), '{"sealed":');
    await expect(stateFor((await loadMember(home))!, registry.regCred)).rejects.toThrow(`${file} is damaged`);
  });
});

it('a home remembers a bounded number of clusters', async () => {
  await saveMember(home, made);
  const { memory } = (await loadMember(home))!;
  const id = 'ab'.repeat(32);
  for (let at = 0; at < SEEN_CLUSTERS_MAX + 3; at++) {
    await memory!.saveCluster(id, at.toString(16).padStart(64, '0'), { ...NO_CLUSTER, acknowledged: at + 1 });
  }
  expect((await readdir(home)).filter((name) => name.startsWith('seen-'))).toHaveLength(SEEN_CLUSTERS_MAX);
  const last = (SEEN_CLUSTERS_MAX + 2).toString(16).padStart(64, '0');
  expect((await memory!.cluster(id, last)).acknowledged).toBe(SEEN_CLUSTERS_MAX + 3);
});

describe('a sealed member', () => {
  it('is refused in an RSA dialect before it is presented, until its mark is lifted', async () => {
    await saveMember(home, made);
    await joinIn((await loadMember(home))!);
    const before = registry.presented.length;
    const member = (await loadMember(home))!;
    const refused = assertHomeAllows(member, registry.regCred, 'prefixed');
    await expect(refused).rejects.toThrow(MemberHomeError);
    await expect(refused).rejects.toThrow(/its operator lifts that with xlreg \S+ .*--mark-lifted/);
    await expect(joinIn(member, { dialect: 'prefixed' })).rejects.toThrow(MemberHomeError);
    expect(registry.presented).toHaveLength(before);
    await forgetSealed(member, registry.regCred);
    await assertHomeAllows((await loadMember(home))!, registry.regCred, 'prefixed');
  });

  it('refuses another sig key of its registry until told to accept it', async () => {
    await saveMember(home, made);
    await joinIn((await loadMember(home))!);
    const member = (await loadMember(home))!;
    const other = { ...registry.regCred, sigKey: registry.regCred.commsKey };
    const refused = assertHomeAllows(member, other);
    await expect(refused).rejects.toThrow(MemberHomeError);
    await expect(refused).rejects.toThrow('--new-registry-key');
    await assertHomeAllows(member, { ...other, id: randomBytes(32) });
    await acceptSigKey(member, other);
    await assertHomeAllows((await loadMember(home))!, other);
    await expect(assertHomeAllows((await loadMember(home))!, registry.regCred)).rejects.toThrow(MemberHomeError);
  });
});
