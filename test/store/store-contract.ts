// The contract of src/store/store.ts, as tests for every store.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { ENTRIES_PER_CLUSTER_MAX, ENTRY_KEY_BYTES_MAX, ENTRY_VALUE_BYTES_MAX } from '../../src/limits.ts';
import type {
  Change,
  ClientRecord,
  ClusterRecord,
  ClusterRemoval,
  EntryRecord,
  MemberRecord,
  StoredRecord,
} from '../../src/registry/command.ts';
import type { CommitOutcome, Store } from '../../src/store/store.ts';
import { idOf } from '../registry/arbitrary-commands.ts';
import { inOrder, keyOf } from '../registry/observe.ts';

/** How to test a store that outlives its process. */
export interface Lasting {
  /** Opens a closed store again, or a backup made in `backupIn` of this directory. */
  reopen(dataDirectory: string): Store;
  /** The path of a backup in a directory, as `reopen` expects it. */
  backupIn(dataDirectory: string): string;
}

export function client(id: number, fields: Partial<ClientRecord> = {}): ClientRecord {
  return {
    kind: 'client',
    clientId: idOf(id),
    name: `node-${id}`,
    sigKeyDigest: 'aa'.repeat(32),
    endPointCount: 1,
    ephemeral: false,
    token: Uint8Array.of(id),
    ...fields,
  };
}

export function cluster(name: string, id: number, fields: Partial<ClusterRecord> = {}): ClusterRecord {
  return { kind: 'cluster', name, id: idOf(id), size: 64, endPointCount: 1, attrs: 0n, ...fields };
}

export function member(
  clusterId: number,
  index: number,
  clientId: number,
  fields: Partial<MemberRecord> = {},
): MemberRecord {
  const token = Uint8Array.of(clientId, index);
  return {
    kind: 'member',
    clusterId: idOf(clusterId),
    index,
    clientId: idOf(clientId),
    name: `node-${clientId}`,
    token,
    ...fields,
  };
}

export function entry(clusterId: number, key: string, value: Uint8Array, ifAbsent?: true): EntryRecord {
  return { kind: 'entry', clusterId: idOf(clusterId), key, value, ...(ifAbsent && { ifAbsent }) };
}

function removedEntry(clusterId: number, key: string): Change {
  return { kind: 'entry-removal', clusterId: idOf(clusterId), key };
}

function removedClient(id: number): Change {
  return { kind: 'client-removal', clientId: idOf(id) };
}

function removedCluster(name: string, id: number, seats: number): ClusterRemoval {
  return { kind: 'cluster-removal', name, id: idOf(id), seats };
}

function removedMember(clusterId: number, index: number, clientId: number): Change {
  return { kind: 'member-removal', clusterId: idOf(clusterId), index, clientId: idOf(clientId) };
}

/** A plain object of a record, whatever class the store returns. */
export function plain(record: Change): object {
  if (record.kind === 'entry') {
    const { kind, clusterId, key, value } = record;
    return { kind, clusterId, key, value: Buffer.from(value).toString('hex') };
  }
  if (!('token' in record)) return record;
  const { name, clientId } = record;
  const token = Buffer.from(record.token).toString('hex');
  if (record.kind === 'member') {
    return { kind: 'member', clusterId: record.clusterId, index: record.index, clientId, name, token };
  }
  const { sigKeyDigest, endPointCount, ephemeral } = record;
  return { kind: 'client', clientId, name, sigKeyDigest, endPointCount, ephemeral, token };
}

/** Every record of a store; members without a token get their client's. */
export async function all(store: Store): Promise<Change[]> {
  const records: Change[] = [];
  const clients = new Map<string, ClientRecord>();
  const complete = (record: StoredRecord): Change => {
    if (record.kind === 'client') clients.set(record.clientId, record);
    if (record.kind !== 'seat') return record;
    return { ...record, kind: 'member', token: clients.get(record.clientId)!.token };
  };
  for await (const some of store.load()) records.push(...some.map(complete));
  return records;
}

export async function contents(store: Store): Promise<object[]> {
  return (await all(store)).map(plain);
}

/** The timeout in milliseconds of batches far larger than a coordinator's. */
const COMMIT_MS = 20_000;

async function kinds(store: Store, batch: readonly Change[]): Promise<string[]> {
  return (await store.commit(batch, COMMIT_MS)).map(({ kind }) => kind);
}

/**
 * Tests a kind of store. `open` gives an empty one in a new directory; `lasting` is for stores that outlive a process.
 */
