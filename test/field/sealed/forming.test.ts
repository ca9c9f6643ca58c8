// A cluster forms, waits and shrinks for clients of the second implementation, which knows the protocol's page alone.

import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { OP } from '../protobuf.ts';
import { ClusterView, NO_SEAT, WAIT_FOR } from './cluster-view.ts';
import { FormingRegistry, SEALED_WIRES } from './forming-registry.ts';

let registry: FormingRegistry;
beforeAll(async () => {
  registry = await FormingRegistry.start();
});
afterEach(() => registry.closeClients());
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

describe.each(SEALED_WIRES)('over $label', (wire) => {
  const name = (what: string) => `${what}-${wire.label.replaceAll(/[^a-zA-Z]/g, '')}`;

  it('clamps the confirm time, and a repeated Create changes nothing (Q1, R15)', async () => {
    const { client } = await registry.member(wire, 0);
    const create = async (clusterName: string, confirmMs?: number) =>
      await client.call({ op: OP.Create, clusterName, clusterSize: 2, confirmMs }, OP.CreateReply);
    expect(await create(name('short'), 1)).toMatchObject({ confirmMs: 15_000, existed: false });
    expect(await create(name('short'), 40_000)).toMatchObject({ confirmMs: 15_000, existed: true });
    expect(await create(name('long'), 4_000_000)).toMatchObject({ confirmMs: 3_600_000 });
    expect((await create(name('none'))).confirmMs ?? 0).toBe(0);
    expect((await create(name('zero'), 0)).confirmMs ?? 0).toBe(0);
    expect(await client.join(name('short'))).toMatchObject({ confirmMs: 15_000 });
  });

  it('completes a cluster when each member has returned the round (Q2 to Q6)', async () => {
    const members = await Promise.all([0, 1, 2].map((slot) => registry.member(wire, slot)));
    const [first, second, third] = members.map(({ client }) => client);
    const clusterName = name('round');
    const created = { op: OP.Create, clusterName, clusterSize: 3, confirmMs: 600_000 };
    const { clusterId } = await first!.call(created, OP.CreateReply);
    const views = members.map(() => new ClusterView(clusterId!));
    for (const client of [first!, second!]) await client.join(clusterName);
    expect(await views[0]!.ask(first!)).toMatchObject({ yourSeat: 0, which: 3n });
    expect(views[0]!.epoch).toBe(0n);
    expect(views[0]!.last!.round).toBeUndefined();

    // The last Join makes no completion, and the answer of a waiting member tells the round.
    await third!.join(clusterName);
    await views[0]!.ask(first!, { waitMs: 10_000, waitFor: WAIT_FOR.complete });
    const round = views[0]!.last!.round!;
    expect(round).toHaveLength(8);
    expect(views[0]!.members).toEqual(['0 m0', '1 m1', '2 m2']);
    expect(views[0]!.last!.confirmed ?? 0n).toBe(0n);

    // Another value confirms nothing; nor does a Join without a round.
    await views[0]!.ask(first!, { round: randomBytes(8) });
    await views[0]!.ask(first!, { round: round.subarray(1) });
    await first!.join(clusterName);
    await views[0]!.ask(first!);
    expect(views[0]!.last!.confirmed ?? 0n).toBe(0n);

    await views[0]!.ask(first!, { round });
    expect(views[0]!.last).toMatchObject({ confirmed: 1n, round });
    await second!.call({ op: OP.Join, clusterName, round }, OP.JoinReply);
    await views[0]!.ask(first!);
    expect(views[0]!.last).toMatchObject({ confirmed: 3n });
    expect(views[0]!.epoch).toBe(0n);
    const [reply] = await Promise.all([views[0]!.complete(first!), views[2]!.complete(third!)]);
    expect(reply.epoch).toBe(1n);
    await views[1]!.ask(second!);
    expect(views.map(({ epoch }) => epoch)).toEqual([1n, 1n, 1n]);
    expect(views.map(({ members: seen }) => seen.length)).toEqual([3, 3, 3]);
  });

  it('completes a full cluster without a confirm time at once (Q1)', async () => {
    const members = await Promise.all([0, 1].map((slot) => registry.member(wire, slot)));
    const { clusterId } = await members[0]!.client.create(name('at-once'), 2);
    const view = new ClusterView(clusterId!);
    for (const { client } of members) await client.join(name('at-once'));
    await view.complete(members[0]!.client);
    expect(view.epoch).toBe(1n);
  });

  it('answers what has changed since the known version (V1 to V4)', async () => {
    const [first, second] = (await Promise.all([0, 1].map((slot) => registry.member(wire, slot)))).map(
      ({ client }) => client,
    );
    const { clusterId } = await first!.create(name('changes'), 3);
    const view = new ClusterView(clusterId!);
    await view.ask(first!);
    expect(view.last).toMatchObject({ tokens: [], yourSeat: NO_SEAT.never, emptied: 7n });
    await first!.join();
    await view.ask(first!);
    const { version } = view;
    await second!.join(name('changes'));
    expect(await view.ask(first!)).toMatchObject({ which: 2n });
    expect(view.version).toBeGreaterThan(version);
    expect(await view.ask(first!)).toMatchObject({ tokens: [] });

    // A version of another History, one from the future, and a wrong length: everything at once.
    for (const odd of [{ history: randomBytes(8) }, { knownVersion: view.version + 9n }, { history: randomBytes(7) }]) {
      expect(await view.ask(first!, odd)).toMatchObject({ which: 3n, emptied: 4n });
    }
    // RosterHash covers all seats, whatever Which says.
    expect(await view.ask(first!, { knownVersion: undefined, which: 2n })).toMatchObject({ which: 2n });
    expect(view.members).toEqual(['0 m0', '1 m1']);
  });

  it('holds an answer back until something is newer (V5, V6)', async () => {
    const [first, second] = (await Promise.all([0, 1].map((slot) => registry.member(wire, slot)))).map(
      ({ client }) => client,
    );
    const { clusterId } = await first!.create(name('wait'), 3);
    const view = new ClusterView(clusterId!);
    await first!.join();
    expect(await view.ask(first!, { waitMs: 30_000 })).toMatchObject({ which: 1n });
    const { version } = view;

    // Nothing newer: unchanged at the end of the wait.
    const before = performance.now();
    expect(await view.ask(first!, { waitMs: 300 })).toMatchObject({ tokens: [], clusterVersion: version });
    expect(performance.now() - before).toBeGreaterThanOrEqual(299);

    // A Join ends a wait for changes.
    const answer = view.ask(first!, { waitMs: 30_000 });
    await second!.join(name('wait'));
    expect(await answer).toMatchObject({ which: 2n });

    // The next message ends the wait, and its reply follows.
    await first!.send(view.question({ waitMs: 30_000 }));
    await first!.send({ op: OP.RegCredRequest });
    expect(await first!.receive()).toMatchObject({ op: OP.ClusterMembers, tokens: [] });
    expect((await first!.receive()).op).toBe(OP.RegCredReply);

    // As does a FIN, which on TCP leaves the other direction open (F9).
    await first!.send(view.question({ waitMs: 30_000 }));
    first!.halfClose();
    if (wire.transport === 'tcp') {
      expect(await first!.receive()).toMatchObject({ op: OP.ClusterMembers, tokens: [] });
    }
    await first!.waitClosed();
  });

  it('gives a seat back by Leave, and raises the epoch of a complete cluster (A8, V4)', async () => {
    const [first, second, third] = (await Promise.all([0, 1, 2].map((slot) => registry.member(wire, slot)))).map(
      ({ client }) => client,
    );
    const clusterName = name('leave');
    const { clusterId } = await first!.create(clusterName, 2);
    const [mine, theirs] = [new ClusterView(clusterId!), new ClusterView(clusterId!)];
    for (const client of [first!, second!]) await client.join(clusterName);
    await mine.complete(first!);
    await theirs.ask(second!);

    const answer = theirs.ask(second!, { waitMs: 30_000 });
    for (let repeated = 0; repeated < 2; repeated++) {
      const reply = await first!.call({ op: OP.Leave, clusterName }, OP.LeaveReply);
      expect(reply.clusterId).toEqual(clusterId);
    }
    expect(await answer).toMatchObject({ emptied: 1n, epoch: 2n, yourSeat: 1 });
    await mine.ask(first!);
    expect(mine.last).toMatchObject({ yourSeat: NO_SEAT.left });
    expect(mine.members).toEqual(['1 m1']);

    // Complete stays complete, and a new member takes the empty seat without a round.
    await third!.join(clusterName);
    expect(await theirs.ask(second!)).toMatchObject({ which: 1n, epoch: 3n });
    expect(theirs.members).toEqual(['0 m2', '1 m1']);
  });
});

