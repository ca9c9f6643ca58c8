// The cluster table against a plain model: replies, stored changes, undo (E5), expiry, and replay of its changes.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClusterTable } from '../../src/registry/cluster-table.ts';
import type { Change, Command, OperatorCommand, RegisterCommand } from '../../src/registry/command.ts';
import type { Effect } from '../../src/registry/outcome.ts';
import type { TableLimits } from '../../src/registry/time-to-live.ts';
import {
  CLUSTER_IDS,
  create,
  deleteCluster,
  evict,
  findClient,
  getCluster,
  history,
  idOf,
  isPossible,
  join,
  KEY,
  keepCluster,
  leave,
  limits,
  NO_LIMITS,
  NOBODY,
  REGISTRY_ID,
  register,
  wait,
} from './arbitrary-commands.ts';
import { glanceAt, glanceSlowly, inOrder, keyOf, observeSlowly, observeTable } from './observe.ts';
import { applySlowly, expireSlowly, restartSlowly, type SlowTable, slowTable, undoneTo } from './slow-table.ts';

/** More records than any table here has. */
const EVERYTHING = 1_000;

interface Model {
  /** The model's table now, and before each effect that can still be undone. */
  now: SlowTable;
  readonly before: SlowTable[];
  /** Clusters created so far, undone ones included. */
  created: number;
  clock: number;
}

interface Real {
  readonly table: ClusterTable;
  readonly effects: Effect[];
}

type FuzzCommand = fc.Command<Model, Real>;

/** Clients' records come first: a member's token is compared with its client's new one. */
function expectChanges(changes: readonly Change[], expected: readonly Change[]): void {
  expect(changes[0]?.kind).toBe(expected[0]?.kind);
  expect(inOrder(changes)).toEqual(inOrder(expected));
}

function applying(command: Command | OperatorCommand, wait: number): FuzzCommand {
  return {
    check: ({ created }) => isPossible(command, created),
    run(model, { table, effects }) {
      model.clock += wait;
      const makes = command.kind === 'create' || command.kind === 'keep-cluster';
      const fresh = makes ? { ...command, id: CLUSTER_IDS[model.created++]! } : command;
      const expected = applySlowly(model.now, fresh, model.clock);
      const outcome = table.apply(fresh, model.clock);
      expect(outcome.reply).toEqual(expected.reply);
      expectChanges(outcome.changes, expected.changes);
      effects.push(outcome);
      model.before.push(model.now);
      model.now = expected.table;
      expect(glanceAt(table)).toEqual(glanceSlowly(model.now));
    },
    toString: () => `after ${wait}: ${fc.stringify(command)}`,
  };
}

/** One sweep. */
function expiring(wait: number): FuzzCommand {
  return {
    check: () => true,
    run(model, { table, effects }) {
      model.clock += wait;
      const expected = expireSlowly(model.now, model.clock);
      const expired = table.expire(model.clock, EVERYTHING);
      expect(expired.length).toBe(expected.removals.length);
      expect(inOrder(expired.flatMap(({ changes }) => changes))).toEqual(inOrder(expected.removals.flat()));
      const undo = () => {
        for (const effect of expired.toReversed()) effect.undo();
      };
      effects.push({ changes: [], undo });
      model.before.push(model.now);
      model.now = expected.table;
      expect(glanceAt(table)).toEqual(glanceSlowly(model.now));
    },
    toString: () => `expire after ${wait}`,
  };
}

function undoing(count: number): FuzzCommand {
  return {
    check: ({ before }) => before.length >= count,
    run(model, { table, effects }) {
      for (const effect of effects.splice(effects.length - count).toReversed()) effect.undo();
      for (let i = 0; i < count; i++) model.now = undoneTo(model.before.pop()!, model.now);
      expect(glanceAt(table)).toEqual(glanceSlowly(model.now));
    },
    toString: () => `undo ${count}`,
  };
}