export function storeContract(name: string, open: (dataDirectory: string) => Store, lasting?: Lasting): void {
  const opened: Store[] = [];
  const directories: string[] = [];
  const newDirectory = () => {
    const directory = mkdtempSync(join(tmpdir(), 'xlreg-store-'));
    directories.push(directory);
    return directory;
  };
  const openIn = (directory: string) => {
    const store = open(directory);
    opened.push(store);
    return store;
  };
  const openOne = () => openIn(newDirectory());
  const reopen = (directory: string) => {
    const store = lasting!.reopen(directory);
    opened.push(store);
    return store;
  };
  const clear = async () => {
    for (const store of opened.splice(0)) await store.close();
    for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
  };
  afterEach(clear);

  describe(`${name}: load`, () => {
    it('gives nothing from a new store (E6)', async () => {
      expect(await all(openOne())).toEqual([]);
    });

    it('gives every record back as it was (E6)', async () => {
      const store = openOne();
      const records = [
        client(1, { name: '__proto__', token: Uint8Array.from({ length: 256 }, (_, i) => i) }),
        client(2, { ephemeral: true, endPointCount: 4 }),
        client(3, { clientId: '07'.repeat(20) }),
        cluster('constructor', 0xc0, { attrs: 2n ** 64n - 3n, size: 2, endPointCount: 2 }),
        cluster('kept', 0xc1, { keep: true }),
        cluster('kept-too', 0xc2, { confirmMs: 15_000, owner: 'cd'.repeat(32), keep: true, attrs: 2n ** 64n - 1n }),
        cluster('owned', 0xc3, { owner: 'ab'.repeat(32) }),
        cluster('timed', 0xc4, { confirmMs: 3_600_000 }),
        member(0xc0, 0, 3, { clientId: '07'.repeat(20), token: new Uint8Array(3_000).fill(0xff) }),
        entry(0xc0, '00', new Uint8Array(0)),
        entry(0xc0, 'ff'.repeat(ENTRY_KEY_BYTES_MAX), new Uint8Array(ENTRY_VALUE_BYTES_MAX).fill(0xff)),
      ];
      await store.commit(records);
      expect(await contents(store)).toEqual(records.map(plain));
    });

    it('gives a cluster with its last marks, and its members (R4)', async () => {
      const store = openOne();
      await store.commit([client(1), cluster('c', 0xc0), member(0xc0, 0, 1)]);
      expect(await kinds(store, [cluster('c', 0xc0, { keep: true })])).toEqual(['stored']);
      const records = [client(1), cluster('c', 0xc0, { keep: true }), member(0xc0, 0, 1)];
      expect(await contents(store)).toEqual(records.map(plain));
    });

    it('gives tokens of any length, and members with the token they were stored with (E6)', async () => {
      const store = openOne();
      const lengths = [1, 2, 255, 256, 2_037, 2_038, 2_039, 2_040, 4_000, 4_096, 8_192, 16_384];
      const records = [
        ...lengths.map((length, i) => client(1 + i, { token: new Uint8Array(length).fill(i) })),
        cluster('same', 0xc0),
        cluster('other', 0xc1),
        ...lengths.map((length, i) => member(0xc0, i, 1 + i, { token: new Uint8Array(length).fill(i) })),
        ...lengths.map((length, i) => member(0xc1, i, 1 + i, { token: new Uint8Array(length).fill(0xff) })),
        // Its client is not stored.
        member(0xc1, lengths.length, 0x70),
      ];
      expect(new Set(await kinds(store, records))).toEqual(new Set(['stored']));
      const given = await contents(store);
      expect(given.length).toBe(records.length);
      expect(given).toEqual(expect.arrayContaining(records.map(plain)));
    });

    it('gives thousands of records, clients before clusters before members (R6)', async () => {
      const store = openOne();
      const numbered = (i: number) => i.toString(16).padStart(64, '0');
      const records: Change[] = Array.from({ length: 2_500 }, (_, i) => client(0, { clientId: numbered(i + 1) }));
      const clusters = Array.from({ length: 1_100 }, (_, i) => cluster(`c-${i}`, 0, { id: numbered(0x10_000 + i) }));
      const members = clusters.flatMap(({ id: clusterId }, i) =>
        [0, 1].map((index) => member(0, index, index, { clusterId, clientId: numbered(i + 1 + index) })),
      );
      records.push(...clusters, ...members);
      expect(new Set(await kinds(store, records))).toEqual(new Set(['stored']));
      const given = await all(store);
      const seated = new Map<string, number>();
      expect(given.map(({ kind }) => kind)).toEqual(records.map(({ kind }) => kind));
      expect(new Set(given.map(keyOf))).toEqual(new Set(records.map(keyOf)));
      for (const [index, clusterId] of given.flatMap((record) =>
        record.kind === 'member' ? [[record.index, record.clusterId] as const] : [],
      )) {
        expect(index).toBe(seated.get(clusterId) ?? 0);
        seated.set(clusterId, index + 1);
      }
    });

    it('gives clusters before their members, and members by index (R6)', async () => {
      const store = openOne();
      const count = 12;
      await store.commit([cluster('a', 0xa0), cluster('b', 0xb0)]);
      for (let index = 0; index < count; index++) {
        await store.commit([member(0xa0, index, 1 + index), member(0xb0, index, 1 + index)]);
      }
      // Written again last, so that the order of writing is not that of the seats.
      await store.commit([member(0xa0, 3, 4), cluster('a', 0xa0), member(0xb0, 0, 1)]);
      const records = await all(store);
      const seen = new Map<string, number>();
      for (const record of records) {
        if (record.kind === 'cluster') seen.set(record.id, 0);
        if (record.kind !== 'member') continue;
        expect(record.index).toBe(seen.get(record.clusterId));
        seen.set(record.clusterId, record.index + 1);
      }
      expect([...seen.values()]).toEqual([count, count]);
    });
  });

  describe(`${name}: commit`, () => {
    it('accepts an empty batch (E6)', async () => {
      const store = openOne();
      expect(await store.commit([])).toEqual([]);
      expect(await all(store)).toEqual([]);
    });

    it('has stored what it reports when it resolves (E6)', async () => {
      const store = openOne();
      const batches = [[client(1), cluster('c', 0xc0)], [member(0xc0, 0, 1)], [client(2)]];
      for (const [i, batch] of batches.entries()) {
        expect(await kinds(store, batch)).toEqual(batch.map(() => 'stored'));
        const expected = batches
          .slice(0, i + 1)
          .flat()
          .map(plain);
        expect(await contents(store)).toEqual(expect.arrayContaining(expected));
        expect((await all(store)).length).toBe(expected.length);
      }
    });

    it('replaces a client of the same SigKey, and reports a conflict for another (T11)', async () => {
      const store = openOne();
      const [first, renamed] = [client(1), client(1, { name: 'renamed', token: Uint8Array.of(9) })];
      await store.commit([first]);
      expect(await kinds(store, [renamed])).toEqual(['stored']);
      const outcomes = await store.commit([client(1, { sigKeyDigest: 'bb'.repeat(32) })]);
      expect(outcomes.map((outcome) => outcome.kind === 'conflict' && outcome.current.map(plain))).toEqual([
        [plain(renamed)],
      ]);
      expect(await contents(store)).toEqual([plain(renamed)]);
    });

    it("reports a conflict for a cluster's name with another ID, and the record that stands (R1)", async () => {
      const store = openOne();
      await store.commit([cluster('c', 0xc0)]);
      const [outcome] = await store.commit([cluster('c', 0xc1, { size: 2 })]);
      expect(outcome?.kind === 'conflict' && outcome.current.map(plain)).toContainEqual(plain(cluster('c', 0xc0)));
      expect(await kinds(store, [cluster('c', 0xc0), cluster('C', 0xc2)])).toEqual(['stored', 'stored']);
      expect((await all(store)).length).toBe(2);
    });

    it('reports a conflict for a seat of another client, and replaces one of the same (R6)', async () => {
      const store = openOne();
      const [seated, again] = [member(0xc0, 0, 1), member(0xc0, 0, 1, { name: 'renamed', token: Uint8Array.of(7) })];
      await store.commit([cluster('c', 0xc0), seated]);
      expect(await kinds(store, [again])).toEqual(['stored']);
      const [outcome] = await store.commit([member(0xc0, 0, 2)]);
      expect(outcome?.kind === 'conflict' && outcome.current.map(plain)).toContainEqual(plain(again));
      expect(await kinds(store, [member(0xc0, 1, 2)])).toEqual(['stored']);
      expect((await contents(store)).slice(1)).toEqual([plain(again), plain(member(0xc0, 1, 2))]);
    });

    it('keeps the seats of two clusters apart (R6)', async () => {
      const store = openOne();
      const batch = [cluster('a', 0xa0), cluster('b', 0xb0), member(0xa0, 0, 1), member(0xb0, 0, 2)];
      expect(await kinds(store, batch)).toEqual(['stored', 'stored', 'stored', 'stored']);
    });

    it('reports a conflict for a member without its cluster, or if that conflicts in its batch (R6)', async () => {
      const store = openOne();
      expect(await kinds(store, [member(0xc0, 0, 1)])).toEqual(['conflict']);
      await store.commit([cluster('c', 0xc0)]);
      expect(await kinds(store, [cluster('c', 0xc1), member(0xc1, 0, 1), member(0xc0, 0, 1)])).toEqual([
        'conflict',
        'conflict',
        'stored',
      ]);
      expect(await contents(store)).toEqual([plain(cluster('c', 0xc0)), plain(member(0xc0, 0, 1))]);
    });

    it('applies a batch in order: the first of two for one key wins (E6)', async () => {
      const store = openOne();
      const batch = [
        cluster('c', 0xc0),
        cluster('c', 0xc1),
        client(1),
        client(1, { sigKeyDigest: 'bb'.repeat(32) }),
        member(0xc0, 0, 1),
        member(0xc0, 0, 2),
      ];
      expect(await kinds(store, batch)).toEqual(['stored', 'conflict', 'stored', 'conflict', 'stored', 'conflict']);
      expect((await all(store)).length).toBe(3);
      expect(await kinds(store, [member(0xd0, 0, 1), cluster('d', 0xd0)])).toEqual(['conflict', 'stored']);
    });

    it('removes records, a cluster with its members, and accepts the removal of nothing (R4, T9)', async () => {
      const store = openOne();
      await store.commit([client(1), client(2), cluster('c', 0xc0), member(0xc0, 0, 1), member(0xc0, 1, 2)]);
      await store.commit([cluster('d', 0xd0), member(0xd0, 0, 1)]);
      expect(await kinds(store, [removedCluster('c', 0xc0, 2)])).toEqual(['stored']);
      const left = [client(1), client(2), cluster('d', 0xd0), member(0xd0, 0, 1)];
      expect(await contents(store)).toEqual(left.map(plain));
      expect(await kinds(store, [removedClient(2), removedClient(3), removedCluster('e', 0xe0, 64)])).toEqual([
        'stored',
        'stored',
        'stored',
      ]);
      expect(await contents(store)).toEqual([left[0]!, left[2]!, left[3]!].map(plain));
    });

    it('removes a member from its own seat only, which is then free (R14)', async () => {
      const store = openOne();
      await store.commit([client(1), client(2), client(3), cluster('c', 0xc0)]);
      await store.commit([member(0xc0, 0, 1), member(0xc0, 1, 2)]);
      expect(await store.commit([removedMember(0xc0, 1, 1)])).toMatchObject([
        { kind: 'conflict', current: [{ kind: 'member', index: 1, clientId: idOf(2) }] },
      ]);
      expect(await kinds(store, [removedMember(0xc0, 0, 1), removedMember(0xc0, 0, 1)])).toEqual(['stored', 'stored']);
      const left = [client(1), client(2), client(3), cluster('c', 0xc0), member(0xc0, 1, 2)];
      expect(await contents(store)).toEqual(left.map(plain));
      expect(await kinds(store, [member(0xc0, 0, 3), removedCluster('c', 0xc0, 2)])).toEqual(['stored', 'stored']);
      expect(await contents(store)).toEqual(left.slice(0, 3).map(plain));
    });

    it('frees removed keys, and reports a conflict for a member of a removed cluster (R1, T11)', async () => {
      const store = openOne();
      await store.commit([client(1), cluster('c', 0xc0), member(0xc0, 0, 1)]);
      const batch = [
        removedCluster('c', 0xc0, 1),
        member(0xc0, 0, 1),
        cluster('c', 0xc1),
        member(0xc1, 0, 2),
        removedClient(1),
        client(1, { sigKeyDigest: 'bb'.repeat(32) }),
      ];
      expect(await kinds(store, batch)).toEqual(['stored', 'conflict', 'stored', 'stored', 'stored', 'stored']);
      expect(await contents(store)).toEqual([batch[5]!, batch[2]!, batch[3]!].map(plain));
    });

    it("keeps a client's old token for the seats that are stored again with it (R6)", async () => {
      const store = openOne();
      const [old, fresh] = [Uint8Array.of(1), Uint8Array.of(2)];
      const seats = [0xa0, 0xb0].map((id) => member(id, 0, 1, { token: old }));
      await store.commit([client(1, { token: old }), cluster('a', 0xa0), cluster('b', 0xb0), ...seats]);
      await store.commit([client(1, { token: fresh }), ...seats]);
      expect((await contents(store)).slice(3)).toEqual(seats.map(plain));
      await store.commit([{ ...seats[1]!, token: fresh }]);
      expect((await contents(store)).slice(3)).toEqual([plain(seats[0]!), plain({ ...seats[1]!, token: fresh })]);
      await store.commit([client(1, { token: old }), { ...seats[1]!, token: fresh }]);
      expect((await contents(store)).slice(3)).toEqual([plain(seats[0]!), plain({ ...seats[1]!, token: fresh })]);
    });

    it("keeps the contract's outcomes and contents over random batches, also when opened again (E6)", async () => {
      const step = fc.oneof(
        { weight: 6, arbitrary: fc.array(change, { maxLength: 6 }) },
        { weight: 1, arbitrary: fc.constant('reopen' as const) },
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 10 }), async (steps) => {
          const directory = newDirectory();
          let store = openIn(directory);
          const current = new Standing();
          for (const step of steps) {
            if (step === 'reopen') {
              if (!lasting) continue;
              await store.close();
              store = reopen(directory);
            } else {
              const batch: Change[] = [];
              const expected: object[] = [];
              for (const change of step) {
                for (const one of current.asTheTableDoes(change)) {
                  batch.push(one);
                  expected.push(current.set(one));
                }
              }
              const outcomes = await store.commit(batch);
              expect(outcomes.map(plainOutcome)).toEqual(expected);
            }
            const records = await contents(store);
            const expected = current.records.map(plain);
            expect(records.length).toBe(expected.length);
            expect(records).toEqual(expect.arrayContaining(expected));
          }
          await clear();
        }),
        { numRuns: 50 },
      );
    });
  });

  describe(`${name}: entries`, () => {
    const [one, other] = [Uint8Array.of(1), Uint8Array.of(2, 2)];
    const entriesOf = async (store: Store) =>
      inOrder(await all(store))
        .filter(({ kind }) => kind === 'entry')
        .map(plain);

    it('overwrites an entry, and removes it, which is no conflict if there is none', async () => {
      const store = openOne();
      await store.commit([cluster('c', 0xc0), cluster('d', 0xd0), entry(0xd0, '01', one)]);
      expect(await kinds(store, [entry(0xc0, '01', one), entry(0xc0, '01aa', one)])).toEqual(['stored', 'stored']);
      expect(await kinds(store, [entry(0xc0, '01', other)])).toEqual(['stored']);
      const expected = [entry(0xc0, '01', other), entry(0xc0, '01aa', one), entry(0xd0, '01', one)];
      expect(await entriesOf(store)).toEqual(expected.map(plain));
      expect(await kinds(store, [removedEntry(0xc0, '01'), removedEntry(0xc0, '02')])).toEqual(['stored', 'stored']);
      expect(await kinds(store, [removedEntry(0xee, '01')])).toEqual(['stored']);
      expect(await entriesOf(store)).toEqual(expected.slice(1).map(plain));
      expect(await kinds(store, [entry(0xc0, '01', one, true)])).toEqual(['stored']);
    });

    it('reports a conflict for an ifAbsent only with another value, and gives the one that stands', async () => {
      const store = openOne();
      await store.commit([cluster('c', 0xc0)]);
      const batch = [entry(0xc0, '01', one, true), entry(0xc0, '01', one, true), entry(0xc0, '01', other, true)];
      const standing = { kind: 'conflict', current: [plain(entry(0xc0, '01', one))] };
      const outcomes = (await store.commit(batch)).map(plainOutcome);
      expect(outcomes).toEqual([{ kind: 'stored' }, { kind: 'stored' }, standing]);
      expect((await store.commit([entry(0xc0, '01', other, true)])).map(plainOutcome)).toEqual([standing]);
      expect(await kinds(store, [entry(0xc0, '01', one, true)])).toEqual(['stored']);
      expect(await entriesOf(store)).toEqual([plain(entry(0xc0, '01', one))]);
    });

    it('reports a conflict for an entry without its cluster, and stores both in one item', async () => {
      const store = openOne();
      expect(await store.commit([entry(0xc0, '01', one)])).toEqual([{ kind: 'conflict', current: [] }]);
      const item = [cluster('c', 0xc0), entry(0xc0, '01', one, true), entry(0xc0, '02', other)];
      expect(await store.commit([item])).toEqual([{ kind: 'stored' }]);
      expect(await contents(store)).toEqual(item.map(plain));
      const lost = [cluster('c', 0xc1), entry(0xc1, '01', one)];
      expect((await store.commit([lost, entry(0xc1, '01', one)])).map(({ kind }) => kind)).toEqual([
        'conflict',
        'conflict',
      ]);
      expect(await contents(store)).toEqual(item.map(plain));
    });

    it('stores 32 entries of the largest size in one item', async () => {
      const store = openOne();
      const keys = Array.from({ length: 32 }, (_, i) => (i + 16).toString(16));
      const item = [
        cluster('c', 0xc0),
        ...keys.map((key) => entry(0xc0, key, new Uint8Array(ENTRY_VALUE_BYTES_MAX).fill(7))),
      ];
      expect(await store.commit([item])).toEqual([{ kind: 'stored' }]);
      expect(await contents(store)).toEqual(item.map(plain));
      expect(await store.commit([item.slice(1)])).toEqual([{ kind: 'stored' }]);
    });

    it('gives a seat to another client if the change replaces the one that has it, and to nobody else', async () => {
      const store = openOne();
      await store.commit([client(1), client(2), client(3), cluster('c', 0xc0), member(0xc0, 0, 1), member(0xc0, 1, 2)]);
      const taking = (index: number, by: number, name: string, from: number) =>
        member(0xc0, index, by, { name, replaces: idOf(from) });
      expect(await kinds(store, [taking(0, 3, 'node-1', 2)])).toEqual(['conflict']);
      const item = [taking(0, 3, 'node-1', 1), entry(0xc0, '04', one, true)];
      expect(await store.commit([item])).toEqual([{ kind: 'stored' }]);
      expect(await kinds(store, [member(0xc0, 0, 1)])).toEqual(['conflict']);
      const seats = inOrder(await all(store)).filter(({ kind }) => kind === 'member');
      expect(seats.map(plain)).toEqual([member(0xc0, 0, 3, { name: 'node-1' }), member(0xc0, 1, 2)].map(plain));
      // The former member may join again, elsewhere and under another name.
      const emptied = [removedMember(0xc0, 1, 2), entry(0xc0, '04', one, true)];
      expect(await store.commit([emptied])).toEqual([{ kind: 'stored' }]);
      expect(await kinds(store, [member(0xc0, 1, 1, { name: 'again' })])).toEqual(['stored']);
    });

    it('stores nothing of an item whose entry conflicts', async () => {
      const store = openOne();
      await store.commit([client(1), cluster('c', 0xc0), entry(0xc0, '01', one)]);
      const before = await contents(store);
      const [outcome] = await store.commit([[member(0xc0, 0, 1), entry(0xc0, '01', other, true)]]);
      expect(outcome?.kind).toBe('conflict');
      expect(await contents(store)).toEqual(before);
    });

    it('removes the entries of a removed cluster, also those of its batch, and no others', async () => {
      const store = openOne();
      await store.commit([cluster('b', 0xbf), cluster('c', 0xc0), cluster('d', 0xc1)]);
      const [first, last] = ['00', 'ff'.repeat(ENTRY_KEY_BYTES_MAX)];
      const kept = [0xbf, 0xc1].flatMap((id) => [entry(id, first, one), entry(id, last, one)]);
      await store.commit([...kept, entry(0xc0, first, one)]);
      const batch = [entry(0xc0, last, one), removedCluster('c', 0xc0, 0), entry(0xc0, '01', one)];
      expect(await kinds(store, batch)).toEqual(['stored', 'stored', 'conflict']);
      expect(await entriesOf(store)).toEqual(kept.map(plain));
      expect(await kinds(store, [cluster('c', 0xc0)])).toEqual(['stored']);
      expect(await entriesOf(store)).toEqual(kept.map(plain));
    });

    it('removes a full cluster with as many entries as it may have', async () => {
      const store = openOne();
      const keyOfEntry = (i: number) => i.toString(16).padStart(4, '0');
      const seats = Array.from({ length: 64 }, (_, i) => i);
      await store.commit([cluster('c', 0xc0), ...seats.map((i) => client(i + 1))], COMMIT_MS);
      await store.commit(
        seats.map((i) => member(0xc0, i, i + 1)),
        COMMIT_MS,
      );
      const entries = Array.from({ length: ENTRIES_PER_CLUSTER_MAX }, (_, i) => entry(0xc0, keyOfEntry(i), one));
      for (let i = 0; i < entries.length; i += 1_024) {
        expect(new Set(await kinds(store, entries.slice(i, i + 1_024)))).toEqual(new Set(['stored']));
      }
      expect(await entriesOf(store)).toEqual(entries.map(plain));
      expect(await kinds(store, [removedCluster('c', 0xc0, 64)])).toEqual(['stored']);
      expect((await contents(store)).length).toBe(seats.length);
    }, 60_000);

    it('gives entries after all members', async () => {
      const store = openOne();
      const clusters = [0xa0, 0xa1, 0xa2];
      await store.commit([client(1), ...clusters.map((id) => cluster(`c-${id}`, id))]);
      for (const id of clusters) await store.commit([entry(id, '01', one), member(id, 0, 1), entry(id, '00', one)]);
      const order = (await all(store)).map(({ kind }) => kind);
      expect(order).toEqual(
        ['client', ...clusters.map(() => 'cluster'), ...clusters.map(() => 'member')].concat(
          clusters.flatMap(() => ['entry', 'entry']),
        ),
      );
    });
  });

  describe(`${name}: otherwise`, () => {
    it('changes nothing by a probe (E5)', async () => {
      const store = openOne();
      await store.probe();
      await store.commit([client(1)]);
      await store.probe();
      expect(await contents(store)).toEqual([plain(client(1))]);
    });

    it('has a size of whole bytes, which grows if the store lasts', async () => {
      const store = openOne();
      const before = store.size();
      expect(Number.isSafeInteger(before) && before >= 0).toBe(true);
      await store.commit(Array.from({ length: 64 }, (_, i) => client(i + 1, { token: new Uint8Array(8_000) })));
      if (lasting) expect(store.size()).toBeGreaterThan(before + 64 * 8_000);
    });

    it('rejects every call after close, and ignores a second close (E6)', async () => {
      const directory = newDirectory();
      const store = openIn(directory);
      await store.commit([client(1)]);
      await store.close();
      await expect(store.commit([client(2)])).rejects.toThrow();
      await expect(store.commit([])).rejects.toThrow();
      await expect(all(store)).rejects.toThrow();
      await expect(store.probe()).rejects.toThrow();
      await expect(store.backup(join(directory, 'backup'))).rejects.toThrow();
      expect(existsSync(join(directory, 'backup'))).toBe(false);
      await store.close();
    });

    if (!lasting) {
      it('rejects a backup, with a reason', async () => {
        const backup = join(newDirectory(), 'backup');
        await expect(openOne().backup(backup)).rejects.toThrow(/back up/);
        expect(existsSync(backup)).toBe(false);
      });
    }
  });

  if (!lasting) return;
  describe(`${name}: lasting`, () => {
    const records = [
      client(1, { name: '__proto__', token: Uint8Array.from({ length: 3_000 }, (_, i) => i) }),
      client(2, { ephemeral: true, endPointCount: 4 }),
      client(3, { clientId: '07'.repeat(20), name: 'x'.repeat(128) }),
      cluster('a', 0xa0, { attrs: 2n ** 64n - 1n, size: 2, endPointCount: 2 }),
      cluster('constructor', 0xc0, { attrs: 2n ** 63n, size: 64 }),
      cluster('y'.repeat(128), 0xd0, { attrs: 2n ** 53n + 1n, confirmMs: 15_000, owner: 'ab'.repeat(32) }),
      member(0xa0, 0, 2, { token: Uint8Array.of(2) }),
      member(0xa0, 1, 1),
      member(0xc0, 0, 3, { clientId: '07'.repeat(20), token: new Uint8Array(3_000).fill(0xff) }),
      entry(0xa0, '00', Uint8Array.of(1)),
      entry(0xd0, 'ff'.repeat(ENTRY_KEY_BYTES_MAX), new Uint8Array(ENTRY_VALUE_BYTES_MAX).fill(7)),
    ];

    it('has exactly the committed records when opened again (E6)', async () => {
      const directory = newDirectory();
      let store = openIn(directory);
      await store.commit([client(9), cluster('gone', 0x99), member(0x99, 0, 9), entry(0x99, '01', Uint8Array.of(1))]);
      await store.commit(records);
      await store.commit([removedCluster('gone', 0x99, 1), removedClient(9)]);
      for (let time = 0; time < 3; time++) {
        await store.close();
        store = reopen(directory);
        expect(await contents(store)).toEqual(records.map(plain));
      }
      expect(await kinds(store, [cluster('a', 0xa1), client(1, { sigKeyDigest: 'bb'.repeat(32) })])).toEqual([
        'conflict',
        'conflict',
      ]);
    });

    it('makes a backup that is a store of its own with the records of that moment (E6)', async () => {
      const [directory, copy] = [newDirectory(), newDirectory()];
      const store = openIn(directory);
      await store.commit(records);
      await store.backup(lasting!.backupIn(copy));
      await store.commit([client(9), removedCluster('a', 0xa0, 2)]);
      const backup = reopen(copy);
      expect(await contents(backup)).toEqual(records.map(plain));
      expect(await kinds(backup, [client(0x0a)])).toEqual(['stored']);
      expect((await all(store)).length).toBe(records.length - 3);
    });

    it('commits during a backup, which has the whole of each batch or nothing (E6)', async () => {
      const [directory, copy] = [newDirectory(), newDirectory()];
      const store = openIn(directory);
      const filling = Array.from({ length: 100 }, (_, i) => client(i + 1, { token: new Uint8Array(8_000) }));
      await store.commit(filling);
      let done = false;
      const backup = store.backup(lasting!.backupIn(copy)).finally(() => {
        done = true;
      });
      for (let i = 0; !done || i < 10; i++) {
        const name = `c-${i}`;
        const clusterId = Buffer.alloc(32, `c${i}`).toString('hex');
        await store.commit([cluster(name, 0, { id: clusterId }), member(0, 0, 1, { clusterId })]);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await backup;
      const there = await all(reopen(copy));
      const clusters = there.flatMap((record) => (record.kind === 'cluster' ? [record.id] : []));
      const members = there.flatMap((record) => (record.kind === 'member' ? [record.clusterId] : []));
      expect(new Set(members)).toEqual(new Set(clusters));
      expect(there.length).toBe(filling.length + 2 * clusters.length);
    });
  });
}

