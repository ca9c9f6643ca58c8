// The cluster table against an obvious one: replies, undoing (E5), and what it is to be filled again from its changes.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClusterTable, type Outcome } from '../../src/registry/cluster-table.ts';
import type { Change, Command } from '../../src/registry/command.ts';
import {
  CLIENT_IDS,
  CLUSTER_IDS,
  create,
  findClient,
  getCluster,
  history,
  idOf,
  isPossible,
  join,
  REGISTRY_ID,
  register,
} from './arbitrary-commands.ts';
import { observe, observeTable } from './observe.ts';
import { applySlowly, type SlowTable } from './slow-table.ts';

const EMPTY: SlowTable = { registryId: REGISTRY_ID, clients: [], clusters: [] };

/** What can be seen of the obvious table. */
function observeSlowly(table: SlowTable) {
  const members = table.clusters.reduce((sum, cluster) => sum + cluster.members.length, 0);
  return {
    replies: observe((command) => applySlowly(table, command)[0]),
    counts: { clients: table.clients.length, clusters: table.clusters.length, members },
  };
}

interface Model {
  /** The table now, and before each outcome that can still be undone. */
  now: SlowTable;
  readonly before: SlowTable[];
  /** Clusters created so far, those undone included. */
  created: number;
}

interface Real {
  readonly table: ClusterTable;
  readonly outcomes: Outcome[];
}

type FuzzCommand = fc.Command<Model, Real>;

function applying(command: Command): FuzzCommand {
  return {
    check: ({ created }) => isPossible(command, created),
    run(model, { table, outcomes }) {
      const fresh = command.kind === 'create' ? { ...command, id: CLUSTER_IDS[model.created++]! } : command;
      const [reply, after] = applySlowly(model.now, fresh);
      const outcome = table.apply(fresh);
      expect(outcome.reply).toEqual(reply);
      outcomes.push(outcome);
      model.before.push(model.now);
      model.now = after;
      expect(observeTable(table)).toEqual(observeSlowly(model.now));
    },
    toString: () => fc.stringify(command),
  };
}

function undoing(count: number): FuzzCommand {
  return {
    check: ({ before }) => before.length >= count,
    run(model, { table, outcomes }) {
      for (const outcome of outcomes.splice(outcomes.length - count).reverse()) outcome.undo();
      model.now = model.before.splice(model.before.length - count)[0]!;
      expect(observeTable(table)).toEqual(observeSlowly(model.now));
    },
    toString: () => `undo ${count}`,
  };
}

it('T11, R1 to R9, R13, E5: answers as the obvious table does, and undoes any number of outcomes', () => {
  const commands = fc.commands(
    [
      fc.oneof(create, getCluster, findClient).map(applying),
      register.map(applying),
      register.map(applying),
      join.map(applying),
      join.map(applying),
      join.map(applying),
      fc.integer({ min: 1, max: 6 }).map(undoing),
    ],
    { maxCommands: 80, size: 'max' },
  );
  fc.assert(
    fc.property(commands, (commands) => {
      const setup = () => ({
        model: { now: EMPTY, before: [], created: 0 } as Model,
        real: { table: new ClusterTable(REGISTRY_ID), outcomes: [] } as Real,
      });
      fc.modelRun(setup, commands);
    }),
    { numRuns: 60 },
  );
});

/** What a history changes, in its order. */
function changesOf(table: ClusterTable, commands: readonly Command[]): Change[] {
  return commands.flatMap((command) => table.apply(command).change ?? []);
}

