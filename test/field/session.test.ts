// The whole session of a client of the field against a real registry, in both dialects over both transports.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FieldRegistry, WIRES } from './field-registry.ts';
import { isSignedByItself, makeMemberKeys, signedToken } from './member-keys.ts';
import { OP } from './protobuf.ts';

let registry: FieldRegistry;
beforeAll(async () => {
  registry = await FieldRegistry.start({ args: ['--workers', '2'] });
});
afterEach(() => registry.closeClients());
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

/** A uint32 as `a.b.c.d`, `a` in the lowest byte, without trailing zero fields, but at least `a.b` (K5). */
function versionText(version: number): string {
  const [a, b, ...rest] = [0, 8, 16, 24].map((shift) => (version >>> shift) & 0xff);
  while (rest.at(-1) === 0) rest.pop();
  return [a, b, ...rest].join('.');
}

describe.each(WIRES)('$dialect over $transport', ({ dialect, transport }) => {
  const wire = { dialect, transport };
  /** Asserts the close after an Ack or an Error, with no byte before it. */
  const ending = transport === 'tcp' ? { kind: 'fin' } : { kind: 'ws-close', wsCode: 1000 };
  const properClose = { ...ending, bytes: Buffer.alloc(0) };
  const unique = (name: string): string => `${name}-${dialect}-${transport}`;

  it('serves a session from Hello to Bye', async () => {
    const keys = makeMemberKeys();
    const client = await registry.connect(wire);

    const attrs = 2n ** 63n + 4n;
    const myEnds = ['127.0.0.1:4001', 'TcpEndPoint: [::1]:4002'];
    const identified = await client.identify(signedToken({ name: 'first', attrs, keys, myEnds }));
    expect(identified).toEqual({
      op: OP.ClientOK,
      clientId: expect.any(Buffer),
      clientAttrs: attrs,
      tokens: [],
    });
    const clientId = identified.clientId!;
    expect(clientId).toHaveLength(32);

    const created = await client.call(
      { op: OP.Create, clusterName: unique('whole'), clusterSize: 3, endPointCount: 2, clusterAttrs: 1 },
      OP.CreateReply,
    );
    const clusterId = created.clusterId!;
    expect(clusterId).toHaveLength(32);
    const properties = { clusterId, clusterSize: 3, clusterAttrs: 1n, endPointCount: 2, tokens: [] };
    expect(created).toEqual({ op: OP.CreateReply, ...properties });

    expect(await client.join()).toEqual({ op: OP.JoinReply, ...properties });
    expect(await client.join(unique('whole'))).toEqual({ op: OP.JoinReply, ...properties });
    expect(await client.join(clusterId)).toEqual({ op: OP.JoinReply, ...properties });

    const { commsKey, sigKey } = keys;
    const token = { name: 'first', attrs, id: clientId, commsKey, sigKey, myEnds };
    const roster = { op: OP.ClusterMembers, clusterId, which: 1n, tokens: [token] };
    expect(await client.getCluster()).toEqual(roster);
    expect(await client.getCluster(clusterId, 2n ** 64n - 1n)).toEqual(roster);
    expect(await client.getCluster(clusterId, 0n)).toEqual({ ...roster, which: 0n, tokens: [] });
    const withSize = await client.call({ op: OP.GetCluster, clusterSize: 0 }, OP.ClusterMembers);
    expect(withSize).toEqual({ ...roster, clusterSize: 3 });

    expect(await client.call({ op: OP.Bye }, OP.Ack)).toEqual({ op: OP.Ack, tokens: [] });
    expect(await client.waitClosed()).toEqual(properClose);
  });

  it('returns the credentials of regCred.dat, signed by the registry, before and after Client', async () => {
    const client = await registry.connect(wire);
    const before = await client.call({ op: OP.RegCredRequest }, OP.RegCredReply);
    const { name, id, commsKey, sigKey, endPoints, version } = registry.file;
    expect(before).toEqual({
      op: OP.RegCredReply,
      version: expect.any(Number),
      clientSpecs: expect.any(Object),
      tokens: [],
    });
    expect(versionText(before.version!)).toBe(version);
    const token = before.clientSpecs!;
    expect(token.name).toBe(name);
    expect(token.id).toEqual(id);
    expect(token.commsKey).toEqual(commsKey.export({ type: 'spki', format: 'der' }));
    expect(token.sigKey).toEqual(sigKey.export({ type: 'spki', format: 'der' }));
    expect(token.myEnds.map((end) => end.replace(/^TcpEndPoint: /, ''))).toEqual(endPoints);
    expect(isSignedByItself(token)).toBe(true);

    await client.identify(signedToken({ name: 'asks-twice' }));
    expect(await client.call({ op: OP.RegCredRequest }, OP.RegCredReply)).toEqual(before);
  });

  it('identifies a returning client by ID, whose repeated Join keeps the index', async () => {
    const name = unique('return');
    const members = [];
    for (const slot of [0, 1, 2]) {
      const keys = makeMemberKeys({ sig: slot });
      const member = await registry.register(wire, { name: `member${slot}`, attrs: 4n, keys });
      await member.client.create(name, 3);
      await member.client.join(name);
      members.push(member);
    }
    const [first, second, third] = members.map(({ clientId }) => clientId);
    await members[1]!.client.bye();

    const back = await registry.connect(wire);
    const identified = await back.identifyById(second!, makeMemberKeys({ sig: 1 }));
    expect(identified).toEqual({ op: OP.ClientOK, clientId: second, clientAttrs: 4n, tokens: [] });
    await back.join(name);
    const roster = await back.getCluster();
    expect(roster.which).toBe(0b111n);
    expect(roster.tokens.map(({ id }) => id)).toEqual([first, second, third]);
    expect((await back.getCluster(undefined, 0b010n)).tokens.map(({ name }) => name)).toEqual(['member1']);
  });

  it('replaces the token of a member that registers its ID again, and keeps its seat', async () => {
    const name = unique('replace');
    const keys = makeMemberKeys({ sig: 1 });
    const first = await registry.register(wire, { name: 'replaced', keys });
    await first.client.create(name, 2);
    await first.client.join();
    const second = await registry.register(wire, { name: 'other' });
    await second.client.join(name);

    const id = first.clientId;
    const again = await registry.register(wire, { name: 'replaced', keys, id, myEnds: ['node1.example:1'] });
    expect(again.clientId).toEqual(id);
    await again.client.join(name);
    const { which, tokens } = await second.client.getCluster();
    expect(which).toBe(0b11n);
    expect(tokens.map((token) => [token.name, token.myEnds])).toEqual([
      ['replaced', ['node1.example:1']],
      ['other', ['127.0.0.1:4001']],
    ]);
    for (const token of tokens) expect(token).not.toHaveProperty('digSig');
  });

  it.each([
    { reading: 'without the ID', signWithId: false, idBytes: 32 },
    { reading: 'with the ID', signWithId: true, idBytes: 32 },
    { reading: 'with an ID of 20 bytes', signWithId: true, idBytes: 20 },
  ])('accepts a token signed $reading', async ({ signWithId, idBytes }) => {
    const id = Buffer.alloc(idBytes, unique(`${signWithId}`));
    const { clientId } = await registry.register(wire, { name: 'signed', id, signWithId });
    expect(clientId).toEqual(id);
  });

  it('returns an existing cluster unchanged to a client that creates it again', async () => {
    const name = unique('again');
    const { client } = await registry.register(wire, { name: 'one' });
    const created = await client.create(name, 5, 2);
    const other = await registry.register(wire, { name: 'two' });
    expect(await other.client.create(name, 60, 1)).toEqual(created);
    expect(created).toMatchObject({ clusterSize: 5, endPointCount: 2 });
  });

  it("reports a message's fault and then closes", async () => {
    const { client } = await registry.register(wire, { name: 'lost' });
    const reply = await client.request({ op: OP.Join, clusterName: unique('nowhere') });
    expect(reply).toEqual({ op: OP.Error, errDesc: 'cannot find cluster with this name', tokens: [] });
    expect(await client.waitClosed()).toEqual(properClose);
  });
});
