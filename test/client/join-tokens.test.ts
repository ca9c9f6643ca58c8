// Join tokens with the client library and a real registry: a lost reply burns no use, refusals are final, and a
// replacement is fenced and seen by the others at once (A1 to A8).
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ConnectOptions,
  createJoinToken,
  hashJoinToken,
  type Member,
  RegistryRefused,
  type RegistrySession,
  RegistryUnreachable,
} from '../../src/client/index.ts';
import type { KnownRoster } from '../../src/client/roster-changes.ts';
import { newMember } from '../support/new-member.ts';
import { TcpRelay } from '../support/tcp-relay.ts';
import { until } from '../support/until.ts';
import { ClientRegistry } from './client-registry.ts';

let registry: ClientRegistry;
let relay: TcpRelay;
let [owner, alice, bob, anew]: Member[] = [];
const memberOf = (name: string) => newMember({ name, endPoints: ['127.0.0.1:4001'] });
beforeAll(async () => {
  registry = await ClientRegistry.start();
  relay = await TcpRelay.to(registry.process.tcpPort);
  [owner, alice, bob, anew] = ['owner', 'alice', 'bob', 'alice'].map(memberOf);
}, 60_000);
afterAll(async () => {
  relay.stop();
  expect(await registry.stop()).toBe(0);
});

async function as(member: Member, options: ConnectOptions = {}): Promise<RegistrySession> {
  const session = await registry.connect(options);
  await session.identify(member);
  return session;
}

/** The refusal of a request. */
async function refusalOf(request: Promise<unknown>): Promise<string> {
  const error = await request.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(RegistryRefused);
  const { text, details } = error as RegistryRefused;
  expect(details).toMatchObject({ code: expect.any(Number), retryable: false });
  return text;
}

type Request = (session: RegistrySession) => Promise<unknown>;

/** Makes a request whose reply is lost, then the same once more; resolves to the second result. */
async function twice(member: Member, joinToken: string | undefined, request: Request): Promise<unknown> {
  // The replies of the Hello and of Client pass, that of the request does not.
  relay.answersMax = 2;
  const cut = await as(member, { joinToken, connect: relay.address });
  await expect(request(cut)).rejects.toBeInstanceOf(RegistryUnreachable);
  return await request(await as(member, { joinToken }));
}

it('burns one use, however often a reply is lost on the way (A3)', async () => {
  const [first, second] = [createJoinToken(), createJoinToken()];
  const spec = { size: 3, joinTokens: [{ token: first, uses: 2, ttlMs: 600_000 }] };
  const left = async () => {
    const states = await (await as(owner!)).changeJoinTokens('lossy');
    return Object.fromEntries(states.map(({ hash, left }) => [hash, left]));
  };
  const [one, two] = [hashJoinToken(first), hashJoinToken(second)];

  await twice(owner!, undefined, (session) => session.create('lossy', spec));
  const add = [{ token: second, uses: 1 }];
  await twice(owner!, undefined, (session) => session.changeJoinTokens('lossy', { add }));
  await twice(alice!, first, (session) => session.join('lossy'));
  expect(await left()).toEqual({ [one]: 1, [two]: 1 });
  await twice(alice!, undefined, (session) => session.cluster('lossy'));
  await twice(alice!, undefined, (session) => session.leave('lossy'));
  await twice(alice!, undefined, (session) => session.join('lossy'));
  await twice(bob!, second, (session) => session.join('lossy'));
  expect(await left()).toEqual({ [one]: 1, [two]: 0 });
  const revoked = await twice(owner!, undefined, (session) => session.changeJoinTokens('lossy', { revoke: [one] }));
  expect(revoked).toMatchObject([{ hash: two, left: 0, uses: 1, ttlMs: undefined }]);
  const { members } = await (await as(bob!)).cluster('lossy');
  expect(members.map(({ name }) => name)).toEqual(['alice', 'bob']);
});

it('gives each refusal its own final error (A6)', async () => {
  const [token, brief, forBob, eye] = Array.from({ length: 4 }, createJoinToken) as [string, string, string, string];
  const joinTokens = [
    { token, uses: 1 },
    { token: brief, ttlMs: 1 },
    { token: forBob, uses: 1, forName: 'bob' },
    { token: eye, observer: true },
  ];
  const session = await as(owner!);
  await session.create('strict', { size: 2, joinTokens, confirmMs: 0 });
  const joins = async (member: Member, joinToken?: string, dialect?: 'prefixed') => {
    return await refusalOf((await as(member, { joinToken, ...(dialect && { dialect }) })).join('strict'));
  };
  expect(await joins(alice!)).toBe('join token needed');
  expect(await joins(alice!, createJoinToken())).toBe('join token unknown');
  expect(await joins(alice!, brief)).toBe('join token expired');
  expect(await joins(alice!, forBob)).toBe('join token is for another name or role');
  expect(await joins(alice!, eye)).toBe('join token is for another name or role');
  await (await as(alice!, { joinToken: token })).join('strict');
  expect(await joins(anew!, token)).toBe('join token used up');
  expect(await refusalOf((await as(bob!)).cluster('strict'))).toBe('join token needed');
  expect(await refusalOf((await as(bob!)).changeJoinTokens('strict'))).toBe('not the owner of this cluster');
  expect(await refusalOf((await as(bob!)).create('strict', { size: 2, joinTokens }))).toBe(
    'cluster admits differently',
  );
  expect((await (await as(bob!, { joinToken: eye })).cluster('strict')).members.length).toBe(1);
});

