// Verdicts on rosters of a lying registry: it forges, strips, rolls back, repeats and replaces.
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type ClusterMember,
  connect,
  loadMember,
  type Member,
  openMember,
  saveMember,
} from '../../src/client/index.ts';
import { longOf, type Token } from '../../src/wire/message.ts';
import { signStatement } from '../../src/wire/statement.ts';
import { newKey } from '../support/made-keys.ts';
import { newMember, newVisitor } from '../support/new-member.ts';
import { LyingRegistry } from './lying-registry.ts';

let registry: LyingRegistry;
let alice: Member;
let bob: Member;
let keys: Member;
let reader: Member;
let directory: string;
beforeAll(async () => {
  registry = await LyingRegistry.start();
  directory = await mkdtemp(join(tmpdir(), 'xlreg-rosters-'));
  const make = (name: string) => {
    const member = newMember({ name, endPoints: ['192.0.2.1:1'], labels: { zone: name } });
    return { ...member, commsKey: newKey() };
  };
  [alice, bob, keys] = [make('alice'), make('bob'), newVisitor()];
});
beforeEach(() => {
  // Another ID is another client with a memory of its own.
  reader = { ...keys, id: randomBytes(32).toString('hex') };
});
afterAll(async () => {
  registry.stop();
  await rm(directory, { recursive: true });
});

const moved = (member: Member, port: number): Member => ({ ...member, endPoints: [`192.0.2.1:${port}`] });
/** Signs a token of `member` with changed fields, under a seq of the test's choice. */
const signed = async (member: Member, seq: number, changes: Token = {}) =>
  signStatement(registry.regCred.id, { ...(await registry.tokenOf(member)), ...changes }, seq, member.sigKey);
const stripped = ({ Statement: _, Seq: _seq, SealKey: _key, Labels: _labels, ...old }: Token): Token => old;

describe('an entry', () => {
  it('is verified with its seq, labels and SealKey', async () => {
    const token = await registry.tokenOf(alice);
    const [member] = await registry.show(reader, [token]);
    expect(member).toMatchObject({ verified: true, labels: { zone: 'alice' }, seq: Number(token.Seq) });
    expect(member!.sealKey).toEqual(Uint8Array.from(token.SealKey!));
    expect(member!.unverified).toBeUndefined();
  });

  it('without a statement is none, with neither labels nor SealKey', async () => {
    const { Statement: _, ...token } = await registry.tokenOf(alice);
    const [member] = await registry.show(reader, [token]);
    expect(member).toMatchObject({ verified: false, unverified: 'none' });
    expect(member).not.toHaveProperty('labels');
    expect(member).not.toHaveProperty('sealKey');
  });

  it.each<{ what: string; change: (token: Token, other: Token) => Token }>([
    { what: 'name', change: () => ({ Name: 'mallory' }) },
    { what: 'attrs', change: () => ({ Attrs: longOf(2n) }) },
    { what: 'end point', change: () => ({ MyEnds: ['192.0.2.66:1'] }) },
    { what: 'further end point', change: ({ MyEnds }) => ({ MyEnds: [...MyEnds!, '192.0.2.66:1'] }) },
    { what: 'labels', change: () => ({ Labels: 'zone=x' }) },
    { what: 'no labels', change: () => ({ Labels: '' }) },
    { what: 'malformed labels', change: () => ({ Labels: 'zone' }) },
    { what: 'SealKey', change: (_, { SealKey }) => ({ SealKey: SealKey! }) },
    { what: 'SealKey of another length', change: () => ({ SealKey: Buffer.alloc(31) }) },
    { what: 'comms key', change: (_, { CommsKey }) => ({ CommsKey: CommsKey! }) },
    { what: 'sig key', change: (_, { SigKey }) => ({ SigKey: SigKey! }) },
    { what: 'ID', change: () => ({ ID: Buffer.alloc(32, 7) }) },
    { what: 'seq', change: ({ Seq }) => ({ Seq: longOf(BigInt(Seq!.toString()) + 1n) }) },
    { what: 'no seq', change: () => ({ Seq: null }) },
    { what: 'statement of another member', change: (_, { Statement }) => ({ Statement: Statement! }) },
    { what: 'cut statement', change: ({ Statement }) => ({ Statement: Statement!.subarray(1) }) },
  ])('with a changed field is bad: $what', async ({ change }) => {
    const [token, other] = await Promise.all([registry.tokenOf(alice), registry.tokenOf(bob)]);
    expect(await registry.verdicts(reader, { ...token, ...change(token, other) })).toEqual(['bad']);
  });

  it('with a statement for another registry is bad', async () => {
    const token = await registry.tokenOf(alice);
    const elsewhere = signStatement(randomBytes(32), token, 5, alice.sigKey);
    expect(await registry.verdicts(reader, elsewhere)).toEqual(['bad']);
  });

  it('rolled back is older, also in a later session', async () => {
    const [first, second] = [await signed(alice, 10), await signed(alice, 11, { MyEnds: ['192.0.2.1:2'] })];
    expect(await registry.verdicts(reader, first)).toEqual(['verified']);
    expect(await registry.verdicts(reader, second)).toEqual(['verified']);
    expect(await registry.verdicts(reader, first)).toEqual(['older']);
    expect(await registry.verdicts(reader, second)).toEqual(['verified']);
  });

  it('with another statement under the same seq is conflict', async () => {
    const [one, other] = [await signed(alice, 10), await signed(alice, 10, { MyEnds: ['192.0.2.1:2'] })];
    expect(await registry.verdicts(reader, one)).toEqual(['verified']);
    expect(await registry.verdicts(reader, other)).toEqual(['conflict']);
  });

  it('that loses its statement is stripped, under another ID, too', async () => {
    const token = await registry.tokenOf(alice);
    expect(await registry.verdicts(reader, token)).toEqual(['verified']);
    expect(await registry.verdicts(reader, stripped(token))).toEqual(['stripped']);
    const renamed = { ...stripped(token), ID: Buffer.alloc(32, 7) };
    expect(await registry.verdicts(reader, renamed)).toEqual(['stripped']);
    expect(await registry.verdicts(reader, stripped(await registry.tokenOf(bob)))).toEqual(['none']);
  });

  it('with another key for a seen ID is key-changed', async () => {
    const ID = Buffer.alloc(32, 9);
    expect(await registry.verdicts(reader, await signed(alice, 10, { ID }))).toEqual(['verified']);
    expect(await registry.verdicts(reader, await signed(bob, 11, { ID }))).toEqual(['key-changed']);
  });

  it('whose ID certifies its key is verified in spite of a stranger seen with that ID', async () => {
    const ID = Buffer.from(alice.id!, 'hex');
    expect(await registry.verdicts(reader, await signed(bob, 99, { ID }))).toEqual(['verified']);
    expect(await registry.verdicts(reader, await signed(alice, 10))).toEqual(['verified']);
    expect(await registry.verdicts(reader, await signed(bob, 100, { ID }))).toEqual(['key-changed']);
  });

  it('is conflict if another has the same name or ID', async () => {
    const [one, named] = [await signed(alice, 10), await signed(bob, 10, { Name: 'alice' })];
    expect(await registry.verdicts(reader, one, named)).toEqual(['conflict', 'conflict']);
    expect(await registry.verdicts(reader, one, one)).toEqual(['conflict', 'conflict']);
    expect(await registry.verdicts(reader, one)).toEqual(['verified']);
  });
});