it('replies, stores, expires and undoes like the model (T9, T11, R1 to R9, R13, R14, E5)', () => {
  const at = (commands: fc.Arbitrary<Command | OperatorCommand>) =>
    fc.tuple(commands, wait).map((parts) => applying(...parts));
  const commands = fc.commands(
    [
      at(fc.oneof(create, getCluster, findClient)),
      at(create),
      at(register),
      at(register),
      at(join),
      at(join),
      at(join),
      at(getCluster),
      at(evict),
      at(leave),
      at(deleteCluster),
      at(keepCluster),
      wait.map(expiring),
      fc.integer({ min: 1, max: 6 }).map(undoing),
    ],
    { maxCommands: 80, size: 'max' },
  );
  fc.assert(
    fc.property(limits, commands, (limits, commands) => {
      const setup = () => ({
        model: { now: slowTable(REGISTRY_ID, limits), before: [], created: 0, clock: 0 } as Model,
        real: { table: new ClusterTable(REGISTRY_ID, limits, 0), effects: [] } as Real,
      });
      let end: ReturnType<typeof setup> | undefined;
      fc.modelRun(() => {
        end = setup();
        return end;
      }, commands);
      expect(observeTable(end!.real.table)).toEqual(observeSlowly(end!.model.now));
    }),
    { numRuns: 60 },
  );
});

/** A history's changes, in order. */
function changesOf(table: ClusterTable, commands: readonly Command[]): Change[] {
  return commands.flatMap((command) => table.apply(command, 0).changes);
}

function newTable(limits: Partial<TableLimits> = {}): ClusterTable {
  return new ClusterTable(REGISTRY_ID, { ...NO_LIMITS, ...limits }, 0);
}

/** The model without expiry after a history and a restart. */
function restartedAfter(commands: readonly Command[]): SlowTable {
  const end = commands.reduce(
    (table, command) => applySlowly(table, command, 0).table,
    slowTable(REGISTRY_ID, NO_LIMITS),
  );
  return restartSlowly(end, 0);
}

/** Commands with the time before each, and sweeps among them. */
const longHistory = fc.tuple(history, fc.array(fc.tuple(wait, fc.boolean()), { minLength: 40, maxLength: 40 }));

/** A table and a model after such a history, and the stored changes. */
function afterLong(limits: TableLimits, [commands, times]: [Command[], [number, boolean][]]) {
  const table = new ClusterTable(REGISTRY_ID, limits, 0);
  let slow = slowTable(REGISTRY_ID, limits);
  const changes: Change[] = [];
  let clock = 0;
  for (const [i, command] of commands.entries()) {
    const [wait, sweeps] = times[i]!;
    clock += wait;
    changes.push(...table.apply(command, clock).changes);
    slow = applySlowly(slow, command, clock).table;
    if (!sweeps) continue;
    changes.push(...table.expire(clock, EVERYTHING).flatMap(({ changes }) => changes));
    slow = expireSlowly(slow, clock).table;
  }
  return { table, slow, changes, clock };
}

