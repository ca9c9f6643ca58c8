// The roster cache shows workers exactly the coordinator's replies, and never a page that is being written.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { Coordinator } from '../../src/coordinator/coordinator.ts';
import { newRosterCacheMemory } from '../../src/coordinator/roster-cache/page.ts';
import { RosterCacheReader } from '../../src/coordinator/roster-cache/reader.ts';
import { RosterCache } from '../../src/coordinator/roster-cache/writer.ts';
import { ClusterTable } from '../../src/registry/cluster-table.ts';
import type {
  ClusterRecord,
  Command,
  GetClusterCommand,
  MemberRecord,
  OperatorCommand,
  Reply,
} from '../../src/registry/command.ts';
import { MemoryStore } from '../../src/store/memory/memory-store.ts';
import type { Store } from '../../src/store/store.ts';
import {
  CLIENT_IDS,
  CLUSTER_IDS,
  deleteCluster,
  evict,
  history,
  idOf,
  isPossible,
  NAMES,
  NO_LIMITS,
  NOBODY,
  REGISTRY_ID,
} from '../registry/arbitrary-commands.ts';
import { createWith, join as joinWith, OWNER, read, register as registerOwner, spec } from '../registry/token-world.ts';
import { create, getCluster, join, register } from './asking.ts';
import { GatedStore } from './gated-store.ts';

const ALL = 2n ** 64n - 1n;
const HISTORY = '0123456789abcdef';

/** A coordinator over a store, and the replies that its roster cache gives a worker. */
function shown(store: Store = new MemoryStore(), pages?: number) {
  const memory = newRosterCacheMemory(pages);
  const table = new ClusterTable(REGISTRY_ID, NO_LIMITS, 0);
  const nothing = () => {};
  const observer = {
    ...{
      batch: nothing,
      filled: nothing,
      replaced: nothing,
      displaced: nothing,
      expired: nothing,
      full: nothing,
      unreachable: nothing,
      answerable: nothing,
    },
    broken(error: unknown) {
      throw error;
    },
  };
  const rosterCache = new RosterCache(memory);
  const coordinator = new Coordinator(table, store, observer, () => 0, rosterCache);
  const reader = new RosterCacheReader(memory, 0);
  return { coordinator, rosterCache, answer: (command: Command) => reader.answer(command, copied) };
}

/** A copy outside the shared memory. */
function copied(reply: Reply): Reply {
  return reply.kind === 'roster' ? { ...reply, roster: Uint8Array.from(reply.roster) } : reply;
}

/** All questions of a worker in the small world, in an RSA dialect and in the sealed one. */
const QUESTIONS: readonly Command[] = [
  ...[...CLIENT_IDS, NOBODY].flatMap((clientId) =>
    [...NAMES.map((name) => ({ name })), ...CLUSTER_IDS.map((id) => ({ id }))].flatMap((cluster) =>
      [40, 100_000].flatMap((rosterBytesMax): Command[] => {
        const which = rosterBytesMax === 40 ? 0x5n : ALL;
        const asked = { kind: 'get-cluster', clientId, cluster, which, rosterBytesMax } as const;
        const question = { ...asked, cursor: { clusterId: CLUSTER_IDS[0]!, from: 1 } };
        return [question, { ...question, sealed: true }];
      }),
    ),
  ),
  ...NAMES.map((name): Command => ({ ...(create(name, 0xf0) as Command & { kind: 'create' }), endPointCount: 2 })),
];

/** The commands of a history, with operators' commands among them. */
const doings = fc
  .tuple(history, fc.array(fc.tuple(fc.nat(40), fc.oneof(evict, evict, deleteCluster)), { maxLength: 6 }))
  .map(([commands, operators]) => {
    const all: (Command | OperatorCommand)[] = [...commands];
    for (const [at, command] of operators) all.splice(Math.min(at, all.length), 0, command);
    return all;
  })
  // Drops histories in which an operator's command makes a later one impossible.
  .filter((all) => {
    let created = 0;
    return all.every((command) => isPossible(command, command.kind === 'create' ? created++ : created));
  });

