// Every request of a session to a real registry, in all dialects over both transports.
import { createPublicKey } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RegistryRefused, RegistryUnreachable } from '../../src/client/index.ts';
import { newMember, newVisitor } from '../support/new-member.ts';
import { ALL_WAYS, ClientRegistry } from './client-registry.ts';

let registry: ClientRegistry;
beforeAll(async () => {
  registry = await ClientRegistry.start();
});
afterEach(() => registry.closeSessions());
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

describe.each(ALL_WAYS)('$dialect over $transport', (way) => {
  const unique = (name: string): string => `${name}-${way.dialect}-${way.transport}`;

  it('runs from Hello to Bye', async () => {
    const session = await registry.connect(way);
    const sealed = way.dialect === 'sealed';
    expect(session).toMatchObject({ dialect: way.dialect, version: sealed ? undefined : '1.0' });
    expect(await session.credentials()).toEqual({
      name: 'xlReg',
      id: Buffer.from(registry.regCred.id).toString('hex'),
      endPoints: registry.regCred.endPoints,
      version: '1.0',
      ...(sealed && { observedAddress: '127.0.0.1' }),
    });

    const endPoints = ['127.0.0.1:4001', 'TcpEndPoint: [::1]:4002'];
    const member = newMember({ name: 'first', endPoints, attrs: 2n ** 63n + 4n });
    const { id, attrs } = await session.identify(member);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(attrs).toBe(2n ** 63n + 4n);

    const created = await session.create(unique('whole'), { size: 3, endPoints: 2, ephemeral: true });
    const { clusterId } = created;
    const joined = { clusterId, size: 3, endPoints: 2, ephemeral: true, ...(sealed && { confirmMs: 30_000 }) };
    expect(created).toEqual({ ...joined, ...(sealed && { existed: false }) });
    expect(await session.join(unique('whole'))).toEqual(joined);
    expect(await session.join({ id: clusterId.toUpperCase() })).toEqual(joined);

    const roster = await session.cluster(unique('whole'));
    expect(roster).toMatchObject({ clusterId, size: 3 });
    expect(roster.members).toHaveLength(1);
    expect(roster.members[0]).toMatchObject({ index: 0, name: 'first', id, attrs: member.attrs, endPoints });
    expect(roster.members[0]).toMatchObject({ verified: sealed, unverified: sealed ? undefined : 'none' });
    expect(roster.members[0]!.commsKey.equals(createPublicKey(member.commsKey))).toBe(true);
    expect(roster.members[0]!.sigKey.equals(createPublicKey(member.sigKey))).toBe(true);
    expect((await session.cluster({ id: clusterId }, 0b110n)).members).toEqual([]);
    await session.bye();
  });

  it('identifies a returning member by token and by ID', async () => {
    const { session, member, id } = await registry.identify('back', way);
    const { clusterId } = await session.create(unique('back'), { size: 2 });
    await session.join(unique('back'));
    await session.bye();

    const again = await registry.connect(way);
    expect(await again.identify({ ...member, id, endPoints: ['127.0.0.1:9'] })).toEqual({ id, attrs: 0n });
    await again.join({ id: clusterId });
    const { members } = await again.cluster({ id: clusterId });
    expect(members.map(({ index, endPoints }) => [index, endPoints])).toEqual([[0, ['127.0.0.1:9']]]);

    const byId = await registry.connect(way);
    expect(await byId.identify({ ...member, id }, 'id')).toEqual({ id, attrs: 0n });
  });

  it('finds a cluster by name without a seat in it', async () => {
    const { session, id } = await registry.identify('member', way);
    const { clusterId } = await session.create(unique('by-name'), { size: 5 });
    await session.join(unique('by-name'));

    const visitor = await registry.connect(way);
    await visitor.identify(newVisitor());
    const roster = await visitor.cluster(unique('by-name'));
    expect(roster).toMatchObject({ clusterId, size: 5, members: [{ index: 0, id }] });
  });

  it('ends with the text of a refusal', async () => {
    const { session } = await registry.identify('lost', way);
    const refusal = session.join(unique('nowhere'));
    await expect(refusal).rejects.toThrow(RegistryRefused);
    await expect(refusal).rejects.toMatchObject({ text: 'cannot find cluster with this name' });
    await expect(session.join(unique('nowhere'))).rejects.toThrow(RegistryUnreachable);
  });

  it('sends requests behind an identification that is under way', async () => {
    const session = await registry.connect(way);
    const member = newMember({ name: 'hasty', endPoints: ['127.0.0.1:4001'] });
    const [{ id }, created, joined] = await Promise.all([
      session.identify(member),
      session.create(unique('hasty'), { size: 2 }),
      session.join(unique('hasty')),
    ]);
    expect(created).toEqual({ ...joined, ...(way.dialect === 'sealed' && { existed: false }) });
    expect((await session.cluster(unique('hasty'))).members).toMatchObject([{ id }]);
  });

  it('matches simultaneous requests with their replies', async () => {
    const { session } = await registry.identify('busy', way);
    const [first, second, credentials] = await Promise.all([
      session.create(unique('one'), { size: 2 }),
      session.create(unique('two'), { size: 4 }),
      session.credentials(),
    ]);
    expect([first.size, second.size, credentials.name]).toEqual([2, 4, 'xlReg']);
  });
});

describe('a session', () => {
  it('reports values that the registry corrected', async () => {
    const { session } = await registry.identify('wisher');
    expect(await session.create('corrected', { size: 1_000, endPoints: 7 })).toMatchObject({ size: 64, endPoints: 2 });
    await expect(session.create('corrected', { size: -1 })).rejects.toThrow(TypeError);
  });

  it('ends without an error as a disposable, in any state', async () => {
    const { session } = await registry.identify('disposed');
    await session[Symbol.asyncDispose]();
    await session[Symbol.asyncDispose]();
    await expect(session.credentials()).rejects.toThrow('the session has ended');
  });

  it('refuses to identify by a missing or invalid ID', async () => {
    const session = await registry.connect();
    await expect(session.identify(newVisitor(), 'id')).rejects.toThrow(TypeError);
    await expect(session.identify({ ...newVisitor(), id: 'ab' })).rejects.toThrow(TypeError);
  });

  it('reports a bad signature after a return with another key', async () => {
    const { session, member, id } = await registry.identify('forged');
    await session.bye();
    const { sigKey } = newVisitor();
    const other = await registry.connect();
    await expect(other.identify({ ...member, id, sigKey }, 'id')).rejects.toThrow('bad digital signature');
    const third = await registry.connect();
    await expect(third.identify({ ...member, id, sigKey })).rejects.toThrow('ID already in use');
  });
});
