// Saved rosters (W2 to W4) without a registry: whole ones verify, any change is refused, an older one is noticed.
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Member,
  RosterFolder,
  SavedRosterError,
  type SavedRosterFault,
  verifySavedRoster,
} from '../../src/client/index.ts';
import { SAVED_ROSTER_BYTES_MAX, savedRosterFile } from '../../src/client/saved-roster.ts';
import { stateFor } from '../../src/client/statements.ts';
import { encodeRosterToken, type Token } from '../../src/wire/message.ts';
import type { RegCred } from '../../src/wire/reg-cred.ts';
import { encodeRosterBody, type RosterBody, signRosterBody } from '../../src/wire/roster-body.ts';
import { statementBytes } from '../../src/wire/statement.ts';
import { newKey } from '../support/made-keys.ts';
import { newMember } from '../support/new-member.ts';

const sk = generateKeyPairSync('rsa', { modulusLength: 2048 });
const registryId = Buffer.alloc(32, 1);
const regCred = { id: registryId, sigKey: sk.publicKey } as unknown as RegCred;
const clusterId = Buffer.alloc(32, 2);
const CLUSTER = clusterId.toString('hex');
const REGISTRY = registryId.toString('hex');
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

let alice: Token;
let bob: Token;
let old: Token;
let directory: string;
beforeAll(async () => {
  const make = (name: string) => newMember({ name, endPoints: ['192.0.2.1:1'], labels: { zone: name } });
  const tokenOf = async (member: Member) => (await stateFor(member, regCred)).token;
  const tokens = await Promise.all(['alice', 'bob', 'old'].map((name) => tokenOf(make(name))));
  [alice, bob] = tokens as [Token, Token];
  const { Statement: _, Seq: _seq, SealKey: _key, Labels: _labels, ...unstated } = tokens[2]!;
  old = unstated;
  directory = await mkdtemp(join(tmpdir(), 'xlreg-seen-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** The body that a registry makes of tokens; undefined stands for an empty seat. */
function bodyOf(tokens: readonly (Token | undefined)[], fields: Partial<RosterBody> = {}): Buffer {
  return encodeRosterBody({
    ...{ registryId, clusterId, name: 'web', term: 1, epoch: 1, time: 1_800_000_000_000, before: Buffer.alloc(32) },
    seats: tokens.map((token) => {
      if (!token) return { kind: 'empty', digest: Buffer.alloc(32) };
      if (!token.Statement) return { kind: 'unstated', digest: sha256(encodeRosterToken(token)) };
      return { kind: 'stated', digest: sha256(statementBytes(registryId, token)) };
    }),
    ...fields,
  });
}

const present = (tokens: readonly (Token | undefined)[]) => tokens.filter((token) => token !== undefined);

/** A file of these tokens that the registry has signed. */
function fileOf(seats: readonly (Token | undefined)[], fields: Partial<RosterBody> = {}, tokens = present(seats)) {
  const RosterBody = bodyOf(seats, fields);
  return savedRosterFile({ RosterBody, RosterSignature: signRosterBody(sk.privateKey, RosterBody), Tokens: tokens });
}

/** The fault of a file; undefined if it verifies. */
async function faultOf(bytes: Uint8Array, credentials = regCred): Promise<SavedRosterFault | undefined> {
  try {
    await verifySavedRoster(bytes, credentials);
    return undefined;
  } catch (error) {
    if (error instanceof SavedRosterError) return error.fault;
    throw error;
  }
}

interface RosterFile {
  body: string;
  signature: string;
  tokens: string[];
}

/** The file with parsed parts changed. */
function edited(bytes: Uint8Array, edit: (file: RosterFile) => object): Uint8Array {
  const file = JSON.parse(Buffer.from(bytes).toString());
  return Buffer.from(JSON.stringify({ ...file, ...edit(file) }));
}

describe('verifySavedRoster', () => {
  it('returns cluster, term, epoch, time and members, each with its verdict and seat', async () => {
    const roster = await verifySavedRoster(fileOf([alice, undefined, old]), regCred);
    expect(roster).toMatchObject({
      ...{ registryId: REGISTRY, clusterId: CLUSTER, cluster: 'web', size: 3, term: 1, epoch: 1 },
      ...{ time: new Date(1_800_000_000_000), before: '00'.repeat(32), restoredFrom: undefined },
      members: [
        { index: 0, name: 'alice', verified: true, labels: { zone: 'alice' } },
        { index: 2, name: 'old', verified: false, unverified: 'none' },
      ],
    });
    expect(roster.digest).toBe(sha256(bodyOf([alice, undefined, old])).toString('hex'));
  });

  it.each(['body', 'signature'] as const)('refuses a file with any one byte of its %s changed', async (part) => {
    const file = fileOf([alice, undefined, old]);
    const { length } = Buffer.from(JSON.parse(Buffer.from(file).toString())[part], 'base64');
    for (let at = 0; at < length; at++) {
      const changed = edited(file, (parts) => {
        const bytes = Buffer.from(parts[part], 'base64');
        bytes[at]! ^= 1;
        return { [part]: bytes.toString('base64') };
      });
      expect(await faultOf(changed), `byte ${at}`).toMatch(/^(format|registry|signature)$/);
    }
  });

  it('refuses a file with any one byte of a token changed', async () => {
    const file = fileOf([alice, undefined, old]);
    for (const [place, text] of JSON.parse(Buffer.from(file).toString()).tokens.entries()) {
      for (let at = 0; at < Buffer.from(text, 'base64').length; at++) {
        const changed = edited(file, ({ tokens }) => {
          const bytes = Buffer.from(tokens[place]!, 'base64');
          bytes[at]! ^= 1;
          return { tokens: tokens.with(place, bytes.toString('base64')) };
        });
        expect(await faultOf(changed), `byte ${at} of token ${place}`).toMatch(/^(format|members)$/);
      }
    }
  });

  it.each<{ what: string; file: () => Uint8Array; fault: SavedRosterFault }>([
    { what: 'no bytes', file: () => Buffer.alloc(0), fault: 'format' },
    { what: 'null', file: () => Buffer.from('null'), fault: 'format' },
    { what: 'regCred.dat', file: () => Buffer.from('regCred {\r\n'), fault: 'format' },
    { what: 'too many bytes', file: () => Buffer.alloc(SAVED_ROSTER_BYTES_MAX + 1, ' '), fault: 'format' },
    { what: 'another format', file: () => edited(fileOf([alice, bob]), () => ({ format: 'x' })), fault: 'format' },
    {
      what: 'a number as token',
      file: () => edited(fileOf([alice, bob]), () => ({ tokens: [1, 2] })),
      fault: 'format',
    },
    { what: 'a signature by another key', file: () => resigned([alice, bob]), fault: 'signature' },
    { what: 'a token too few', file: () => fileOf([alice, bob], {}, [alice]), fault: 'members' },
    { what: 'tokens in another order', file: () => fileOf([alice, bob], {}, [bob, alice]), fault: 'members' },
    { what: 'a stripped statement', file: () => fileOf([alice, old], {}, [unsigned(alice), old]), fault: 'members' },
    { what: 'a forged statement', file: () => fileOf([forged(), bob]), fault: 'members' },
    { what: 'one member twice', file: () => fileOf([alice, alice]), fault: 'members' },
  ])('refuses $what', async ({ file, fault }) => {
    expect(await faultOf(file())).toBe(fault);
  });

  it('refuses one of another registry', async () => {
    const other = { ...regCred, id: Buffer.alloc(32, 9) } as RegCred;
    expect(await faultOf(fileOf([alice, bob]), other)).toBe('registry');
  });

  function resigned(tokens: readonly Token[]): Uint8Array {
    const other = newKey();
    const RosterBody = bodyOf(tokens);
    return savedRosterFile({ RosterBody, RosterSignature: signRosterBody(other, RosterBody), Tokens: [...tokens] });
  }
  const unsigned = ({ Statement: _, ...token }: Token): Token => token;
  /** A registry signs an entry that its member has not signed. */
  const forged = (): Token => ({ ...alice, MyEnds: ['192.0.2.66:1'] });
});

describe('with a folder as memory', () => {
  let place: string;
  let memory: RosterFolder;
  beforeEach(async () => {
    place = join(await mkdtemp(join(directory, 'at-')), 'new', 'rosters');
    memory = new RosterFolder(place);
  });
  const seen = async (fields: Partial<RosterBody>) =>
    (await verifySavedRoster(fileOf([alice, bob], fields), regCred, memory)).restoredFrom;
  const refused = (fault: SavedRosterFault) => expect.objectContaining({ fault });

  it('accepts the same and later epochs, and refuses an older one where a newer was seen (W4)', async () => {
    expect(await seen({ epoch: 3 })).toBeUndefined();
    expect(await seen({ epoch: 3 })).toBeUndefined();
    expect(await seen({ epoch: 5 })).toBeUndefined();
    await expect(seen({ epoch: 4 })).rejects.toEqual(refused('older'));
    // Another process of this user remembers it, too.
    memory = new RosterFolder(place);
    await expect(seen({ epoch: 4 })).rejects.toThrow('it is of term 1, epoch 4, and term 1, epoch 5 has been seen');
    expect(await seen({ epoch: 5 })).toBeUndefined();
    expect(await readdir(place)).toEqual([expect.stringMatching(new RegExp(`^${CLUSTER}\\.1\\.5\\.[0-9a-f]{64}$`))]);
  });

  it('accepts a higher term with an older epoch and tells what was seen, then refuses the lower term (W4)', async () => {
    await seen({ epoch: 9 });
    expect(await seen({ term: 1_800_000_000, epoch: 2 })).toMatchObject({ term: 1, epoch: 9 });
    expect(await seen({ term: 1_800_000_000, epoch: 3 })).toBeUndefined();
    await expect(seen({ epoch: 10 })).rejects.toEqual(refused('older'));
  });

  it('refuses another roster of the same epoch', async () => {
    await seen({ epoch: 2, time: 1 });
    await expect(seen({ epoch: 2, time: 2 })).rejects.toEqual(refused('differs'));
  });

  it('remembers nothing of a roster that is refused, and keeps clusters apart', async () => {
    const forgedEpoch = edited(fileOf([alice, bob], { epoch: 9 }), () => ({ signature: 'AAAA' }));
    await expect(verifySavedRoster(forgedEpoch, regCred, memory)).rejects.toEqual(refused('signature'));
    await seen({ epoch: 4, clusterId: Buffer.alloc(32, 3) });
    expect(await seen({ epoch: 1 })).toBeUndefined();
  });

  it('keeps the latest of processes that note at once', async () => {
    const epochs = Array.from({ length: 20 }, (_, place) => place + 1);
    const note = (epoch: number) =>
      new RosterFolder(place).note(REGISTRY, CLUSTER, { term: 1, epoch, digest: 'ab'.repeat(32) });
    await Promise.all(epochs.map(note));
    expect(await memory.latest(REGISTRY, CLUSTER)).toMatchObject({ term: 1, epoch: 20 });
    expect((await readdir(place)).length).toBeLessThanOrEqual(20);
  });

  it('says which folder cannot be used', async () => {
    memory = new RosterFolder('/dev/null/rosters');
    await expect(seen({})).rejects.toThrow('/dev/null/rosters cannot be used: ENOTDIR');
  });
});