describe('the own entry', () => {
  const home = async (name: string) => openMember(join(directory, name), { name, endPoints: ['192.0.2.1:1'] });

  it('may not be older than what a JoinReply acknowledged', async () => {
    const self = await home('dora');
    const first = await registry.tokenOf(self);
    const [member] = await registry.show(self, [first], true);
    expect(member).toMatchObject({ verified: true });
    const after = moved(self, 2);
    // Registered, but not joined yet: the seat has the former statement.
    expect(await registry.verdicts(after, first)).toEqual(['verified']);
    const second = await registry.tokenOf(after);
    expect((await registry.show(after, [second], true))[0]).toMatchObject({ verified: true });
    expect(await registry.verdicts(after, first)).toEqual(['older']);
    expect(await registry.verdicts(after, stripped(second))).toEqual(['stripped']);
  });

  it('that this home never signed is conflict', async () => {
    const self = await home('emil');
    await registry.show(self, [await registry.tokenOf(self)], true);
    const ofClone = await signed(self, Date.now() + 60_000, { MyEnds: ['192.0.2.66:1'] });
    expect(await registry.verdicts(self, ofClone)).toEqual(['conflict']);
  });

  it('with another key is key-changed', async () => {
    const self = await home('fritz');
    expect(await registry.verdicts(self, await signed(bob, 10, { ID: Buffer.from(self.id!, 'hex') }))).toEqual([
      'key-changed',
    ]);
  });

  it('is remembered on disk, bounded to one file of statements', async () => {
    const place = join(directory, 'gina');
    const self = await home('gina');
    await registry.show(self, [await registry.tokenOf(self), await signed(alice, 20)], true);
    const again = (await loadMember(place))!;
    expect(await registry.verdicts(again, await registry.tokenOf(again), await signed(alice, 19))).toEqual([
      'verified',
      'older',
    ]);
    await saveMember(place, again);
    const files = await readdir(place);
    expect(files.filter((name) => name.startsWith('sealed-'))).toHaveLength(1);
    expect(files.filter((name) => name.startsWith('seen-'))).toHaveLength(1);
  });
});

it('a watch tells that another ID has taken a seat', async () => {
  registry.tokens = [await signed(alice, 10)];
  const session = await connect({ ...registry.regCred });
  await session.identify(reader);
  const replaced: string[][] = [];
  const seen: ClusterMember[] = [];
  const watch = session.members(
    { id: registry.clusterId.toString('hex') },
    { pollMs: 5, onReplaced: (former, member) => replaced.push([former.name, member.name]) },
  );
  for await (const member of watch) {
    seen.push(member);
    if (seen.length === 2) break;
    registry.tokens = [await signed(bob, 10)];
  }
  expect(replaced).toEqual([['alice', 'bob']]);
  expect(seen.map(({ unverified }) => unverified)).toEqual([undefined, undefined]);
  session.close();
});