/** Changes of a small world: three clients, two names with three IDs each, and two seats. */
const idIn = (name: string, id: number) => 0x20 + 8 * (name === 'b' ? 1 : 0) + id;
const small = fc.integer({ min: 1, max: 3 });
const token = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.constantFrom(1, 2, 2_500)).map(([byte, length]) => {
  return new Uint8Array(length).fill(byte);
});
const nameOfCluster = fc.constantFrom('a', 'b');
const keyOfEntry = fc.constantFrom('01', '0101');
const valueOfEntry = fc.constantFrom(0, 1, 2_500).map((length) => new Uint8Array(length).fill(length));
const change: fc.Arbitrary<Change> = fc.oneof(
  fc
    .record({ id: small, digest: fc.constantFrom('aa', 'aa', 'bb'), token })
    .map(({ id, digest, token }) => client(id, { sigKeyDigest: digest.repeat(32), token })),
  fc.record({ name: nameOfCluster, id: small }).map(({ name, id }) => cluster(name, idIn(name, id))),
  fc
    .record({ name: nameOfCluster, id: small, seat: fc.nat(1), by: small, token })
    .map(({ name, id, seat, by, token }) => member(idIn(name, id), seat, by, { token })),
  small.map(removedClient),
  fc
    .record({ name: nameOfCluster, id: small, seat: fc.nat(1), by: small })
    .map(({ name, id, seat, by }) => removedMember(idIn(name, id), seat, by)),
  fc.record({ name: nameOfCluster, id: small }).map(({ name, id }) => removedCluster(name, idIn(name, id), 2)),
  fc
    .record({ name: nameOfCluster, id: small, key: keyOfEntry, value: valueOfEntry, ifAbsent: fc.boolean() })
    .map(({ name, id, key, value, ifAbsent }) => entry(idIn(name, id), key, value, ifAbsent || undefined)),
  fc
    .record({ name: nameOfCluster, id: small, key: keyOfEntry })
    .map(({ name, id, key }) => removedEntry(idIn(name, id), key)),
);