describe('the roster cache', () => {
  // On few pages clusters and names must share them.
  it.each([1, 2, 3])("gives the coordinator's replies after every batch, on %i pages (R6, R8, R9)", async (pages) => {
    let [answered, sealed] = [0, 0];
    const cuts = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(doings, cuts, async (commands, cuts) => {
        const { coordinator, rosterCache, answer } = shown(new MemoryStore(), pages);
        const plain = new ClusterTable(REGISTRY_ID, NO_LIMITS, 0);
        for (const one of [rosterCache, plain]) one.beginHistory(HISTORY);
        const rest = [...commands];
        for (let cut = 0; rest.length > 0; cut++) {
          const batch = rest.splice(0, cuts[cut % cuts.length]);
          await coordinator.ask(batch);
          for (const command of batch) plain.apply(command, 0);
          // The first sealed reader brings the roster states up to date.
          if (cut % 2 === 0) await coordinator.ask(QUESTIONS.filter(({ kind }) => kind === 'get-cluster'));
          for (const question of QUESTIONS) {
            const reply = answer(question);
            if (reply === undefined) continue;
            if (question.kind === 'get-cluster' && question.sealed) sealed += 1;
            answered += 1;
            const { reply: expected, changes } = plain.apply(question, 0);
            expect(changes).toEqual([]);
            expect(reply).toEqual(copied(expected));
          }
        }
      }),
      { numRuns: 100 },
    );
    // Fewer would mean that the histories miss the cache.
    expect(answered).toBeGreaterThan(50);
    expect(sealed).toBeGreaterThan(50);
  });

  it.each([32, 33, 64])('gives as many of %i members as the coordinator, from any index (R8, R9)', async (size) => {
    const { coordinator, answer } = shown();
    const plain = new ClusterTable(REGISTRY_ID, NO_LIMITS, 0);
    const token = (client: number) => new Uint8Array(20 + client).fill(client);
    const members = Array.from({ length: size }, (_, i) => i + 1);
    const commands = [
      create('c', 0xc1, size),
      ...members.flatMap((client) => [{ ...register(client), token: token(client) } as Command, join(client, 'c')]),
    ];
    await coordinator.ask(commands);
    for (const command of commands) plain.apply(command, 0);
    const bytes = members.reduce((sum, client) => sum + token(client).length, 0);
    for (const rosterBytesMax of [bytes, bytes - 1, 100]) {
      for (const which of [ALL, (1n << BigInt(size)) - 1n, ALL ^ 4n, ALL >> 1n, 1n << BigInt(size - 1)]) {
        for (const from of [0, 1, 31, size - 1, size, 200]) {
          const cursor = { clusterId: idOf(0xc1), from };
          const question = { ...getCluster('c', idOf(1)), which, cursor, rosterBytesMax } as Command;
          expect(answer(question)).toEqual(copied(plain.apply(question, 0).reply));
        }
      }
    }
  });

  it('shows a cluster from its creation on, to its next creator and its members', async () => {
    const { coordinator, answer } = shown();
    await coordinator.ask([register(1), register(2), create('c', 0xc1)]);
    expect(answer(create('c', 0xc2))).toMatchObject({ kind: 'cluster', cluster: { id: idOf(0xc1), size: 3 } });
    expect(answer(getCluster('c', idOf(1)))).toBeUndefined();
    await coordinator.ask([join(1, 'c')]);
    expect(answer(getCluster('c', idOf(1)))).toMatchObject({ kind: 'roster', which: 0b1n });
    await coordinator.ask([join(2, 'c')]);
    expect(answer(getCluster('c', idOf(1)))).toMatchObject({ kind: 'roster', which: 0b11n });
    expect(answer(getCluster('c', NOBODY))).toBeUndefined();
    expect(answer(getCluster('d', idOf(1)))).toBeUndefined();
    expect(answer(join(1, 'c'))).toBeUndefined();
  });

  it('shows the members of a cluster that an operator keeps, cached before or not (R4)', async () => {
    const { coordinator, rosterCache, answer } = shown();
    await coordinator.ask([register(1), create('c', 0xc1), join(1, 'c'), getCluster('c', idOf(1))]);
    const before = answer(getCluster('c', idOf(1)));
    expect(before).toMatchObject({ kind: 'roster', which: 1n });
    const keep = { kind: 'keep-cluster', name: 'c', id: idOf(0xc2), size: 3, endPointCount: 1, attrs: 0n } as const;
    await coordinator.ask([keep]);
    expect(answer(getCluster('c', idOf(1)))).toEqual(before);
    await coordinator.ask([{ ...keep, name: 'd' }]);
    rosterCache.clear();
    await coordinator.ask([create('e', 0xe1), join(1, 'e'), getCluster('e', idOf(1))]);
    rosterCache.clear();
    await coordinator.ask([{ ...keep, name: 'e' }]);
    expect(answer(getCluster('e', idOf(1)))).toMatchObject({ kind: 'roster', which: 1n });
  });

  it('finds a cluster by name again after another took its place', async () => {
    const { coordinator, answer } = shown();
    await coordinator.ask([create('Aa', 0xc1), create('BB', 0xd1)]);
    expect([answer(create('Aa', 0xe1)), answer(create('BB', 0xe1))]).toMatchObject([undefined, { kind: 'cluster' }]);
    await coordinator.ask([create('Aa', 0xe1)]);
    expect([answer(create('Aa', 0xe1)), answer(create('BB', 0xe1))]).toMatchObject([{ kind: 'cluster' }, undefined]);
  });

  it('shows no ephemeral cluster, whose life depends on requests to the coordinator (R4)', async () => {
    const { coordinator, answer } = shown();
    await coordinator.ask([register(1), create('c', 0xc1, 3, 1n), join(1, 'c'), getCluster('c', idOf(1))]);
    expect(answer(getCluster('c', idOf(1)))).toBeUndefined();
    expect(answer(create('c', 0xc2))).toBeUndefined();
  });

  it('shows no cluster that admits by join tokens, and answers no Create with tokens (A2, A3)', async () => {
    const { coordinator, answer } = shown();
    await coordinator.ask([registerOwner(OWNER), createWith([spec('t')]), create('open', 0xd0)]);
    await coordinator.ask([joinWith(OWNER, 't'), read(OWNER), getCluster('open')]);
    expect(answer(read(OWNER))).toBeUndefined();
    expect(answer(create('c', 0xc1))).toBeUndefined();
    expect(answer(create('open', 0xd1))).toMatchObject({ kind: 'cluster' });
    expect(answer({ ...createWith([spec('t')]), name: 'open' } as Command)).toBeUndefined();
  });

  it('shows the members that remain after an eviction, to them alone (R14)', async () => {
    const { coordinator, answer } = shown();
    await coordinator.ask([register(1), register(2), create('c', 0xc1), join(1, 'c'), join(2, 'c')]);
    await coordinator.ask([{ kind: 'evict', cluster: { name: 'c' }, member: { id: idOf(1) } }]);
    expect(answer(getCluster('c', idOf(2)))).toMatchObject({ which: 0b10n });
    expect(answer(getCluster('c', idOf(1)))).toBeUndefined();
    // Takes the hole in front of the other seat.
    await coordinator.ask([join(1, 'c')]);
    expect(answer(getCluster('c', idOf(1)))).toMatchObject({ which: 0b11n });
    await coordinator.ask([{ kind: 'delete-cluster', cluster: { name: 'c' } }]);
    expect(answer(getCluster('c', idOf(1)))).toBeUndefined();
    expect(answer(create('c', 0xc2))).toBeUndefined();
  });

  it('shows the token of a member that joined again (T11)', async () => {
    const { coordinator, answer } = shown();
    await coordinator.ask([register(1), create('c', 0xc1), join(1, 'c')]);
    await coordinator.ask([register(1, 'other'), join(1, 'c'), getCluster('c', idOf(1))]);
    expect(answer(getCluster('c', idOf(1)))).toMatchObject({ roster: Uint8Array.of(1, 5, 64) });
  });

  it('shows no cluster whose tokens exceed a page, and serves the others', async () => {
    const { coordinator, answer } = shown();
    const token = (length: number) => new Uint8Array(length).fill(7);
    await coordinator.ask([create('c', 0xc1), create('d', 0xd1)]);
    for (const client of [1, 2]) {
      await coordinator.ask([{ ...register(client), token: token(40_000) } as Command, join(client, 'c')]);
    }
    expect(answer(getCluster('c', idOf(1)))).toBeUndefined();
    await coordinator.ask([getCluster('c', idOf(1)), join(1, 'd')]);
    expect(answer(getCluster('c', idOf(1)))).toBeUndefined();
    expect(answer({ ...getCluster('d', idOf(1)), rosterBytesMax: 1e6 } as Command)).toMatchObject({ which: 0b1n });
  });

  it('never publishes uncommitted or rolled-back changes (E6)', async () => {
    const store = new GatedStore();
    const { coordinator, answer } = shown(store);
    const stored = async (commands: Command[], end: 'pass' | 'fail') => {
      const replies = coordinator.ask(commands);
      const gate = await store.nextCommit();
      const before = answer(getCluster('c', idOf(1)));
      gate[end]();
      await replies;
      return before;
    };
    await stored([register(1), register(2), create('c', 0xc1), join(1, 'c')], 'pass');
    for (const end of ['fail', 'pass'] as const) {
      expect(await stored([join(2, 'c'), create('d', 0xd1)], end)).toMatchObject({ which: 0b1n });
      expect(answer(getCluster('c', idOf(1)))).toMatchObject({ which: end === 'pass' ? 0b11n : 0b1n });
      expect(answer(create('d', 0xd2))?.kind).toBe(end === 'pass' ? 'cluster' : undefined);
    }
  });
});