describe('records', () => {
  it('rebuild a fresh table, and change nothing when replayed again (E6)', () => {
    fc.assert(
      fc.property(history, (commands) => {
        const table = newTable();
        const changes = changesOf(table, commands);
        const before = observeTable(table);
        const fresh = newTable();
        for (const change of changes) fresh.replay(change);
        expect(observeTable(fresh)).toEqual(observeSlowly(restartedAfter(commands)));
        for (const change of changes) table.replay(change);
        expect(observeTable(table)).toEqual(before);
      }),
    );
  });

  it('rebuild a fresh table with the removals replayed, too (E6)', () => {
    fc.assert(
      fc.property(limits, longHistory, (limits, history) => {
        const { slow, changes, clock } = afterLong(limits, history);
        const fresh = new ClusterTable(REGISTRY_ID, limits, clock);
        for (const change of changes) fresh.replay(change);
        expect(observeTable(fresh)).toEqual(observeSlowly(restartSlowly(slow, clock)));
      }),
    );
  });

  it('suffice as the last value of each key, clusters before members, and equal records() (E6)', () => {
    fc.assert(
      fc.property(limits, longHistory, (limits, history) => {
        const { table, slow, changes, clock } = afterLong(limits, history);
        const current = new Map<string, Change>();
        for (const change of changes) {
          if (change.kind === 'client-removal') current.delete(keyOf(change));
          else if (change.kind === 'cluster-removal') {
            current.delete(keyOf(change));
            for (const [key, record] of current) {
              if (record.kind === 'member' && record.clusterId === change.id) current.delete(key);
            }
          } else current.set(keyOf(change), change);
        }
        expect(inOrder([...current.values()])).toEqual(inOrder([...table.records()]));
        const fresh = new ClusterTable(REGISTRY_ID, limits, clock);
        for (const kind of ['client', 'cluster', 'member']) {
          for (const change of current.values()) if (change.kind === kind) fresh.replay(change);
        }
        expect(observeTable(fresh)).toEqual(observeSlowly(restartSlowly(slow, clock)));
      }),
    );
  });

  it('come from records() with clients and clusters before members, members by index (E6)', () => {
    fc.assert(
      fc.property(history, (commands) => {
        const table = newTable();
        changesOf(table, commands);
        const fresh = newTable();
        for (const record of table.records()) fresh.replay(record);
        expect(observeTable(fresh)).toEqual(observeSlowly(restartedAfter(commands)));
      }),
    );
  });

  it('give a member without a registration that of its client (E6)', () => {
    const table = newTable();
    table.replay({ ...registration(1, Uint8Array.of(7)), kind: 'client' });
    table.replay({ kind: 'cluster', id: idOf(9), name: 'c', size: 2, endPointCount: 1, attrs: 0n });
    table.replay({ kind: 'seat', clusterId: idOf(9), index: 0, clientId: idOf(1), name: 'n' });
    expect(table.apply(asking(idOf(9)), 0).reply).toMatchObject({ which: 1n, roster: Uint8Array.of(7) });
    expect(table.apply({ kind: 'join', clientId: idOf(1), cluster: { name: 'c' } }, 0).changes).toEqual([]);
  });

  it("of a member have its seat's index: 0, 1, 2 … in the order of the joins (R6)", () => {
    fc.assert(
      fc.property(history, (commands) => {
        const table = newTable();
        const seats = new Map<string, string[]>();
        for (const change of changesOf(table, commands)) {
          if (change.kind !== 'member') continue;
          const clients = seats.get(change.clusterId) ?? [];
          seats.set(change.clusterId, clients);
          if (!clients.includes(change.clientId)) clients.push(change.clientId);
          expect(clients.indexOf(change.clientId)).toBe(change.index);
        }
      }),
    );
  });

  it('do not change when a member joins again with the same token (R6)', () => {
    const table = newTable();
    table.apply(registration(1, Uint8Array.of(1)), 0);
    table.apply(creation('c', 9), 0);
    const again = { kind: 'join', clientId: idOf(1), cluster: { name: 'c' } } as const;
    expect(table.apply(again, 0).changes.map(({ kind }) => kind)).toEqual(['member']);
    expect(table.apply(again, 0).changes).toEqual([]);
  });

  it('do not change when a client registers again with the same token (T12)', () => {
    const table = newTable();
    expect(table.apply(registration(1, Uint8Array.of(1, 2)), 0).changes.length).toBe(1);
    expect(table.apply(registration(1, Uint8Array.of(1, 2)), 0)).toMatchObject({
      reply: { kind: 'registered' },
      changes: [],
    });
    expect(table.apply(registration(1, Uint8Array.of(1, 3)), 0).changes.length).toBe(1);
  });

  it('store a new token with the seats, which keep the old one until the next Join (R6)', () => {
    const table = newTable();
    const [old, fresh] = [Uint8Array.of(1), Uint8Array.of(2)];
    table.apply(registration(1, old), 0);
    for (const [name, id] of [
      ['a', 9],
      ['b', 10],
    ] as const) {
      table.apply(creation(name, id), 0);
      table.apply({ kind: 'join', clientId: idOf(1), cluster: { name } }, 0);
    }
    const { changes } = table.apply(registration(1, fresh), 0);
    expect(changes[0]).toEqual({ ...registration(1, fresh), kind: 'client' });
    const seat = { kind: 'member', index: 0, clientId: idOf(1), name: 'n', token: old };
    expect(inOrder(changes.slice(1))).toEqual([
      { ...seat, clusterId: idOf(9) },
      { ...seat, clusterId: idOf(10) },
    ]);
    expect(table.apply(asking(idOf(9)), 0).reply).toMatchObject({ roster: old });
    const joined = table.apply({ kind: 'join', clientId: idOf(1), cluster: { name: 'a' } }, 0);
    expect(joined.changes).toEqual([{ ...seat, clusterId: idOf(9), token: fresh }]);
    expect(table.apply(asking(idOf(9)), 0).reply).toMatchObject({ roster: fresh });
    expect(table.apply(asking(idOf(10)), 0).reply).toMatchObject({ roster: old });
  });

  it('store an ephemeral client with its first seat, and from then on (T9)', () => {
    const table = newTable();
    const ephemeral = (byte: number) => ({ ...registration(1, Uint8Array.of(byte)), ephemeral: true });
    expect(table.apply(ephemeral(1), 0)).toMatchObject({ reply: { kind: 'registered' }, changes: [] });
    expect([...table.records()]).toEqual([]);
    table.apply(creation('c', 9), 0);
    const join = { kind: 'join', clientId: idOf(1), cluster: { name: 'c' } } as const;
    const first = table.apply(join, 0);
    expect(first.changes.map(({ kind }) => kind)).toEqual(['client', 'member']);
    first.undo();
    expect([...table.records()].map(({ kind }) => kind)).toEqual(['cluster']);
    expect(table.apply(join, 0).changes).toEqual(first.changes);
    expect(table.apply(ephemeral(2), 0).changes.map(({ kind }) => kind)).toEqual(['client', 'member']);
    expect(table.apply(creation('d', 10), 0).changes.length).toBe(1);
    const second = table.apply({ ...join, cluster: { name: 'd' } }, 0);
    expect(second.changes.map(({ kind }) => kind)).toEqual(['member']);
  });

  it('replace our cluster and its members by one that another server stored first (R1)', () => {
    const table = newTable();
    const [ours, theirs] = [1, 2].map((byte) => ({
      kind: 'cluster' as const,
      id: idOf(byte),
      name: 'c',
      size: 3,
      endPointCount: 1,
      attrs: 0n,
    }));
    table.replay(ours!);
    const seat = { kind: 'member', clientId: idOf(7), name: 'n', token: Uint8Array.of(1), index: 0 } as const;
    table.replay({ ...seat, clusterId: ours!.id });
    table.replay(theirs!);
    expect(table.counts).toEqual({ clients: 0, clusters: 1, members: 0 });
    expect(table.apply(asking(ours!.id), 0).reply).toEqual({ kind: 'refused', refusal: 'cluster-id-unknown' });
    const byName = { ...asking(''), cluster: { name: 'c' } };
    expect(table.apply(byName, 0).reply).toMatchObject({ kind: 'roster', which: 0n, cluster: { id: theirs!.id } });
  });
});