/** A model of a store's contents by its contract. */
class Standing {
  readonly #records = new Map<string, ClientRecord | ClusterRecord | MemberRecord | EntryRecord>();

  get records(): Change[] {
    return [...this.#records.values()];
  }

  /**
   * The change as a table would make it. A client's new token comes with the seats that keep the old one; a client with
   * a seat is not removed; a cluster is removed by its ID; no client takes a second seat of a cluster.
   */
  asTheTableDoes(change: Change): Change[] {
    if (change.kind === 'client') return [change, ...this.#seatsOf(change.clientId)];
    if (change.kind === 'client-removal') return this.#seatsOf(change.clientId).length > 0 ? [] : [change];
    if (change.kind === 'member') return this.#isSeatedElsewhere(change) ? [] : [change];
    if (change.kind !== 'cluster-removal') return [change];
    const current = this.#records.get(keyOf(change));
    return current?.kind === 'cluster' ? [{ ...change, id: current.id }] : [change];
  }

  /** Applies a change; returns its outcome. */
  set(change: Change): object {
    const key = keyOf(change);
    const stored = { kind: 'stored' };
    switch (change.kind) {
      case 'client-removal':
      case 'entry-removal':
        this.#records.delete(key);
        return stored;
      case 'entry': {
        if (this.#isHomeless(change)) return { kind: 'conflict', current: [] };
        const before = this.#records.get(key);
        const isSame = before?.kind === 'entry' && Buffer.compare(before.value, change.value) === 0;
        if (change.ifAbsent && before && !isSame) return { kind: 'conflict', current: [plain(before)] };
        this.#records.set(key, change);
        return stored;
      }
      case 'member-removal': {
        const before = this.#records.get(key);
        if (before?.kind === 'member' && before.clientId !== change.clientId)
          return { kind: 'conflict', current: [plain(before)] };
        this.#records.delete(key);
        return stored;
      }
      case 'cluster-removal':
        this.#records.delete(key);
        for (const [key, record] of this.#records) {
          if ('clusterId' in record && record.clusterId === change.id) this.#records.delete(key);
        }
        return stored;
      case 'round':
      case 'confirmation':
      case 'completion':
      case 'round-end':
        throw new Error('the contract has no rounds');
      default: {
        const before = this.#records.get(key);
        const lost = before && before.kind !== 'entry' ? ownerOf(before) !== ownerOf(change) : this.#isHomeless(change);
        if (lost) return { kind: 'conflict', current: before ? [plain(before)] : [] };
        this.#records.set(key, change);
        return stored;
      }
    }
  }

  #seatsOf(clientId: string): MemberRecord[] {
    return [...this.#records.values()].filter(
      (record): record is MemberRecord => record.kind === 'member' && record.clientId === clientId,
    );
  }

  #isSeatedElsewhere({ clusterId, index, clientId }: MemberRecord): boolean {
    return this.#seatsOf(clientId).some((seat) => seat.clusterId === clusterId && seat.index !== index);
  }

  #isHomeless(change: ClientRecord | ClusterRecord | MemberRecord | EntryRecord): boolean {
    if (!('clusterId' in change)) return false;
    return ![...this.#records.values()].some((record) => record.kind === 'cluster' && record.id === change.clusterId);
  }
}

function plainOutcome(outcome: CommitOutcome): object {
  return outcome.kind === 'conflict' ? { ...outcome, current: outcome.current.map(plain) } : outcome;
}

/** The owner of a record; another owner's record is a conflict. */
function ownerOf(record: ClientRecord | ClusterRecord | MemberRecord): string {
  if (record.kind === 'client') return record.sigKeyDigest;
  return record.kind === 'cluster' ? record.id : record.clientId;
}
