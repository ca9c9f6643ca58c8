// Growth budgets charged by the coordinator (R4): for new entries, once, and only if they are stored in the end.

import { describe, expect, it } from 'vitest';
import { GrowthBudgets, newGrowthMemory } from '../../src/admission/growth-budgets.ts';
import { BodyMaker } from '../../src/coordinator/body-maker.ts';
import type { Command } from '../../src/registry/command.ts';
import { MemoryStore } from '../../src/store/memory/memory-store.ts';
import { idOf, REGISTRY_ID } from '../registry/arbitrary-commands.ts';
import { ask, create, createForming, join, over, REFUSED, register } from './asking.ts';
import { GatedStore } from './gated-store.ts';

/** A burst of ten per kind. */
const RATES = { registration: 1, cluster: 1, member: 1 };
const [ORIGIN, OTHER] = [1, 2];
const full = (kind: string) => ({ kind: 'refused', refusal: `${kind}-per-address` });

function budgeted(store: MemoryStore | GatedStore = new MemoryStore()) {
  const budgets = new GrowthBudgets(newGrowthMemory(4), RATES);
  const parts = over(store, undefined, false, { now: 0 }, budgets);
  const left = (kind: keyof typeof RATES, origin = ORIGIN) => {
    let count = 0;
    while (budgets.take(origin, kind, 0)) count += 1;
    for (let i = 0; i < count; i++) budgets.giveBack(origin, kind);
    return count;
  };
  const askFrom = (origin: number, ...commands: Command[]) => {
    return parts.coordinator.ask(
      commands,
      commands.map(() => origin),
    );
  };
  return { ...parts, left, askFrom, store };
}

describe('an address', () => {
  it('pays for new entries, and not for existing ones', async () => {
    const { left, askFrom } = budgeted();
    const commands = [register(1), create('c', 0xc0), join(1, 'c')];
    for (let i = 0; i < 20; i++)
      for (const { kind } of await askFrom(ORIGIN, ...commands)) expect(kind).not.toBe('refused');
    expect([left('registration'), left('cluster'), left('member')]).toEqual([9, 9, 9]);
  });

  it('is refused what it cannot pay for, without a trace, and no other address is', async () => {
    const { left, askFrom, table } = budgeted();
    const creates = Array.from({ length: 12 }, (_, i) => create(`c${i}`, 0xa0 + i));
    const replies = await askFrom(ORIGIN, ...creates);
    expect(replies.slice(10)).toEqual([full('clusters'), full('clusters')]);
    expect(table.counts.clusters).toBe(10);
    expect(await askFrom(OTHER, creates[11]!)).toMatchObject([{ kind: 'cluster', cluster: { id: idOf(0xab) } }]);
    expect(await askFrom(ORIGIN, creates[11]!)).toMatchObject([{ kind: 'cluster' }]);
    expect([left('cluster'), left('cluster', OTHER)]).toEqual([0, 9]);
  });

  it('wakes nobody by a Join that is refused (R4, V1)', async () => {
    const { askFrom, table, coordinator } = budgeted();
    await coordinator.ask([...Array.from({ length: 12 }, (_, i) => register(i + 1)), create('c', 0xc0, 20)]);
    const joins = Array.from({ length: 11 }, (_, i) => join(i + 1, 'c'));
    expect((await askFrom(ORIGIN, ...joins)).at(-1)).toEqual(full('members'));
    const { version } = table.cluster(idOf(0xc0))!.versions;
    table.takeChanged();
    expect(await askFrom(ORIGIN, join(12, 'c'))).toEqual([full('members')]);
    expect([table.cluster(idOf(0xc0))!.versions.version, table.takeChanged()]).toEqual([version, new Set()]);
    expect(table.counts.members).toBe(10);
  });

  it('pays for a roster body that nobody has asked for lately, which has to be signed (R4, W3)', async () => {
    const { left, askFrom, table, coordinator } = budgeted();
    table.setRosterMaker(new BodyMaker(REGISTRY_ID, 1, () => 0));
    const clusters = Array.from({ length: 11 }, (_, i) => `c${i}`);
    await coordinator.ask([register(1), register(2)]);
    for (const [i, name] of clusters.entries()) {
      await coordinator.ask([createForming(name, 0xc0 + i, 2, 0), join(1, name), join(2, name)]);
    }
    await coordinator.settled();
    const getRoster = (name: string): Command => ({ kind: 'get-roster', clientId: idOf(1), cluster: { name } });
    for (let again = 0; again < 3; again++) {
      expect(await askFrom(ORIGIN, getRoster('c0'))).toMatchObject([{ kind: 'saved-roster' }]);
      expect(left('member')).toBe(9);
    }
    const replies = await askFrom(ORIGIN, ...clusters.map(getRoster));
    expect(replies.slice(9)).toMatchObject([{ kind: 'saved-roster' }, full('members')]);
    expect(await askFrom(OTHER, getRoster('c10'))).toMatchObject([{ kind: 'saved-roster' }]);
    expect(await askFrom(ORIGIN, getRoster('c10'))).toMatchObject([{ kind: 'saved-roster' }]);
  });

  it('is refused ephemeral registrations, too, which are not stored', async () => {
    const { askFrom, table } = budgeted();
    const registers = Array.from({ length: 12 }, (_, i) => ({ ...register(i + 1), ephemeral: true }) as Command);
    expect((await askFrom(ORIGIN, ...registers)).slice(10)).toEqual([full('registrations'), full('registrations')]);
    expect(table.counts.clients).toBe(10);
  });

  it('pays nothing for entries that could not be stored', async () => {
    const { left, askFrom, store, table } = budgeted(new GatedStore());
    const setup = askFrom(ORIGIN, register(1), create('c', 0xc0));
    const gated = store as GatedStore;
    (await gated.nextCommit()).pass();
    await setup;
    const failing = askFrom(ORIGIN, register(2), create('d', 0xd0), join(1, 'c'));
    const gate = await gated.nextCommit();
    expect([left('registration'), left('cluster'), left('member')]).toEqual([8, 8, 9]);
    gate.fail();
    expect(await failing).toEqual([REFUSED, REFUSED, REFUSED]);
    expect([left('registration'), left('cluster'), left('member')]).toEqual([9, 9, 10]);
    expect(table.counts).toMatchObject({ clients: 1, clusters: 1, members: 0 });
  });

  it("pays once for a batch applied again, and nothing for another server's entries", async () => {
    const store = new MemoryStore();
    const other = over(store);
    const { left, askFrom } = budgeted(store);
    await other.coordinator.ask([register(1), register(2), create('conflict', 0xc1)]);
    // This server does not know of the other's entries: it loses `lost`, and applies its whole batch again.
    const replies = await askFrom(ORIGIN, create('conflict', 0xc2), create('won', 0xc3), register(3));
    expect(replies).toMatchObject([{ cluster: { id: idOf(0xc1) } }, { cluster: { id: idOf(0xc3) } }, {}]);
    expect([left('cluster'), left('registration')]).toEqual([9, 9]);
    expect(await ask(other.coordinator, create('won', 0xc4))).toMatchObject({ cluster: { id: idOf(0xc3) } });
  });
});