describe.each(['prefixed', 'chained'] as const)('a client of %s', (dialect) => {
  it('is told its one text at Join and GetCluster, and finds the cluster by Create (A6, R1)', async () => {
    await (await as(owner!)).create('closed', { size: 2, joinTokens: [{ token: `xlj_${'A'.repeat(22)}` }] });
    const old = async () => (await registry.identify('old', { dialect })).session;
    for (const request of [async () => (await old()).join('closed'), async () => (await old()).cluster('closed')]) {
      await expect(request()).rejects.toMatchObject({ text: 'cluster admits by join token', details: {} });
    }
    expect(await (await old()).create('closed', { size: 2 })).toMatchObject({ size: 2 });
    await expect((await old()).create('closed', { size: 9 })).rejects.toMatchObject({ cluster: { size: 2 } });
  });
});

it('moves a seat to new keys, which others see at once, and refuses the former ones for good (A5)', async () => {
  const [token, again] = [createJoinToken(), createJoinToken()];
  await (await as(owner!)).create('moved', { size: 2, joinTokens: [{ token }] });
  const former = await as(alice!, { joinToken: token });
  const other = await as(bob!, { joinToken: token });
  for (const session of [former, other]) await session.join('moved');
  const add = [{ token: again, uses: 1, forName: 'alice', replace: true }];
  await (await as(owner!)).changeJoinTokens('moved', { add });

  await twice(anew!, again, (session) => session.join('moved'));
  const { members } = await other.cluster('moved');
  expect(members.map(({ index, name, id, verified }) => [index, name, id, verified])).toEqual([
    [0, 'alice', anew!.id, true],
    [1, 'bob', bob!.id, true],
  ]);
  // In the open session, and in others, with the token of the replacement, too.
  expect(await refusalOf(former.cluster('moved'))).toBe('member has been replaced');
  for (const joinToken of [undefined, token, again]) {
    expect(await refusalOf((await as(alice!, { joinToken })).join('moved'))).toBe('member has been replaced');
  }
  expect((await (await as(anew!)).cluster('moved')).members.length).toBe(2);
});

it('checks the token of an observer that waits again before it answers (A4, V5)', async () => {
  const [token, eye] = [createJoinToken(), createJoinToken()];
  const owning = await as(owner!);
  const joinTokens = [{ token }, { token: eye, observer: true }];
  const { clusterId } = await owning.create('watched', { size: 3, joinTokens });
  const observer = await as(bob!, { joinToken: eye });
  const first = await observer.changes('watched', { known: undefined, waitMs: 0, until: 'change' });
  const waits = (known: KnownRoster | undefined) =>
    observer.changes('watched', { known, waitMs: 30_000, until: 'change' });
  const parked = async () => /^xlreg_waits_parked 1$/m.test(await registry.process.metrics());

  const answered = waits(first.known);
  await until(parked);
  await (await as(alice!, { joinToken: token })).join('watched');
  const second = await answered;
  expect(second.members.map(({ name }) => name)).toEqual(['alice']);

  const refused = refusalOf(waits(second.known));
  await until(parked);
  await owning.changeJoinTokens({ id: clusterId }, { revoke: [hashJoinToken(eye)] });
  await (await as(alice!)).leave('watched');
  expect(await refused).toBe('join token unknown');
});

it('refuses to take a token that is none, and to use one outside of sealed, without showing it', async () => {
  const secret = 'xlj_c2VjcmV0';
  await expect(registry.connect({ joinToken: secret })).rejects.toThrow(/^this is no join token: /);
  await expect(registry.connect({ joinToken: createJoinToken(), dialect: 'prefixed' })).rejects.toThrow(TypeError);
  expect(() => hashJoinToken(secret)).toThrow(/^this is no join token: (?!.*c2Vj)/);
  expect(createJoinToken()).toMatch(/^xlj_[\w-]{22}$/);
  // The last character of 16 bytes has four bits that make no byte.
  expect(hashJoinToken(`xlj_${'A'.repeat(22)}`)).toMatch(/^[0-9a-f]{64}$/);
  for (const text of [
    `xlj_${'A'.repeat(21)}B`,
    `xlj_${'A'.repeat(22)}==`,
    `xlj_${'A'.repeat(25)}`,
    `${'A'.repeat(22)}`,
  ]) {
    expect(() => hashJoinToken(text), text).toThrow(/^this is no join token/);
  }
});
