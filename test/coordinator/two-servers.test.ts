// Several servers on one store: the record stored first holds for all of them (T11, R1, R6, R13).

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMMIT_ATTEMPTS_MAX } from '../../src/limits.ts';
import type { Command, StoredRecord } from '../../src/registry/command.ts';
import { MemoryStore } from '../../src/store/memory/memory-store.ts';
import type { CommitOutcome, Store, StoreItem } from '../../src/store/store.ts';
import { idOf } from '../registry/arbitrary-commands.ts';
import { ask, clusterIdOf, create, getCluster, join, over, REFUSED, recordsOf, register, whichOf } from './asking.ts';

describe('two servers on one store', () => {
  /** Two coordinators that both know the first one's commands so far. */
  async function two(...setup: Command[]) {
    const store = new MemoryStore();
    const one = over(store);
    await one.coordinator.ask(setup);
    const other = over(store);
    await other.coordinator.load();
    return { store, one, other };
  }

  it("give two Creates of one name the first one's properties (R1)", async () => {
    const { store, one, other } = await two();
    const replies = await Promise.all([
      ask(one.coordinator, create('c', 0xc1, 3)),
      ask(other.coordinator, create('c', 0xc2, 5)),
    ]);
    expect(replies[0]).toEqual(replies[1]);
    const records = await recordsOf(store);
    expect(records.map((record) => record.kind === 'cluster' && record.id)).toEqual([clusterIdOf(replies[0])]);
    for (const { coordinator } of [one, other]) {
      expect(clusterIdOf(await ask(coordinator, getCluster('c')))).toBe(clusterIdOf(replies[0]));
    }
  });

  it('give each name one ID, of many Creates at both (R1)', async () => {
    const name = fc.constantFrom('a', 'b', '__proto__');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, fc.boolean()), { maxLength: 20 }), async (creates) => {
        const { one, other } = await two();
        const replies = await Promise.all(
          creates.map(([name, first], i) => ask((first ? one : other).coordinator, create(name, i + 1))),
        );
        for (const [name] of creates) {
          const ids = replies.filter((_, i) => creates[i]![0] === name).map(clusterIdOf);
          expect(new Set(ids).size).toBe(1);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('give the last seat to one of two clients, and report a full cluster to the other (R13)', async () => {
    const { one, other } = await two(register(1), register(2), register(3), create('c', 0xc0, 2), join(3, 'c'));
    const replies = await Promise.all([ask(one.coordinator, join(1, 'c')), ask(other.coordinator, join(2, 'c'))]);
    expect(replies.map(({ kind }) => kind).sort()).toEqual(['cluster', 'refused']);
    expect(replies.find(({ kind }) => kind === 'refused')).toEqual({ kind: 'refused', refusal: 'cluster-full' });
    const winner = replies[0]!.kind === 'cluster' ? 1 : 2;
    const loser = winner === 1 ? other : one;
    expect(await ask(loser.coordinator, getCluster('c'))).toMatchObject({
      which: 3n,
      roster: Uint8Array.from([3, winner].flatMap((client) => [client, 6, 64])),
    });
  });

  it('give a seat each to two clients that want the next one (R6)', async () => {
    const { store, one, other } = await two(register(1), register(2), create('c', 0xc0, 3));
    const replies = await Promise.all([ask(one.coordinator, join(1, 'c')), ask(other.coordinator, join(2, 'c'))]);
    expect(replies.map(({ kind }) => kind)).toEqual(['cluster', 'cluster']);
    const third = over(store);
    await third.coordinator.load();
    expect(whichOf(await ask(third.coordinator, getCluster('c')))).toBe(3n);
  });

  it('refuse the second member of one name, whichever server it asks (R13)', async () => {
    const { one, other } = await two(register(1, 'same'), register(2, 'same'), create('c', 0xc0, 3));
    const replies = await Promise.all([ask(one.coordinator, join(1, 'c')), ask(other.coordinator, join(2, 'c'))]);
    expect(replies.filter(({ kind }) => kind === 'cluster').length).toBe(1);
    expect(replies).toContainEqual({ kind: 'refused', refusal: 'member-name-in-use' });
  });

  it('give an ID registered with two keys to one of them (T11)', async () => {
    const { one, other } = await two();
    const replies = await Promise.all([
      ask(one.coordinator, register(1, 'mine')),
      ask(other.coordinator, register(1, 'theirs', 'bb'.repeat(32))),
    ]);
    expect(replies.filter(({ kind }) => kind === 'registered').length).toBe(1);
    expect(replies).toContainEqual({ kind: 'refused', refusal: 'id-in-use' });
    const find: Command = { kind: 'find-client', clientId: idOf(1) };
    expect(await ask(one.coordinator, find)).toEqual(await ask(other.coordinator, find));
  });

  it('accept two registrations of one ID and key, and keep one of the tokens (T11)', async () => {
    const { store, one, other } = await two();
    const replies = await Promise.all([
      ask(one.coordinator, register(1, 'first')),
      ask(other.coordinator, register(1, 'second')),
    ]);
    expect(replies).toEqual([{ kind: 'registered' }, { kind: 'registered' }]);
    expect((await recordsOf(store)).length).toBe(1);
  });

  it('repeat a query that rested on a lost change (R7)', async () => {
    const { one, other } = await two();
    await ask(one.coordinator, create('c', 0xc1, 5));
    const [created, again, roster] = await other.coordinator.ask([
      create('c', 0xc2),
      create('c', 0xc3),
      getCluster('c'),
    ]);
    expect([created, again, roster].map((reply) => clusterIdOf(reply!))).toEqual(new Array(3).fill(idOf(0xc1)));
  });
});

/** A store in which another server always commits first. */
class StubbornStore implements Store {
  readonly #inner = new MemoryStore();
  stubborn = true;
  commits = 0;

  load(): AsyncIterable<readonly StoredRecord[]> {
    return this.#inner.load();
  }

  async commit(batch: readonly StoreItem[]): Promise<CommitOutcome[]> {
    this.commits += 1;
    const others = batch.flat().map((change) => {
      if (!this.stubborn || change.kind !== 'member') return [];
      const stranger = 0x80 + this.commits;
      const token = Uint8Array.of(stranger);
      return [{ ...change, clientId: idOf(stranger), name: `stranger-${stranger}`, token }];
    });
    await this.#inner.commit(others.flat());
    return this.#inner.commit(batch);
  }

  probe(): Promise<void> {
    return this.#inner.probe();
  }

  size(): number {
    return this.#inner.size();
  }

  room(): number {
    return this.#inner.room();
  }

  backup(): Promise<void> {
    return this.#inner.backup();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

it('refuses a Join that loses its seat too often, and serves it later (E5)', async () => {
  const store = new StubbornStore();
  const { coordinator } = over(store);
  await coordinator.ask([register(1), create('c', 0xc0, 64)]);
  store.commits = 0;
  expect(await ask(coordinator, join(1, 'c'))).toEqual(REFUSED);
  expect(store.commits).toBe(COMMIT_ATTEMPTS_MAX);
  expect(whichOf(await ask(coordinator, getCluster('c')))).toBe(2n ** BigInt(COMMIT_ATTEMPTS_MAX) - 1n);
  store.stubborn = false;
  expect((await ask(coordinator, join(1, 'c'))).kind).toBe('cluster');
  expect(whichOf(await ask(coordinator, getCluster('c')))).toBe(2n ** BigInt(COMMIT_ATTEMPTS_MAX + 1) - 1n);
});
