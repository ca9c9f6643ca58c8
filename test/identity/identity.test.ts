// The registry's identity on disk: the first start makes it, later starts load or refuse it (K1, K2, T4).

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IdentityError, openIdentity, writeRegCred } from '../../src/identity/identity.ts';
import { commsKeys, retireCommsKey, rotateCommsKey } from '../../src/identity/key-rotation.ts';
import { parseRegCred, printRegCred } from '../../src/wire/reg-cred.ts';
import { exportSpki } from '../../src/wire/rsa-key.ts';
import { privateKey, vectorFile, vectors } from '../wire/vectors.ts';

const ID = vectors.regCreds[0]!.id;
const FILES = ['ck.pem', 'id', 'sk.pem'];
const PREVIOUS = 'ck-previous.pem';

let parent: string;
let directory: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'xlreg-identity-'));
  directory = join(parent, 'data');
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

function put(name: string, contents: string | Buffer, mode = 0o600): void {
  writeFileSync(join(directory, name), contents, { mode });
  chmodSync(join(directory, name), mode);
}

function modeOf(name: string): number {
  return statSync(join(directory, name)).mode & 0o777;
}

/** Makes the data directory of an earlier start, with the keys of the vectors. */
function settle(): void {
  mkdirSync(directory, { mode: 0o700 });
  put('ck.pem', vectorFile('keys/test-registry-ck.pem'));
  put('sk.pem', vectorFile('keys/test-registry-sk.pem'));
  put('id', `${ID}\n`);
}

function spkiOf(key: KeyObject): string {
  return exportSpki(key.type === 'private' ? createPublicKey(key) : key).toString('hex');
}

async function described() {
  const { id, commsKey, sigKey, warnings } = await openIdentity(directory);
  return { id: id.toString('hex'), ck: spkiOf(commsKey), sk: spkiOf(sigKey), warnings };
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

describe('the first start', () => {
  it('makes an ID of 32 bytes and two keys of 2048 bits, readable by the owner only (K1, K2)', async () => {
    directory = join(parent, 'a', 'b');
    const { id, commsKey, sigKey, warnings } = await openIdentity(directory);
    expect(id.length).toBe(32);
    expect(commsKey.asymmetricKeyDetails?.modulusLength).toBe(2_048);
    expect(sigKey.asymmetricKeyDetails?.modulusLength).toBe(2_048);
    expect(spkiOf(commsKey)).not.toBe(spkiOf(sigKey));
    expect(warnings).toEqual([]);
    expect(readdirSync(directory).sort()).toEqual(FILES);
    expect(modeOf('.').toString(8)).toBe('700');
    expect(FILES.map((name) => modeOf(name).toString(8))).toEqual(['600', '600', '600']);
  });

  it('makes what the second start loads unchanged (K1)', async () => {
    const first = await described();
    const files = FILES.map((name) => readFileSync(join(directory, name), 'latin1'));
    expect(await described()).toEqual(first);
    expect(FILES.map((name) => readFileSync(join(directory, name), 'latin1'))).toEqual(files);
  });

  it.each([
    ['only its mark', ['unfinished']],
    ['both keys and a half-written ID', ['unfinished', 'ck.pem', 'sk.pem', 'id.tmp']],
    ['everything but the end', ['unfinished', 'ck.pem', 'sk.pem', 'id']],
  ])('is repeated after an interruption that left %s (K1)', async (_, files) => {
    mkdirSync(directory, { mode: 0o700 });
    for (const name of files) {
      if (name.endsWith('.tmp')) put(name, '', 0o644);
      else put(name, name.endsWith('.pem') ? vectorFile('keys/test-registry-ck.pem') : '');
    }
    const made = await described();
    expect([made.ck, made.sk]).not.toContain(vectors.keys.registryCk.spki);
    expect(await described()).toEqual(made);
    expect(readdirSync(directory).sort()).toEqual(FILES);
    expect(FILES.map((name) => modeOf(name).toString(8))).toEqual(['600', '600', '600']);
  });
});

describe('a later start', () => {
  it('loads the identity (K1)', async () => {
    settle();
    const { registryCk, registrySk } = vectors.keys;
    expect(await described()).toEqual({ id: ID, ck: registryCk.spki, sk: registrySk.spki, warnings: [] });
  });

  it.each(['ck.pem.tmp', 'sk.pem.tmp', 'id.tmp', 'regCred.dat.tmp'])('ignores a leftover %s (K1)', async (name) => {
    settle();
    put(name, 'half of somethi', 0o644);
    expect((await described()).id).toBe(ID);
  });

  it('takes an ID of 20 bytes without a line end (K2)', async () => {
    settle();
    put('id', ID.slice(0, 40));
    expect((await described()).id).toBe(ID.slice(0, 40));
  });

  it('takes a key in PKCS#1 form (K1)', async () => {
    settle();
    put('ck.pem', privateKey('registryCk').export({ type: 'pkcs1', format: 'pem' }));
    expect((await described()).ck).toBe(vectors.keys.registryCk.spki);
  });

  it('takes keys of 1024 bits with a warning (K1)', async () => {
    settle();
    put('ck.pem', vectorFile('keys/test-registry-ck-1024.pem'));
    const { ck, warnings } = await described();
    expect(ck).toBe(vectors.keys.registryCk1024.spki);
    expect(warnings).toEqual([expect.stringMatching(/ck\.pem.*1024 bits/)]);
  });

  it('loads the previous ck beside the current one (H10)', async () => {
    settle();
    expect((await openIdentity(directory)).previousCommsKey).toBeUndefined();
    put(PREVIOUS, vectorFile('keys/test-member-ck.pem'));
    const { commsKey, previousCommsKey, warnings } = await openIdentity(directory);
    expect(spkiOf(commsKey)).toBe(vectors.keys.registryCk.spki);
    expect(spkiOf(previousCommsKey!)).toBe(vectors.keys.memberCk.spki);
    expect(warnings).toEqual([]);
  });

  it.each(['id', 'ck.pem', 'sk.pem', PREVIOUS])(
    'sets %s back to mode 600 when its group can use it (K1)',
    async (name) => {
      settle();
      put(PREVIOUS, vectorFile('keys/test-member-ck.pem'));
      chmodSync(directory, 0o770);
      chmodSync(join(directory, name), 0o660);
      const { warnings } = await described();
      expect(warnings).toEqual([
        `${join(directory, name)} was open to its group (mode 660): its mode is now 600, but its group may have read it`,
      ]);
      expect(modeOf(name).toString(8)).toBe('600');
      expect((await described()).warnings).toEqual([]);
    },
  );

  it('changes nothing in the directory (K1)', async () => {
    settle();
    const before = readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), 'latin1')]);
    await described();
    expect(readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), 'latin1')])).toEqual(before);
  });
});