describe('records', () => {
  it('E6: a fresh table that absorbs all changes is the same table', () => {
    fc.assert(
      fc.property(history, (commands) => {
        const table = new ClusterTable(REGISTRY_ID);
        const changes = changesOf(table, commands);
        const fresh = new ClusterTable(REGISTRY_ID);
        for (const change of changes) fresh.absorb(change);
        expect(observeTable(fresh)).toEqual(observeTable(table));
        for (const change of changes) table.absorb(change);
        expect(observeTable(fresh)).toEqual(observeTable(table));
      }),
    );
  });

  it('E6: what stands under each key at the end is enough, clusters before members', () => {
    fc.assert(
      fc.property(history, (commands) => {
        const table = new ClusterTable(REGISTRY_ID);
        const standing = new Map<string, Change>();
        for (const change of changesOf(table, commands)) {
          const key =
            change.kind === 'client'
              ? change.clientId
              : change.kind === 'cluster'
                ? change.id
                : `${change.clusterId} ${change.index}`;
          standing.set(`${change.kind} ${key}`, change);
        }
        const fresh = new ClusterTable(REGISTRY_ID);
        for (const kind of ['client', 'cluster', 'member']) {
          for (const change of standing.values()) if (change.kind === kind) fresh.absorb(change);
        }
        expect(observeTable(fresh)).toEqual(observeTable(table));
      }),
    );
  });

  it('R6: every change of a member has the index of its seat, 0, 1, 2 … as they joined', () => {
    fc.assert(
      fc.property(history, (commands) => {
        const table = new ClusterTable(REGISTRY_ID);
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

  it('R6: joining again with the same token changes nothing that would have to be stored', () => {
    const table = new ClusterTable(REGISTRY_ID);
    const [clientId] = CLIENT_IDS;
    const token = Uint8Array.of(1);
    const registration = { kind: 'register', clientId: clientId!, name: 'n', sigKeyDigest: 'k' } as const;
    table.apply({ ...registration, endPointCount: 1, ephemeral: false, token });
    table.apply({ kind: 'create', name: 'c', id: idOf(9), size: 2, endPointCount: 1, attrs: 0n });
    const again = { kind: 'join', clientId: clientId!, cluster: { name: 'c' } } as const;
    expect(table.apply(again).change?.kind).toBe('member');
    expect(table.apply(again).change).toBeUndefined();
  });

  it('R1: a cluster that another server stored first takes the place of ours, members and all', () => {
    const table = new ClusterTable(REGISTRY_ID);
    const [ours, theirs] = [1, 2].map((byte) => ({
      kind: 'cluster' as const,
      id: idOf(byte),
      name: 'c',
      size: 3,
      endPointCount: 1,
      attrs: 0n,
    }));
    table.absorb(ours!);
    const seat = { kind: 'member', clientId: idOf(7), name: 'n', token: Uint8Array.of(1), index: 0 } as const;
    table.absorb({ ...seat, clusterId: ours!.id });
    table.absorb(theirs!);
    expect(table.counts).toEqual({ clients: 0, clusters: 1, members: 0 });
    const find = (cluster: { id: string } | { name: string }) =>
      table.apply({ kind: 'get-cluster', cluster, which: 1n, goOn: undefined, rosterBytesMax: 9 }).reply;
    expect(find({ id: ours!.id })).toEqual({ kind: 'refused', refusal: 'cluster-id-unknown' });
    expect(find({ name: 'c' })).toMatchObject({ kind: 'roster', which: 0n, cluster: { id: theirs!.id } });
  });
});

it('R2: a full cluster has 64 members, and Which a bit for each', () => {
  const table = new ClusterTable(REGISTRY_ID);
  table.apply({ kind: 'create', name: 'c', id: idOf(0xcc), size: 64, endPointCount: 1, attrs: 0n });
  const joins = Array.from({ length: 65 }, (_, i) => {
    const clientId = idOf(i + 1);
    const client = { clientId, name: `node-${i}`, sigKeyDigest: 'k', endPointCount: 1, ephemeral: true } as const;
    table.apply({ kind: 'register', ...client, token: Uint8Array.of(i) });
    return table.apply({ kind: 'join', clientId, cluster: { name: 'c' } }).reply.kind;
  });
  expect(joins).toEqual([...new Array(64).fill('cluster'), 'refused']);
  const all = { kind: 'get-cluster', cluster: { name: 'c' }, which: 2n ** 64n - 1n, goOn: undefined } as const;
  expect(table.apply({ ...all, rosterBytesMax: 64 }).reply).toMatchObject({ which: 2n ** 64n - 1n, next: 0 });
});
