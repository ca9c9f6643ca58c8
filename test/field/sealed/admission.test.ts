// Join tokens and rosters to keep, for clients of the second implementation: each refusal with its number, the fence
// behind a replacement, and rosters that are checked with this implementation's own code.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeMemberKeys } from '../member-keys.ts';
import { type MessageInput, OP } from '../protobuf.ts';
import { ClusterView } from './cluster-view.ts';
import { type FormingMember, FormingRegistry, makeToken, SEALED_WIRES, type Told } from './forming-registry.ts';
import { sha256 } from './noise.ts';

let registry: FormingRegistry;
beforeAll(async () => {
  registry = await FormingRegistry.start();
});
afterEach(() => registry.closeClients());
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

const final = (code: number, errDesc: string): Told => ({ code, errDesc, retryable: false });

describe.each(SEALED_WIRES)('over $label', (wire) => {
  const prefix = wire.label.replaceAll(/[^a-zA-Z]/g, '');
  let made = 0;

  /** Creates a cluster that admits by these tokens. */
  async function create(owner: FormingMember, joinTokens: MessageInput['joinTokens'], clusterSize = 3) {
    made += 1;
    const clusterName = `${prefix}-${made}`;
    const reply = await owner.client.call({ op: OP.Create, clusterName, clusterSize, joinTokens }, OP.CreateReply);
    return { clusterName, clusterId: reply.clusterId! };
  }

  /** Sends a request in a session of its own, which must be refused. */
  async function told(slot: number, request: MessageInput, name?: string): Promise<Told> {
    const { client } = await registry.member(wire, slot, name);
    return await registry.told(client, request);
  }

  it('admits who brings a token, and knows its key from then on (A1 to A3)', async () => {
    const { token, spec } = makeToken({ uses: 2 });
    const owner = await registry.member(wire, 0);
    const { clusterName, clusterId } = await create(owner, [spec]);
    const again = { op: OP.Create, clusterName, clusterSize: 3, joinTokens: [spec] };
    expect(await owner.client.call(again, OP.CreateReply)).toMatchObject({ clusterId });

    const { client } = await registry.member(wire, 1);
    await client.call({ op: OP.GetCluster, clusterName, joinToken: token }, OP.ClusterMembers);
    for (let repeated = 0; repeated < 2; repeated++) {
      await client.call({ op: OP.Join, clusterName, joinToken: token }, OP.JoinReply);
    }
    // A read and a repeated Join burn nothing; after Leave the key is still admitted.
    const list = async () => (await owner.client.call({ op: OP.ChangeTokens, clusterName }, OP.TokensReply)).joinTokens;
    expect(await list()).toMatchObject([{ hash: spec.hash, uses: 2, left: 1 }]);
    await client.call({ op: OP.Leave, clusterName }, OP.LeaveReply);
    await client.join(clusterName);
    expect(await list()).toMatchObject([{ left: 1 }]);
  });

  it('refuses a token with the number of its reason (A6, E7)', async () => {
    const owner = await registry.member(wire, 0);
    const once = makeToken({ uses: 1 });
    const short = makeToken({ ttlMs: 1 });
    const alice = makeToken({ forName: 'alice' });
    const observer = makeToken({ observer: true });
    const { clusterName } = await create(owner, [once.spec, short.spec, alice.spec, observer.spec], 8);
    const join = (joinToken?: Buffer) => ({ op: OP.Join, clusterName, joinToken });
    const read = (joinToken?: Buffer) => ({ op: OP.GetCluster, clusterName, joinToken });

    for (const request of [join(), read(), { ...read(), op: OP.GetRoster }]) {
      expect(await told(1, request)).toEqual(final(31, 'join token needed'));
    }
    for (const ask of [join, read]) {
      expect(await told(1, ask(makeToken().token))).toEqual(final(32, 'join token unknown'));
      // At least the round trips since its creation have passed.
      expect(await told(1, ask(short.token))).toEqual(final(33, 'join token expired'));
      expect(await told(1, ask(alice.token))).toEqual(final(35, 'join token is for another name or role'));
    }
    const { client } = await registry.member(wire, 1);
    await client.call(join(once.token), OP.JoinReply);
    expect(await told(2, join(once.token))).toEqual(final(34, 'join token used up'));
    expect(await told(2, join(observer.token))).toEqual(final(35, 'join token is for another name or role'));
    // The name of an outstanding token is kept.
    const free = makeToken();
    await owner.client.call({ op: OP.ChangeTokens, clusterName, joinTokens: [free.spec] }, OP.TokensReply);
    expect(await told(2, join(free.token), 'alice')).toEqual(final(35, 'join token is for another name or role'));
    // One key has one seat.
    const other = await registry.member(wire, 1, 'other', { id: sha256('another ID', prefix) });
    expect(await registry.told(other.client, join(free.token))).toEqual(final(34, 'join token used up'));

    const { client: reader } = await registry.member(wire, 2);
    expect(await reader.call(read(observer.token), OP.ClusterMembers)).toMatchObject({ which: 1n });
    expect(await registry.told(reader, read())).toEqual(final(31, 'join token needed'));
    const { client: named } = await registry.member(wire, 2, 'alice');
    await named.call(join(alice.token), OP.JoinReply);
  });

  it('tells an RSA dialect that the cluster admits by tokens (A6)', async () => {
    const owner = await registry.member(wire, 0);
    const { clusterName } = await create(owner, [makeToken().spec]);
    for (const op of [OP.Join, OP.GetCluster]) {
      const old = { dialect: 'prefixed', transport: wire.transport } as const;
      const { client } = await registry.registry.register(old, { name: 'old', keys: makeMemberKeys({ sig: 90 }) });
      const reply = await client.request({ op, clusterName });
      expect(reply).toMatchObject({ op: OP.Error, errDesc: 'cluster admits by join token' });
    }
  });

  it('lets the owner alone change tokens, and refuses bad ones (A1, A2, A7)', async () => {
    const owner = await registry.member(wire, 0);
    const first = makeToken();
    const { clusterName } = await create(owner, [first.spec]);
    const open = await owner.client.create(`${clusterName}-open`, 3);
    const token = makeToken().spec;
    const admits = final(37, 'cluster admits differently');
    const again = { op: OP.Create, clusterName, clusterSize: 3 };
    expect(await told(0, { ...again, clusterName: `${clusterName}-open`, joinTokens: [token] })).toEqual(admits);
    expect(await told(0, { ...again, joinTokens: [token] })).toEqual(admits);
    expect(await told(1, { ...again, joinTokens: [first.spec] })).toEqual(admits);

    for (const change of [{}, { joinTokens: [token] }, { tokenHashes: [first.spec.hash!] }]) {
      const notOwner = final(38, 'not the owner of this cluster');
      expect(await told(1, { op: OP.ChangeTokens, clusterName, ...change })).toEqual(notOwner);
      // A cluster without tokens has no owner.
      expect(await told(0, { op: OP.ChangeTokens, clusterId: open.clusterId, ...change })).toEqual(notOwner);
    }
    const bad: MessageInput[] = [
      { joinTokens: [{ hash: Buffer.alloc(31) }] },
      { joinTokens: [{}] },
      { joinTokens: [{ ...token, uses: 0 }] },
      { joinTokens: [{ ...token, uses: 1_025 }] },
      { joinTokens: [{ ...token, forName: '.bad' }] },
      { joinTokens: [{ ...token, replace: true }] },
      { joinTokens: [{ ...token, forName: 'alice', replace: true, observer: true }] },
      { joinTokens: [token, token] },
      { joinTokens: Array.from({ length: 25 }, () => makeToken().spec) },
      { joinTokens: [token], tokenHashes: [first.spec.hash!] },
      { tokenHashes: [Buffer.alloc(31)] },
    ];
    for (const change of bad) {
      const answer = await told(0, { op: OP.ChangeTokens, clusterName, ...change });
      expect(answer, JSON.stringify(change)).toEqual(final(41, 'bad join tokens'));
    }

    const change = async (fields: MessageInput) =>
      (await owner.client.call({ op: OP.ChangeTokens, clusterName, ...fields }, OP.TokensReply)).joinTokens ?? [];
    const tenYears = 3_650 * 86_400_000;
    const lasting = makeToken({ ttlMs: 2 * tenYears });
    const [listedLasting] = (await change({ joinTokens: [lasting.spec] })).filter(({ ttlMs }) => ttlMs !== undefined);
    expect(Number(listedLasting!.ttlMs)).toBeLessThanOrEqual(tenYears);
    // A hash on record stays as it is, and is refused with other fields.
    expect(await change({ joinTokens: [lasting.spec] })).toHaveLength(2);
    const other = { ...lasting.spec, uses: 1 };
    expect(await told(0, { op: OP.ChangeTokens, clusterName, joinTokens: [other] })).toEqual(admits);
    expect(await change({ tokenHashes: [lasting.spec.hash!] })).toHaveLength(1);

    const more = Array.from({ length: 63 }, () => makeToken({ ttlMs: 3_600_000 }).spec);
    for (let at = 0; at < more.length; at += 21) await change({ joinTokens: more.slice(at, at + 21) });
    const [listed] = (await change({})).filter(({ ttlMs }) => ttlMs !== undefined);
    expect(Number(listed!.ttlMs)).toBeGreaterThan(3_000_000);
    expect(await told(0, { op: OP.ChangeTokens, clusterName, joinTokens: [token] })).toEqual(
      final(40, 'too many join tokens'),
    );
    expect(await change({ tokenHashes: [first.spec.hash!] })).toHaveLength(63);
    expect(await told(2, { op: OP.Join, clusterName, joinToken: first.token })).toEqual(
      final(32, 'join token unknown'),
    );
  });

  it('moves a seat to new keys and fences the old ones, in open sessions, too (A5)', async () => {
    const owner = await registry.member(wire, 0);
    const { token, spec } = makeToken();
    const { clusterName, clusterId } = await create(owner, [spec], 2);
    const [lost, other] = [await registry.member(wire, 1, 'alice'), await registry.member(wire, 2, 'bob')];
    const [mine, theirs] = [new ClusterView(clusterId), new ClusterView(clusterId)];
    for (const { client } of [lost, other]) {
      await client.call({ op: OP.Join, clusterName, joinToken: token }, OP.JoinReply);
    }
    await mine.complete(lost.client);
    await theirs.ask(other.client);

    const replacing = makeToken({ forName: 'alice', replace: true, uses: 1 });
    await owner.client.call({ op: OP.ChangeTokens, clusterName, joinTokens: [replacing.spec] }, OP.TokensReply);
    const seen = theirs.ask(other.client, { waitMs: 30_000 });
    const found = await registry.member(wire, 3, 'alice');
    await found.client.call({ op: OP.Join, clusterName, joinToken: replacing.token }, OP.JoinReply);
    // The other member sees the new key at once.
    expect(await seen).toMatchObject({ which: 1n, epoch: 2n });
    expect(theirs.members).toEqual(['0 alice', '1 bob']);
    expect(theirs.seats.get(0)!.token.sigKey).toEqual(found.keys.sigKey);

    const fenced = final(39, 'member has been replaced');
    expect(await registry.told(lost.client, mine.question())).toEqual(fenced);
    for (const request of [mine.question(), { op: OP.Join, clusterName, joinToken: token }]) {
      expect(await told(1, request, 'alice')).toEqual(fenced);
    }
  });
});