it('empties the seat of a member that does not confirm, and completes without it (Q7 to Q9)', async () => {
  const wire = SEALED_WIRES[0]!;
  const members = await Promise.all([0, 1, 2].map((slot) => registry.member(wire, slot)));
  const [first, ghost, third] = members.map(({ client }) => client);
  const created = { op: OP.Create, clusterName: 'ghost', clusterSize: 2, confirmMs: 15_000 };
  const { clusterId } = await first!.call(created, OP.CreateReply);
  const view = new ClusterView(clusterId!);
  await first!.join('ghost');
  await ghost!.join('ghost');

  // A wait in a cluster that is not complete is cut to a sixth of the confirm time.
  const done = view.complete(first!);
  const full = await registry.told(third!, { op: OP.Join, clusterName: 'ghost' });
  expect(full).toMatchObject({ errDesc: 'cluster is full', code: 22, retryable: true });
  expect(full.retryAfterMs).toBeGreaterThanOrEqual(1_000);
  expect(full.retryAfterMs).toBeLessThanOrEqual(5_000);
  const named = await registry.member(wire, 3, 'm1');
  expect(await registry.told(named.client, { op: OP.Join, clusterName: 'ghost' })).toMatchObject({ retryable: true });

  // The ghost's session goes on, and it is told why it has no seat.
  const lost = new ClusterView(clusterId!);
  await lost.ask(ghost!);
  while (lost.last!.yourSeat! < NO_SEAT.never) await lost.ask(ghost!, { waitMs: 20_000 });
  expect(lost.last).toMatchObject({ yourSeat: NO_SEAT.expired, emptied: 2n });
  const again = await registry.told(ghost!, { op: OP.Join, clusterName: 'ghost' });
  expect(again).toMatchObject({ code: 22, retryable: true });

  const successor = await registry.member(wire, 2);
  await successor.client.join('ghost');
  const theirs = new ClusterView(clusterId!);
  await Promise.all([done, theirs.complete(successor.client)]);
  expect(theirs.members).toEqual(['0 m0', '1 m2']);
}, 90_000);