it('shows a cluster as the other server stored it first (R4)', async () => {
  const store = new MemoryStore();
  const { coordinator, answer } = shown(store);
  await coordinator.ask([register(1), create('b', 0xb1), join(1, 'b')]);
  const first: ClusterRecord = { kind: 'cluster', id: idOf(0xc1), name: 'c', size: 9, endPointCount: 1, attrs: 0n };
  await store.commit([first]);
  await coordinator.ask([create('c', 0xc2), join(1, 'c')]);
  expect(answer(create('c', 0xc3))).toMatchObject({ cluster: { id: idOf(0xc1), size: 9 } });
  expect(answer({ ...getCluster('c', idOf(1)), cluster: { id: idOf(0xc2) } } as Command)).toBeUndefined();
});

/** Clusters of one page: the bits of their IDs that choose it are equal. */
function rivals(count: number): ClusterRecord[] {
  return Array.from({ length: count }, (_, i) => {
    const id = `${(i * 0x10000).toString(16).padStart(8, '0')}${'c'.repeat(56)}`;
    return { kind: 'cluster', id, name: `rival-${i}`, size: 64, endPointCount: 1, attrs: 0n };
  });
}

function memberOf(cluster: ClusterRecord, index: number, token: Uint8Array): MemberRecord {
  return { kind: 'member', clusterId: cluster.id, index, clientId: idOf(index), name: `${index}`, token };
}