function registration(client: number, token: Uint8Array): RegisterCommand {
  const identity = { clientId: idOf(client), name: 'n', sigKeyDigest: KEY } as const;
  return { kind: 'register', ...identity, endPointCount: 1, ephemeral: false, token };
}

function creation(name: string, id: number, attrs = 0n): Command {
  return { kind: 'create', clientId: idOf(1), name, id: idOf(id), size: 3, endPointCount: 1, attrs };
}

/** A GetCluster for all members, by a client or by a non-member. */
function asking(clusterId: string, clientId = NOBODY) {
  const cluster = { id: clusterId };
  return { kind: 'get-cluster', clientId, cluster, which: 9n, cursor: undefined, rosterBytesMax: 9_000 } as const;
}

describe('an eviction', () => {
  const joining = (client: number) => ({ kind: 'join', clientId: idOf(client), cluster: { name: 'c' } }) as const;

  function withMembers(clients: readonly number[]): ClusterTable {
    const table = newTable();
    table.apply(creation('c', 9), 0);
    for (const client of clients) {
      table.apply({ ...registration(client, Uint8Array.of(client)), name: `m${client}` }, 0);
      table.apply(joining(client), 0);
    }
    return table;
  }

  it('empties a seat, moves no other member, and leaves the lowest empty seat to the next Join (R14)', () => {
    const table = withMembers([1, 2, 3]);
    const evicting = { kind: 'evict', cluster: { name: 'c' }, member: { name: 'm1' } } as const;
    const gone = { kind: 'member-removal', clusterId: idOf(9), index: 0, clientId: idOf(1) };
    expect(table.apply(evicting, 0)).toMatchObject({ reply: { kind: 'cluster' }, changes: [gone] });
    expect(table.apply(evicting, 0).reply).toEqual({ kind: 'refused', refusal: 'client-unknown' });
    const all = { ...asking(idOf(9)), which: 2n ** 64n - 1n };
    expect(table.apply(all, 0).reply).toMatchObject({ which: 0b110n, roster: Uint8Array.of(2, 3) });
    table.apply({ ...registration(4, Uint8Array.of(4)), name: 'm4' }, 0);
    expect(table.apply(joining(4), 0).changes).toMatchObject([{ kind: 'member', index: 0, clientId: idOf(4) }]);
    expect(table.apply(joining(1), 0).reply).toEqual({ kind: 'refused', refusal: 'cluster-full' });
    expect(table.counts).toEqual({ clients: 4, clusters: 1, members: 3 });
  });

  it('ends the membership, after which the client may join again (R14)', () => {
    const table = withMembers([1, 2]);
    table.apply({ kind: 'evict', cluster: { id: idOf(9) }, member: { id: idOf(2) } }, 0);
    expect(table.apply(joining(2), 0).changes).toMatchObject([{ kind: 'member', index: 1, clientId: idOf(2) }]);
  });

  it('leaves holes that a replay restores; deleting the cluster removes all its seats (E6)', () => {
    const table = withMembers([1, 2, 3]);
    for (const client of [1, 2]) {
      table.apply({ kind: 'evict', cluster: { name: 'c' }, member: { id: idOf(client) } }, 0);
    }
    const fresh = newTable();
    for (const record of table.records()) fresh.replay(record);
    expect(observeTable(fresh)).toEqual(observeTable(table));
    expect(fresh.apply({ kind: 'delete-cluster', cluster: { name: 'c' } }, 0).changes).toEqual([
      { kind: 'cluster-removal', id: idOf(9), name: 'c', seats: 3 },
    ]);
    expect(fresh.counts).toEqual({ clients: 3, clusters: 0, members: 0 });
  });
});

