// Registration through the sealed dialect: faults in their order, statements and their seq, marks, certified IDs, and
// what a restart keeps.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bigintOf, longOf, Op, type Token } from '../../src/wire/message.ts';
import { signPss } from '../../src/wire/pss.ts';
import { certifiedId, clientProof, statementBytes, statementDigest } from '../../src/wire/statement.ts';
import { FieldRegistry } from '../field/field-registry.ts';
import { makeMemberKeys, signedToken } from '../field/member-keys.ts';
import { giveKeys } from '../support/made-keys.ts';
import { SealedClient, type SealedMember, statedToken } from '../support/sealed-client.ts';

let registry: FieldRegistry;
let dataDir: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'xlreg-sealed-'));
  await giveKeys(dataDir);
  registry = await FieldRegistry.start({ dataDir, args: ['--store', 'lmdb'] });
});
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
  await rm(dataDir, { recursive: true, force: true });
});

const connect = () => SealedClient.connect('tcp', registry.process.tcpPort, registry.file);

/** Registers in a session of its own, which goes on. */
async function register(member: SealedMember) {
  const client = await connect();
  return { client, ...(await client.registerMember(member)) };
}

/** The reply to a token in a session of its own. */
async function replyTo(token: Token, keys = makeMemberKeys()) {
  const client = await connect();
  try {
    return await client.register(token, keys);
  } finally {
    client.close();
  }
}

const ok = { Op: Op.ClientOK };
const error = (ErrDesc: string) => ({ Op: Op.Error, ErrDesc });

/** The reply of an old dialect to a token. */
async function oldReply(client: Uint8Array) {
  const old = await registry.connect({ dialect: 'prefixed', transport: 'tcp' });
  return old.request({ op: Op.Client, clientSpecs: client });
}

describe('faults', () => {
  const keys = makeMemberKeys({ sig: 10 });
  const small = makeMemberKeys({ sig: 11, bits: 1024 });
  const wrong: readonly (readonly [string, Partial<Token>])[] = [
    ['invalid name', { Name: '-x' }],
    ['bad length for nodeID', { ID: null }],
    ['bad RSA public key', { SigKey: small.sigKey }],
    ['invalid endpoint', { MyEnds: ['nowhere'] }],
    ['invalid labels', { Labels: 'b=1\na=2' }],
    ['bad seal key', { SealKey: Buffer.alloc(31, 1) }],
    ['bad seq', { Seq: longOf(0n) }],
    ['bad digital signature', { Statement: Buffer.alloc(256) }],
  ];

  it('are told in the order of T1 (L4)', async () => {
    const good = statedToken(registry.file.id, { name: 'faulty', keys });
    for (const [place, [text]] of wrong.entries()) {
      // All later faults are there too.
      const faults = Object.assign({}, ...wrong.slice(place).map(([, fields]) => fields));
      expect(await replyTo({ ...good, ...faults }, keys)).toMatchObject(error(text));
    }
    expect(await replyTo(good, keys)).toMatchObject(ok);
  });

  it('are a seq above 2^53 - 1 or two days ahead (L3)', async () => {
    const ahead = Date.now() + 2 * 86_400_000 + 60_000;
    expect(await replyTo(statedToken(registry.file.id, { name: 'ahead', keys, seq: ahead }), keys)).toMatchObject(
      error('bad seq'),
    );
    const huge = { ...statedToken(registry.file.id, { name: 'huge', keys }), Seq: longOf(2n ** 53n) };
    expect(await replyTo(huge, keys)).toMatchObject(error('bad seq'));
  });

  it('are a statement for another registry, and a proof of another session or key (L2)', async () => {
    expect(await replyTo(statedToken(Buffer.alloc(32, 1), { name: 'stray', keys }), keys)).toMatchObject(
      error('bad digital signature'),
    );
    const token = statedToken(registry.file.id, { name: 'stray', keys });
    expect(await replyTo(token, makeMemberKeys({ sig: 12 }))).toMatchObject(error('bad digital signature'));
    const [one, other] = [await connect(), await connect()];
    const digest = statementDigest(statementBytes(registry.file.id, token));
    const proof = signPss(keys.sigPrivate, clientProof(one.h, digest));
    const reply = await other.ask({ Op: Op.Client, ClientSpecs: token, DigSig: proof });
    expect(reply).toMatchObject({ ...error('bad digital signature'), Code: 13, Retryable: false });
    one.close();
  });

  it('is no token and no ID', async () => {
    const client = await connect();
    expect(await client.ask({ Op: Op.Client })).toMatchObject(error('nil XLRegMsg_Token argument'));
  });
});