function askFor(cluster: ClusterRecord): GetClusterCommand {
  const rest = { which: ALL, cursor: undefined, rosterBytesMax: 1e6 };
  return { kind: 'get-cluster', clientId: idOf(0), cluster: { id: cluster.id }, ...rest };
}

/** A roster cache that shows a cluster with a member of this token, and a rival for its page. */
function onePage(...token: number[]) {
  const memory = newRosterCacheMemory();
  const [rosterCache, reader, second] = [
    new RosterCache(memory),
    new RosterCacheReader(memory, 0),
    new RosterCacheReader(memory, 1),
  ];
  const [one, other] = rivals(2) as [ClusterRecord, ClusterRecord];
  rosterCache.apply(one);
  rosterCache.apply(memberOf(one, 0, Uint8Array.from(token)));
  return { rosterCache, reader, second, one, other };
}

describe('a cache page', () => {
  it('keeps a cluster against a rival that is asked for once', async () => {
    const { coordinator, answer } = shown(new MemoryStore(), 1);
    await coordinator.ask([register(1), create('c', 0xc1), create('d', 0xd1), join(1, 'c'), join(1, 'd')]);
    const [c, d] = [getCluster('c', idOf(1)), getCluster('d', idOf(1))];
    await coordinator.ask([c]);
    expect(answer(c)).toBeDefined();
    await coordinator.ask([d]);
    expect(answer(c)).toBeDefined();
    await coordinator.ask([d]);
    await coordinator.ask([d]);
    expect([answer(c), answer(d)]).toMatchObject([undefined, { kind: 'roster' }]);
  });

  it('rejects a cluster that does not fit', async () => {
    const { coordinator, answer } = shown(new MemoryStore(), 1);
    await coordinator.ask([register(1), create('d', 0xd1), create('c', 0xc1), join(1, 'd')]);
    const token = new Uint8Array(70_000);
    await coordinator.ask([{ ...register(2), token } as Command, join(2, 'd'), getCluster('c', idOf(1))]);
    expect(answer(create('c', 0xc2))).toBeDefined();
    for (let again = 0; again < 3; again++) await coordinator.ask([getCluster('d', idOf(1))]);
    expect([answer(create('c', 0xc2))?.kind, answer(getCluster('d', idOf(1)))]).toEqual(['cluster', undefined]);
  });

  it('is not read if it is invalidated as a reader begins', () => {
    const { rosterCache, reader, one } = onePage(1);
    expect(reader.answer(askFor(one), () => true)).toBe(true);
    const { store } = Atomics as { store(words: Int32Array, place: number, value: number): number };
    const spy = vi.spyOn(Atomics as { store: typeof store }, 'store').mockImplementationOnce((words, place, value) => {
      rosterCache.apply({ kind: 'member-removal', clusterId: one.id, index: 0, clientId: idOf(0) });
      return store(words, place, value);
    });
    expect(reader.answer(askFor(one), () => true)).toBeUndefined();
    expect(spy).toHaveBeenCalled();
    spy.mockRestore();
  });

  it("serves no client whose ID only begins like a member's", () => {
    const { reader, one } = onePage(1);
    const ids = [idOf(0), `${idOf(0).slice(2)}01`, idOf(0).slice(24)];
    const seen = ids.map((clientId) => reader.answer({ ...askFor(one), clientId }, () => true));
    expect(seen).toEqual([true, undefined, undefined]);
  });

  it('is not written while it is read, and takes the next cluster after that', () => {
    const { rosterCache, reader, second, one, other } = onePage(1, 1, 1);
    const seen = reader.answer(askFor(one), (reply) => {
      rosterCache.apply(other);
      rosterCache.apply(memberOf(other, 0, Uint8Array.of(2, 2, 2)));
      expect(second.answer(askFor(one), () => true)).toBeUndefined();
      return copied(reply);
    });
    expect(seen).toMatchObject({ roster: Uint8Array.of(1, 1, 1) });
    expect(reader.answer(askFor(other), () => true)).toBeUndefined();
    rosterCache.apply(other);
    rosterCache.apply(memberOf(other, 0, Uint8Array.of(2, 2, 2)));
    expect(reader.answer(askFor(other), copied)).toMatchObject({ roster: Uint8Array.of(2, 2, 2) });
  });

  it('is released by a reader that fails', () => {
    const { rosterCache, reader, one, other } = onePage(1);
    const failing = () => {
      throw new Error('the reader failed');
    };
    expect(() => reader.answer(askFor(one), failing)).toThrow('the reader failed');
    rosterCache.apply(other);
    rosterCache.apply(memberOf(other, 0, Uint8Array.of(2)));
    expect(reader.answer(askFor(other), copied)).toMatchObject({ which: 0b1n });
  });

  it('is consistent when another thread reads it during changes', async () => {
    const memory = newRosterCacheMemory();
    const state = new Int32Array(new SharedArrayBuffer(8));
    const rosterCache = new RosterCache(memory);
    const clusters = rivals(3);
    // Each token repeats a byte of its cluster and seat.
    const token = (cluster: number, index: number) => new Uint8Array(300 + index).fill(cluster * 64 + index);
    const coordinator = new URL('../../dist/src/coordinator/', import.meta.url).href;
    const worker = new Worker(
      `import { workerData } from 'node:worker_threads';
       import { RosterCacheReader } from '${coordinator}roster-cache/reader.js';
       const { memory, state, questions } = workerData;
       const reader = new RosterCacheReader(memory, 0);
       for (let round = 0; Atomics.load(state, 0) === 0; round++) {
         const cluster = round % questions.length;
         reader.answer(questions[cluster], ({ which, roster }) => {
           let at = 0;
           for (let index = 0; index < 64; index++) {
             if (((which >> BigInt(index)) & 1n) === 0n) continue;
             for (const end = at + 300 + index; at < end; at++) {
               if (roster[at] !== cluster * 64 + index) throw new Error('byte ' + at + ' of cluster ' + cluster);
             }
           }
           if (at !== roster.length) throw new Error(at + ' bytes of ' + roster.length);
           return Atomics.add(state, 1, 1);
         });
       }`,
      { eval: true, workerData: { memory, state, questions: clusters.map(askFor) }, execArgv: ['--input-type=module'] },
    );
    const ended = once(worker, 'exit');
    const failed = once(worker, 'error').then(([error]) => {
      throw error;
    });
    failed.catch(() => {});
    const done = (async () => {
      while (Atomics.load(state, 1) < 20_000 && Atomics.load(state, 0) === 0) {
        for (const [number, cluster] of clusters.entries()) {
          rosterCache.apply(cluster);
          for (let index = 0; index < 20; index++) rosterCache.apply(memberOf(cluster, index, token(number, index)));
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    try {
      await Promise.race([done, failed]);
    } finally {
      Atomics.store(state, 0, 1);
    }
    await ended;
  });
});