describe('limits', () => {
  it('refuse a new cluster at the limit, and serve an existing one (R4)', () => {
    const table = newTable({ clusters: 2 });
    const outcomes = ['a', 'b', 'c', 'a'].map((name, i) => table.apply(creation(name, 0x40 + i), 0));
    expect(outcomes.map(({ reply }) => (reply.kind === 'refused' ? reply.refusal : reply.kind))).toEqual([
      'cluster',
      'cluster',
      'registry-full',
      'cluster',
    ]);
    expect(table.counts.clusters).toBe(2);
    outcomes[1]!.undo();
    expect(table.apply(creation('c', 0x50), 0).reply.kind).toBe('cluster');
  });

  it('refuse a new client at the limit, and accept a known one (T11)', () => {
    const table = newTable({ clients: 1 });
    const full = { kind: 'refused', refusal: 'registry-full' };
    expect(table.apply(registration(1, Uint8Array.of(1)), 0).reply.kind).toBe('registered');
    expect(table.apply(registration(2, Uint8Array.of(1)), 0).reply).toEqual(full);
    expect(table.apply({ ...registration(2, Uint8Array.of(1)), ephemeral: true }, 0).reply).toEqual(full);
    expect(table.apply(registration(1, Uint8Array.of(2)), 0).reply.kind).toBe('registered');
    const stranger = { ...registration(1, Uint8Array.of(3)), sigKeyDigest: 'cc'.repeat(32) };
    expect(table.apply(stranger, 0).reply).toEqual({ kind: 'refused', refusal: 'id-in-use' });
  });
});