describe('a statement', () => {
  const keys = makeMemberKeys({ sig: 20 });
  const id = certifiedId(keys.sigKey);
  const seq = Date.now();
  const SealKey = Buffer.alloc(32, 7);
  const stated = (fields: Partial<Token>, at: number) => {
    return statedToken(registry.file.id, { name: 'stated', keys, seq: at, token: { SealKey, ...fields } });
  };

  it('keeps the signature on record if nothing changes (L1)', async () => {
    const { client, token } = await register({ name: 'stated', keys, seq, token: { SealKey } });
    await client.create('statements', 2);
    await client.join('statements');
    const again = stated({}, seq);
    expect(Buffer.compare(again.Statement!, token.Statement!)).not.toBe(0);
    expect(await replyTo(again, keys)).toMatchObject(ok);
    const roster = await client.roster('statements');
    expect(Buffer.from(roster.Tokens![0]!.Statement!)).toEqual(token.Statement);
    client.close();
  });

  it('is refused if it is older, and told the seq on record, or if it differs under the same seq (L3)', async () => {
    const older = await replyTo(stated({}, seq - 1), keys);
    expect(older).toMatchObject({ ...error('statement is older than the one on record'), Code: 18 });
    expect(bigintOf(older.RecordedSeq)).toBe(BigInt(seq));
    const differs = error('statement differs under the same seq');
    expect(await replyTo(stated({ Labels: 'a=1' }, seq), keys)).toMatchObject(differs);
  });

  it('moves a member with a higher seq, once it joins again (S2)', async () => {
    const mover = await connect();
    expect(await mover.register(stated({ MyEnds: ['127.0.0.1:4999'] }, seq + 1), keys)).toMatchObject(ok);
    const endPoints = async () => (await mover.roster('statements')).Tokens![0]!.MyEnds;
    expect(await endPoints()).toEqual(['127.0.0.1:4001']);
    await mover.join('statements');
    expect(await endPoints()).toEqual(['127.0.0.1:4999']);
    mover.close();
  });

  it('lets its member return by ID (L5)', async () => {
    const client = await connect();
    expect(await client.returnById(id, keys)).toMatchObject({ ...ok, ClientID: id });
    const forger = await connect();
    expect(await forger.returnById(id, makeMemberKeys({ sig: 21 }))).toMatchObject(error('bad digital signature'));
    const { clientId } = await registry.register({ dialect: 'chained', transport: 'tcp' }, { name: 'old' });
    const stranger = await connect();
    expect(await stranger.returnById(clientId)).toMatchObject(error('client unknown, not in registry'));
    client.close();
  });

  it('survives a restart, with seq and mark (E6)', async () => {
    await registry.stop();
    registry = await FieldRegistry.start({ dataDir, args: ['--store', 'lmdb'] });
    expect(await replyTo(stated({}, seq), keys)).toMatchObject(error('statement is older than the one on record'));
    const client = await connect();
    expect(await client.returnById(id, keys)).toMatchObject(ok);
    const [member] = (await client.roster('statements')).Tokens!;
    expect(bigintOf(member!.Seq)).toBe(BigInt(seq + 1));
    expect(await oldReply(signedToken({ name: 'stated', id, keys }))).toMatchObject({ errDesc: 'ID already in use' });
    client.close();
  });
});

describe('a mark', () => {
  const keys = makeMemberKeys({ sig: 30 });
  const ID = Buffer.alloc(32, 0x30);

  it('closes ID and SigKey to the old dialects until an operator lifts it (L6)', async () => {
    const { client } = await register({ name: 'marked', keys, token: { ID } });
    client.close();
    const byId = signedToken({ name: 'marked', id: ID, keys });
    const byKey = signedToken({ name: 'marked', id: Buffer.alloc(32, 0x31), keys });
    for (const token of [byId, byKey]) expect(await oldReply(token)).toMatchObject({ errDesc: 'ID already in use' });
    expect(await lift(ID.toString('hex'))).toBe(200);
    expect(await oldReply(byId)).toMatchObject({ op: Op.ClientOK });
    const again = await register({ name: 'marked', keys, token: { ID } });
    expect(again.reply).toMatchObject(ok);
    expect(await oldReply(byId)).toMatchObject({ errDesc: 'ID already in use' });
    expect(await lift('')).toBe(200);
    expect(await oldReply(byKey)).toMatchObject({ op: Op.ClientOK });
    expect(await lift('00'.repeat(32))).toBe(404);
    again.client.close();
  });
});

async function lift(client: string): Promise<number> {
  const { adminPort, dataDir } = registry.process;
  const token = (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim();
  const url = `http://127.0.0.1:${adminPort}/api/marks${client === '' ? '' : `/${client}`}`;
  return (await fetch(url, { method: 'DELETE', headers: { authorization: `Bearer ${token}` } })).status;
}

describe('an ID that certifies a SigKey', () => {
  it('is taken from a stranger with its seats, in one change (L7)', async () => {
    const owner = makeMemberKeys({ sig: 40 });
    const ID = certifiedId(owner.sigKey);
    const stranger = await register({ name: 'stranger', keys: makeMemberKeys({ sig: 41 }), token: { ID } });
    expect(stranger.reply).toMatchObject(ok);
    await stranger.client.create('taken', 2);
    await stranger.client.join('taken');
    const { client, reply } = await register({ name: 'owner', keys: owner });
    expect(reply).toMatchObject(ok);
    expect((await client.roster('taken')).Tokens).toEqual([]);
    await client.join('taken');
    expect((await client.roster('taken')).Tokens!.map(({ Name }) => Name)).toEqual(['owner']);
    expect(await replyTo(statedToken(registry.file.id, { name: 'x', token: { ID } }))).toMatchObject(
      error('ID already in use'),
    );
    expect(await registry.process.metrics()).toContain('xlreg_ids_displaced_total 1');
    client.close();
  });
});