/** A private key of any length whose numbers are not RSA; generating a real one takes too long. */
function longKey(bits: number): string {
  const number = (length: number) => Buffer.alloc(length / 8, 0xff).toString('base64url');
  const half = number(bits / 2);
  const jwk = {
    kty: 'RSA',
    n: number(bits),
    e: 'AQAB',
    d: number(bits),
    p: half,
    q: half,
    dp: half,
    dq: half,
    qi: half,
  };
  return pemOf(createPrivateKey({ key: jwk, format: 'jwk' }));
}

describe('openIdentity', () => {
  const ecKey = () => pemOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  const pssKey = () => pemOf(generateKeyPairSync('rsa-pss', { modulusLength: 1_024 }).privateKey);
  const shortKey = () => pemOf(generateKeyPairSync('rsa', { modulusLength: 512 }).privateKey);
  const lockedKey = () =>
    privateKey('registryCk')
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
      .toString();
  const publicPem = () => createPublicKey(privateKey('registryCk')).export({ type: 'spki', format: 'pem' }).toString();
  const chmod = (name: string, mode: number) => () => chmodSync(join(directory, name), mode);
  const remove = (name: string) => () => rmSync(join(directory, name));

  it.each([
    ['a ck that all can read', chmod('ck.pem', 0o644), /ck\.pem can be used by others \(mode 644\): chmod 600/],
    ['a sk that all can read', chmod('sk.pem', 0o604), /sk\.pem can be used by others/],
    ['a sk that all can write', chmod('sk.pem', 0o602), /sk\.pem can be used by others/],
    ['an ID that others can read', chmod('id', 0o644), /id can be used by others/],
    ['a directory that others can enter', chmod('.', 0o711), /can be used by others \(mode 711\): chmod 700/],
    ['a ck that is not PEM', () => put('ck.pem', 'not a key'), /ck\.pem is not a private key in PEM form/],
    ['an empty sk', () => put('sk.pem', ''), /sk\.pem is not a private key in PEM form/],
    ['a public ck', () => put('ck.pem', publicPem()), /ck\.pem is not a private key in PEM form/],
    ['a ck under a passphrase', () => put('ck.pem', lockedKey()), /ck\.pem is not a private key in PEM form/],
    ['a ck that is not RSA', () => put('ck.pem', ecKey()), /ck\.pem is not an RSA key/],
    ['a sk for PSS only', () => put('sk.pem', pssKey()), /sk\.pem is not an RSA key/],
    ['a ck of 512 bits', () => put('ck.pem', shortKey()), /ck\.pem has 512 bits: clients accept 1024 to 4096/],
    ['a ck equal to the sk', () => put('sk.pem', vectorFile('keys/test-registry-ck.pem')), /are the same key/],
    ['a previous ck that is not PEM', () => put(PREVIOUS, 'not a key'), /ck-previous\.pem is not a private key/],
    ['an empty previous ck', () => put(PREVIOUS, ''), /ck-previous\.pem is not a private key/],
    ['a previous ck that others can read', () => put(PREVIOUS, '', 0o604), /ck-previous\.pem can be used by others/],
    ['a previous ck that is not RSA', () => put(PREVIOUS, ecKey()), /ck-previous\.pem is not an RSA key/],
    [
      'a previous ck of another length',
      () => put(PREVIOUS, vectorFile('keys/test-registry-ck-1024.pem')),
      /ck-previous\.pem has 1024 bits, ck\.pem has 2048: their lengths must match/,
    ],
    [
      'a previous ck that is the sk',
      () => put(PREVIOUS, vectorFile('keys/test-registry-sk.pem')),
      /ck-previous\.pem is the same key as sk\.pem/,
    ],
    [
      'a previous ck alone',
      () => [...FILES.map((name) => remove(name)()), put(PREVIOUS, vectorFile('keys/test-member-ck.pem'))],
      /id is missing/,
    ],
    ['only the keys', remove('id'), /id is missing/],
    ['no ck', remove('ck.pem'), /ck\.pem is missing/],
    ['no sk', remove('sk.pem'), /sk\.pem is missing/],
    ['no ID beside keys', remove('id'), /id is missing/],
    [
      'credentials alone',
      () => [...FILES.map((name) => remove(name)()), put('regCred.dat', 'x', 0o644)],
      /id is missing/,
    ],
    ['an ID alone', () => [remove('ck.pem')(), remove('sk.pem')()], /ck\.pem is missing/],
    ['an empty ID', () => put('id', ''), /id does not hold an ID/],
    ['an ID that is not hex', () => put('id', `${ID.slice(0, -1)}x`), /id does not hold an ID/],
    ['an ID of 31 bytes', () => put('id', ID.slice(2)), /id does not hold an ID/],
    ['an ID with text behind it', () => put('id', `${ID} x`), /id does not hold an ID/],
    ['an ID that is a directory', () => [remove('id')(), mkdirSync(join(directory, 'id'))], /id is not a file/],
    ['no ID beside credentials', () => [remove('id')(), put('regCred.dat', 'x', 0o644)], /id is missing/],
  ])('refuses %s (K1)', async (_, spoil, reason) => {
    settle();
    spoil();
    const before = readdirSync(directory);
    const pems = before.filter((name) => name.endsWith('.pem'));
    const keys = pems.map((name) => readFileSync(join(directory, name), 'latin1'));
    const failure = await openIdentity(directory).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(IdentityError);
    expect((failure as Error).message).toMatch(reason);
    expect((failure as Error).message).toContain(directory);
    expect(readdirSync(directory)).toEqual(before);
    expect(pems.map((name) => readFileSync(join(directory, name), 'latin1'))).toEqual(keys);
  });

  it.each(['ck.pem', 'sk.pem'])('refuses a %s too long for regCred.dat (C3, T4)', async (name) => {
    settle();
    put(name, longKey(4_104));
    await expect(openIdentity(directory)).rejects.toThrow(IdentityError);
  });

  it('refuses a data directory that is a file (K1)', async () => {
    writeFileSync(directory, '');
    await expect(openIdentity(directory)).rejects.toThrow(IdentityError);
  });

  it('refuses a data directory below a file (K1)', async () => {
    writeFileSync(directory, '');
    await expect(openIdentity(join(directory, 'data'))).rejects.toThrow(IdentityError);
  });

  it('never quotes a key file (K1)', async () => {
    settle();
    put('ck.pem', '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n');
    await expect(openIdentity(directory)).rejects.not.toThrow(/c2VjcmV0|BEGIN/);
  });
});