describe('expiry', () => {
  const TTL = { ephemeralTtlMs: 100, idleRegistrationTtlMs: 1_000 };
  const removals = (effects: readonly Effect[]) => effects.flatMap(({ changes }) => changes);

  it('removes an ephemeral cluster that no member asks for, and no other (R4)', () => {
    const table = newTable(TTL);
    for (const client of [1, 2]) table.apply(registration(client, Uint8Array.of(client)), 0);
    table.apply(creation('ephemeral', 9, 1n), 0);
    table.apply(creation('lasting', 10, 2n ** 63n), 0);
    table.apply({ kind: 'join', clientId: idOf(1), cluster: { name: 'ephemeral' } }, 10);
    table.apply(asking(idOf(9), idOf(1)), 100);
    expect(table.expire(199, EVERYTHING)).toEqual([]);
    for (const clientId of [idOf(2), NOBODY]) table.apply(asking(idOf(9), clientId), 199);
    table.apply(creation('ephemeral', 11), 199);
    const gone = { kind: 'cluster-removal', id: idOf(9), name: 'ephemeral', seats: 1 };
    expect(removals(table.expire(200, EVERYTHING))).toEqual([gone]);
    expect(table.counts).toEqual({ clients: 2, clusters: 1, members: 0 });
    expect(table.apply(asking(idOf(9)), 200).reply).toEqual({ kind: 'refused', refusal: 'cluster-id-unknown' });
    expect(table.apply(creation('ephemeral', 12), 200).reply).toMatchObject({ cluster: { id: idOf(12) } });
  });

  it('removes a client without a seat, sooner if ephemeral, and none with a seat (T9)', () => {
    const table = newTable(TTL);
    const ephemeral = { ephemeral: true } as const;
    for (const client of [1, 2]) table.apply(registration(client, Uint8Array.of(client)), 0);
    for (const client of [3, 4]) table.apply({ ...registration(client, Uint8Array.of(client)), ...ephemeral }, 0);
    table.apply(creation('c', 9), 0);
    for (const client of [1, 3]) {
      const name = `${client}`;
      table.apply({ ...registration(client, Uint8Array.of(client, 1)), name, ephemeral: client === 3 }, 0);
      table.apply({ kind: 'join', clientId: idOf(client), cluster: { name: 'c' } }, 0);
    }
    expect(table.expire(99, EVERYTHING)).toEqual([]);
    expect(table.expire(100, EVERYTHING).map(({ changes }) => changes)).toEqual([[]]);
    expect(table.counts.clients).toBe(3);
    expect(table.expire(999, EVERYTHING)).toEqual([]);
    expect(removals(table.expire(1_000, EVERYTHING))).toEqual([{ kind: 'client-removal', clientId: idOf(2) }]);
    expect(table.expire(1e9, EVERYTHING)).toEqual([]);
    expect(table.counts).toEqual({ clients: 2, clusters: 1, members: 2 });
  });

  it('frees the ID of a removed client (T11)', () => {
    const table = newTable(TTL);
    table.apply(registration(1, Uint8Array.of(1)), 0);
    const stranger = { ...registration(1, Uint8Array.of(2)), sigKeyDigest: 'cc'.repeat(32) };
    expect(table.apply(stranger, 0).reply.kind).toBe('refused');
    table.expire(1_000, EVERYTHING);
    expect(table.apply(stranger, 1_000).reply.kind).toBe('registered');
  });

  it('is undone without loss, and is due again (E5)', () => {
    fc.assert(
      fc.property(limits, longHistory, (limits, history) => {
        const { table, slow, clock } = afterLong(limits, history);
        const before = glanceAt(table);
        const later = clock + 60;
        const effects = table.expire(later, EVERYTHING);
        for (const effect of effects.toReversed()) effect.undo();
        expect(glanceAt(table)).toEqual(before);
        const again = table.expire(later, EVERYTHING);
        expect(inOrder(removals(again))).toEqual(inOrder(removals(effects)));
        expect(glanceAt(table)).toEqual(glanceSlowly(expireSlowly(slow, later).table));
      }),
    );
  });

  it('removes everything in time, however few entries a sweep examines (T9)', () => {
    fc.assert(
      fc.property(limits, longHistory, fc.integer({ min: 1, max: 5 }), fc.nat(9), (limits, history, count, begun) => {
        const { table, slow, clock } = afterLong({ ...limits, clients: 50, clusters: 50 }, history);
        // Sweeps that stand still find nothing due.
        for (let i = 0; i < begun; i++) expect(table.expire(0, count)).toEqual([]);
        const later = clock + 60;
        const { clients, clusters } = table.counts;
        const changes: Change[] = [];
        // Two sweeps each of clusters and then of clients, which lose their seats only with the clusters.
        for (let i = 0; i < 2 * (clients + clusters) + 4; i++) {
          const effects = table.expire(later, count);
          expect(effects.length).toBeLessThanOrEqual(2 * count);
          changes.push(...removals(effects));
        }
        const expected = expireSlowly(slow, later);
        expect(inOrder(changes)).toEqual(inOrder(expected.removals.flat()));
        expect(glanceAt(table)).toEqual(glanceSlowly(expected.table));
      }),
    );
  });

  it('removes a cluster without members, from its creation or last eviction on, unless kept (R4)', () => {
    const table = newTable({ emptyClusterTtlMs: 100 });
    table.apply(registration(1, Uint8Array.of(1)), 0);
    for (const [i, name] of ['empty', 'joined', 'left', 'kept'].entries()) table.apply(creation(name, 0x40 + i), 0);
    for (const name of ['joined', 'left']) table.apply({ kind: 'join', clientId: idOf(1), cluster: { name } }, 10);
    const { kind: _, clientId: __, ...shape } = creation('kept', 0x50) as Command & { kind: 'create' };
    const kept = { ...shape, id: idOf(0x43), kind: 'cluster', keep: true };
    expect(table.apply({ ...shape, kind: 'keep-cluster' }, 20).changes).toEqual([kept]);
    expect(table.apply({ ...shape, kind: 'keep-cluster' }, 20).changes).toEqual([]);
    // A Create of an existing cluster, and a look at it, do not count as uses.
    table.apply(creation('empty', 0x60), 50);
    table.apply(asking(idOf(0x40), idOf(1)), 50);
    table.apply({ kind: 'evict', cluster: { name: 'left' }, member: { id: idOf(1) } }, 60);
    expect(table.expire(99, EVERYTHING)).toEqual([]);
    expect(removals(table.expire(100, EVERYTHING))).toMatchObject([{ name: 'empty' }]);
    expect(removals(table.expire(159, EVERYTHING))).toEqual([]);
    expect(removals(table.expire(160, EVERYTHING))).toMatchObject([{ name: 'left' }]);
    expect(removals(table.expire(1e9, EVERYTHING))).toEqual([]);
    expect(table.counts.clusters).toBe(2);
  });

  it('limits the clusters that one client creates, not counting removed ones (R4)', () => {
    const table = newTable({ clustersPerClient: 2, emptyClusterTtlMs: 100 });
    table.apply(registration(1, Uint8Array.of(1)), 0);
    const make = (id: number, now: number) => table.apply(creation(`c${id}`, id), now);
    expect([0x40, 0x41].map((id) => make(id, 0).reply.kind)).toEqual(['cluster', 'cluster']);
    expect(make(0x42, 0).reply).toEqual({ kind: 'refused', refusal: 'clusters-per-client' });
    expect(make(0x40, 0).reply.kind).toBe('cluster');
    table.apply({ kind: 'delete-cluster', cluster: { name: 'c64' } }, 0);
    const made = make(0x43, 50);
    expect(make(0x44, 50).reply.kind).toBe('refused');
    made.undo();
    expect(make(0x44, 50).reply.kind).toBe('cluster');
    table.expire(100, EVERYTHING);
    expect(make(0x45, 100).reply.kind).toBe('cluster');
  });

  it('removes long-idle entries sooner in a full table, and refuses no newcomer (R4)', () => {
    const MINUTE = 60_000;
    const MOST = 40;
    const table = newTable({
      ...{ clusters: MOST, clients: MOST, emptyClusterTtlMs: 60 * MINUTE, idleRegistrationTtlMs: 60 * MINUTE },
    });
    const register = (id: number, now: number) => {
      const clientId = id.toString(16).padStart(64, '0');
      return table.apply({ ...registration(1, Uint8Array.of(1)), clientId, name: `n${id}` }, now).reply.kind;
    };
    const make = (id: number, now: number) => {
      const command = { ...creation(`c${id}`, 1), id: `cc${id.toString(16).padStart(62, '0')}` } as Command;
      return table.apply(command, now).reply.kind;
    };
    // A cluster with its one member, and a kept cluster, both of which stay.
    register(1, 0);
    make(1, 0);
    table.apply({ kind: 'join', clientId: '1'.padStart(64, '0'), cluster: { name: 'c1' } }, 0);
    const { kind: _, clientId: __, ...shape } = creation('kept', 0x50) as Command & { kind: 'create' };
    table.apply({ ...shape, kind: 'keep-cluster' }, 0);
    for (let minute = 2; minute < 1_000; minute++) {
      const now = minute * MINUTE;
      expect([register(minute, now), make(minute, now)]).toEqual(['registered', 'cluster']);
      for (const { changes } of table.expire(now, EVERYTHING)) {
        // Only of those idle for long.
        for (const change of changes) {
          const cluster = change.kind === 'cluster-removal' && Number(change.name.slice(1));
          const client = change.kind === 'client-removal' && Number.parseInt(change.clientId, 16);
          expect(minute - (cluster || client || minute)).toBeGreaterThan(20);
        }
      }
    }
    expect(table.counts.clusters).toBeGreaterThan(0.9 * MOST);
    expect(table.counts.clients).toBeGreaterThan(0.9 * MOST);
    for (const name of ['c1', 'kept']) expect(table.showCluster({ name })).toBeDefined();
  });

  it('tells how long a member has been idle, and nothing of one not used since the load', () => {
    const table = newTable();
    const { clientId } = registration(1, Uint8Array.of(1));
    const idle = (now: number) => table.showCluster({ name: 'c' }, now)!.members.map(({ idleMs }) => idleMs);
    table.apply(registration(1, Uint8Array.of(1)), 10);
    table.apply(creation('c', 0x40), 20);
    table.apply({ kind: 'join', clientId, cluster: { name: 'c' } }, 30);
    expect(idle(50)).toEqual([20]);
    // A look is no use.
    expect(idle(70)).toEqual([40]);
    const records = [...table.records()];
    table.reset(records, 100);
    expect(idle(150)).toEqual([undefined]);
    table.apply({ kind: 'find-client', clientId }, 160);
    expect(idle(170)).toEqual([10]);
  });

  it('removes nothing early in a table with room, nor within five minutes in a full one (R4)', () => {
    const table = newTable({ clusters: 10, emptyClusterTtlMs: 3_600_000 });
    for (let i = 0; i < 9; i++) table.apply(creation(`c${i}`, 0x40 + i), 0);
    expect(table.expire(3_599_999, EVERYTHING)).toEqual([]);
    const full = newTable({ clusters: 2, emptyClusterTtlMs: 3_600_000 });
    for (let i = 0; i < 2; i++) full.apply(creation(`c${i}`, 0x40 + i), 0);
    expect(full.expire(299_999, EVERYTHING)).toEqual([]);
    expect(removals(full.expire(300_000, EVERYTHING))).toMatchObject([{ name: 'c0' }]);
  });

  it('counts loaded entries as just used, so that an outage expires none (E6)', () => {
    const table = new ClusterTable(REGISTRY_ID, { ...NO_LIMITS, ...TTL }, 5_000);
    table.replay({ ...registration(1, Uint8Array.of(1)), kind: 'client' });
    table.replay({ kind: 'cluster', id: idOf(9), name: 'c', size: 2, endPointCount: 1, attrs: 1n });
    expect(table.expire(5_099, EVERYTHING)).toEqual([]);
    expect(removals(table.expire(5_100, EVERYTHING))).toMatchObject([{ kind: 'cluster-removal' }]);
    expect(removals(table.expire(6_000, EVERYTHING))).toMatchObject([{ kind: 'client-removal' }]);
  });
});

it('fills a cluster with 64 members, each with its bit in Which (R2)', () => {
  const table = newTable();
  table.apply({ ...creation('c', 0xcc), size: 64 } as Command, 0);
  const joins = Array.from({ length: 65 }, (_, i) => {
    const clientId = idOf(i + 1);
    const client = { clientId, name: `node-${i}`, sigKeyDigest: KEY, endPointCount: 1, ephemeral: true } as const;
    table.apply({ kind: 'register', ...client, token: Uint8Array.of(i) }, 0);
    return table.apply({ kind: 'join', clientId, cluster: { name: 'c' } }, 0).reply.kind;
  });
  expect(joins).toEqual([...new Array(64).fill('cluster'), 'refused']);
  const all = { ...asking(idOf(0xcc)), which: 2n ** 64n - 1n, rosterBytesMax: 64 };
  expect(table.apply(all, 0).reply).toMatchObject({ which: 2n ** 64n - 1n, next: 0 });
});
