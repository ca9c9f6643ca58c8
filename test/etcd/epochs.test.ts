// Epochs of one complete cluster that two servers on one etcd change at once (W1): none is lost, and none is made twice.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { BodyMaker } from '../../src/coordinator/body-maker.ts';
import type { Command, OperatorCommand, SavedRosterReply } from '../../src/registry/command.ts';
import { EPOCH_KEY } from '../../src/registry/epoch.ts';
import { decodeRosterBody } from '../../src/wire/roster-body.ts';
import { ask, create, join, register } from '../coordinator/asking.ts';
import { idOf, NOBODY, REGISTRY_ID } from '../registry/arbitrary-commands.ts';
import { entry } from '../store/store-contract.ts';
import { etcdPrograms } from '../support/debian-programs.ts';
import { type EtcdServerUnderTest, newPrefix, openServer } from './stores.ts';
import { useEtcd } from './use-etcd.ts';

const programs = etcdPrograms();
const CLUSTER = 0xa0;
const SIZE = 4;
const getRoster: Command = { kind: 'get-roster', clientId: NOBODY, cluster: { name: 'a' } };
const evict = (id: number): OperatorCommand => ({ kind: 'evict', cluster: { name: 'a' }, member: { id: idOf(id) } });

describe.skipIf(programs === undefined)('servers on one etcd', () => {
  const { endPoints, open } = useEtcd(programs);

  async function servers() {
    const prefix = newPrefix();
    const opened = await Promise.all([openServer(endPoints(), prefix), openServer(endPoints(), prefix)]);
    for (const { table, store } of opened) table.setRosterMaker(new BodyMaker(REGISTRY_ID, store.term, Date.now));
    open.push(...opened);
    return opened as [EtcdServerUnderTest, EtcdServerUnderTest];
  }

  async function rosterOf({ coordinator }: EtcdServerUnderTest) {
    const { body } = (await ask(coordinator, getRoster)) as SavedRosterReply;
    return { body: Buffer.from(body), ...decodeRosterBody(body)! };
  }

  it('number the changes of both without a gap, and chain their bodies', async () => {
    const [one, other] = await servers();
    await ask(one.coordinator, create('a', CLUSTER, SIZE));
    for (let id = 1; id <= SIZE; id++) {
      await ask(one.coordinator, register(id));
      await ask(one.coordinator, join(id, 'a'));
    }
    expect(await ask(other.coordinator, getRoster)).toMatchObject({ kind: 'refused', refusal: 'cluster-incomplete' });
    await one.coordinator.look(() => {});
    await one.store.commit([entry(CLUSTER, EPOCH_KEY, Buffer.from('0000000000000001', 'hex'))]);
    const first = await rosterOf(other);
    expect(first).toMatchObject({ epoch: 2, term: 1 });
    expect(await rosterOf(one)).toMatchObject({ body: first.body });

    const changed = await Promise.all([
      one.coordinator.ask([evict(1), evict(2)]),
      other.coordinator.ask([evict(3), evict(4)]),
    ]);
    expect(changed.flat().map(({ kind }) => kind)).toEqual(Array.from({ length: SIZE }, () => 'cluster'));
    const [last, same] = [await rosterOf(one), await rosterOf(other)];
    expect(last.body).toEqual(same.body);
    expect(last).toMatchObject({ epoch: 2 + SIZE });
    expect(last.seats.map(({ kind }) => kind)).toEqual(Array.from({ length: SIZE }, () => 'empty'));

    expect(await ask(other.coordinator, join(2, 'a'))).toMatchObject({ kind: 'cluster' });
    const joined = await rosterOf(one);
    expect(joined.epoch).toBe(last.epoch + 1);
    expect(Buffer.from(joined.before)).toEqual(createHash('sha256').update(last.body).digest());
  });
});
