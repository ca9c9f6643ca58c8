// Registrations of the sealed dialect on two servers over one etcd: what one stores, the other holds to.

import { describe, expect, it } from 'vitest';
import type { RegisterCommand, Reply } from '../../src/registry/command.ts';
import { ask, create, getCluster, join, register, whichOf } from '../coordinator/asking.ts';
import { newPrefix, openServer } from '../etcd/stores.ts';
import { useEtcd } from '../etcd/use-etcd.ts';
import { idOf } from '../registry/arbitrary-commands.ts';
import { etcdPrograms } from '../support/debian-programs.ts';

const programs = etcdPrograms();
const OTHER_KEY = 'bb'.repeat(32);

function stated(client: number, seq: number, more: Partial<RegisterCommand> = {}): RegisterCommand {
  const statementDigest = seq.toString(16).padStart(64, '0');
  const sealed = new Uint8Array(40).fill(seq);
  return { ...(register(client) as RegisterCommand), seq, statementDigest, sealed, ...more };
}

const refused = (refusal: string) => expect.objectContaining({ kind: 'refused', refusal });
const registered: Reply = { kind: 'registered' };

describe.skipIf(programs === undefined)('servers on one etcd', () => {
  const { endPoints, open } = useEtcd(programs);

  async function servers() {
    const prefix = newPrefix();
    const opened = await Promise.all([openServer(endPoints(), prefix), openServer(endPoints(), prefix)]);
    open.push(...opened);
    return opened;
  }

  it('hold to the seq and the mark that one of them stored, and lift marks for all (L3, L6)', async () => {
    const [one, other] = await servers();
    expect(await ask(one!.coordinator, stated(1, 5))).toEqual(registered);
    expect(await ask(other!.coordinator, stated(1, 4))).toEqual({ ...refusedOlder(5) });
    expect(await ask(other!.coordinator, register(1))).toEqual(refused('id-marked'));
    expect(await ask(other!.coordinator, register(2))).toEqual(refused('id-marked'));
    const [lifted] = await one!.coordinator.ask([{ kind: 'lift-marks', clientId: undefined }]);
    expect(lifted).toEqual({ kind: 'marks', lifted: 1, left: 0 });
    expect(await ask(other!.coordinator, register(2))).toEqual(registered);
  });

  it('give an ID and its seats, more than a transaction holds, to the key that it certifies (L7)', async () => {
    const [one, other] = await servers();
    const names = Array.from({ length: 30 }, (_, place) => `c${place}`);
    await ask(one!.coordinator, stated(1, 5));
    for (const [place, name] of names.entries()) {
      await ask(one!.coordinator, create(name, 0x40 + place));
      await ask(one!.coordinator, join(1, name));
    }
    const owner = stated(1, 1, { sigKeyDigest: OTHER_KEY, certified: true });
    expect(await ask(other!.coordinator, { ...owner, certified: false })).toEqual(refused('id-in-use'));
    expect(await ask(other!.coordinator, owner)).toEqual(registered);
    for (const server of [one!, other!]) {
      for (const name of names) expect(whichOf(await ask(server.coordinator, getCluster(name)))).toBe(0n);
      expect(await ask(server.coordinator, stated(1, 6))).toEqual(refused('id-in-use'));
    }
    expect(await ask(one!.coordinator, join(1, 'c0'))).toMatchObject({ kind: 'cluster' });
    expect(other!.table.cluster(idOf(0x40))).toBeDefined();
  });
});

function refusedOlder(recordedSeq: number): Reply {
  return { kind: 'refused', refusal: 'statement-older', recordedSeq };
}