describe('rotation', () => {
  const shown = async () => {
    const { current, previous } = await commsKeys(directory);
    return [spkiOf(current), previous && spkiOf(previous)];
  };
  const oldCk = vectors.keys.registryCk.spki;

  it('makes a new ck, keeps the old one beside it, and retires it on request (H10)', async () => {
    settle();
    expect(await shown()).toEqual([oldCk, undefined]);
    const { current, previous } = await rotateCommsKey(directory);
    expect(spkiOf(previous!)).toBe(oldCk);
    expect(await shown()).toEqual([spkiOf(current), oldCk]);
    expect([modeOf('ck.pem'), modeOf(PREVIOUS)]).toEqual([0o600, 0o600]);
    const loaded = await openIdentity(directory);
    expect([spkiOf(loaded.commsKey), spkiOf(loaded.previousCommsKey!)]).toEqual([spkiOf(current), oldCk]);
    expect(loaded.commsKey.asymmetricKeyDetails?.modulusLength).toBe(2_048);
    await retireCommsKey(directory, true);
    expect(await shown()).toEqual([spkiOf(current), undefined]);
    expect(readdirSync(directory).sort()).toEqual(FILES);
  });

  it.skipIf(process.getuid?.() !== 0)('by root keeps the owner of the keys (H10)', async () => {
    settle();
    chownSync(join(directory, 'ck.pem'), 4_711, 4_712);
    await rotateCommsKey(directory);
    for (const name of ['ck.pem', PREVIOUS]) {
      expect(statSync(join(directory, name))).toMatchObject({ uid: 4_711, gid: 4_712 });
      expect(modeOf(name)).toBe(0o600);
    }
  });

  it('is refused while the previous ck is still served (H10)', async () => {
    settle();
    await rotateCommsKey(directory);
    const before = await shown();
    await expect(rotateCommsKey(directory)).rejects.toThrow(
      /ck-previous\.pem is still in use: run xlreg keys retire first/,
    );
    expect(await shown()).toEqual(before);
  });

  it('completes after an interruption (H10)', async () => {
    settle();
    put(PREVIOUS, vectorFile('keys/test-registry-ck.pem'));
    const { previousCommsKey, warnings } = await openIdentity(directory);
    expect(previousCommsKey).toBeUndefined();
    expect(warnings).toEqual([expect.stringMatching(/ck-previous\.pem is the same key as ck\.pem/)]);
    const { current } = await rotateCommsKey(directory);
    expect(await shown()).toEqual([spkiOf(current), oldCk]);
  });

  it('is refused beside a short or a broken ck, and changes nothing (K1)', async () => {
    settle();
    await expect(retireCommsKey(directory, true)).rejects.toThrow(IdentityError);
    put('ck.pem', vectorFile('keys/test-registry-ck-1024.pem'));
    await expect(rotateCommsKey(directory)).rejects.toThrow(
      /1024 bits, and a new key of 2048 cannot be used beside it/,
    );
    put('ck.pem', 'not a key');
    await expect(rotateCommsKey(directory)).rejects.toThrow(IdentityError);
    expect(readdirSync(directory).sort()).toEqual(FILES);
  });
});

describe('credentials', () => {
  it('replace the old file and get mode 644 (C2)', async () => {
    settle();
    put('regCred.dat', 'old', 0o600);
    await writeRegCred(directory, 'new');
    expect(readFileSync(join(directory, 'regCred.dat'), 'latin1')).toBe('new');
    expect(modeOf('regCred.dat').toString(8)).toBe('644');
    expect(readdirSync(directory).sort()).toEqual(['ck.pem', 'id', 'regCred.dat', 'sk.pem']);
  });

  it('can be parsed by a client (C3)', async () => {
    settle();
    const { id, commsKey, sigKey } = await openIdentity(directory);
    const [ck, sk] = [commsKey, sigKey].map((key) => createPublicKey(key));
    const text = printRegCred({ name: 'xlReg', id, commsKey: ck!, sigKey: sk!, endPoints: [], version: 1 });
    expect(spkiOf(parseRegCred(text).commsKey)).toBe(vectors.keys.registryCk.spki);
  });
});
