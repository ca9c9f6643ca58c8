// The promises of src/store/store.ts as tests that every store has to pass.

import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { Change, ClientRecord, ClusterRecord, MemberRecord } from '../../src/registry/command.ts';
import type { Store } from '../../src/store/store.ts';

function idOf(byte: number): string {
  return Buffer.alloc(32, byte).toString('hex');
}

function client(id: number, fields: Partial<ClientRecord> = {}): ClientRecord {
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

function cluster(name: string, id: number, fields: Partial<ClusterRecord> = {}): ClusterRecord {
  return { kind: 'cluster', name, id: idOf(id), size: 64, endPointCount: 1, attrs: 0n, ...fields };
}

function member(clusterId: number, index: number, clientId: number, fields: Partial<MemberRecord> = {}): MemberRecord {
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

/** The same whether a store gives back Buffers or Uint8Arrays. */
function plain(change: Change): object {
  return 'token' in change ? { ...change, token: Buffer.from(change.token).toString('hex') } : change;
}

async function all(store: Store): Promise<Change[]> {
  const records: Change[] = [];
  for await (const record of store.load()) records.push(record);
  return records;
}

async function contents(store: Store): Promise<object[]> {
  return (await all(store)).map(plain);
}

async function kinds(store: Store, batch: readonly Change[]): Promise<string[]> {
  return (await store.commit(batch)).map(({ kind }) => kind);
}

/** Tests a kind of store; `open` gives an empty one each time. */
export function storeContract(name: string, open: () => Promise<Store> | Store): void {
  const opened: Store[] = [];
  const openOne = async () => {
    const store = await open();
    opened.push(store);
    return store;
  };
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });

  describe(`${name}: load`, () => {
    it('E6: of a new store gives nothing', async () => {
      expect(await all(await openOne())).toEqual([]);
    });

    it('E6: gives every record back as it was', async () => {
      const store = await openOne();
      const records = [
        client(1, { name: '__proto__', token: Uint8Array.from({ length: 256 }, (_, i) => i) }),
        client(2, { ephemeral: true, endPointCount: 4 }),
        client(3, { clientId: '07'.repeat(20) }),
        cluster('constructor', 0xc0, { attrs: 2n ** 64n - 3n, size: 2, endPointCount: 2 }),
        member(0xc0, 0, 3, { clientId: '07'.repeat(20), token: new Uint8Array(3_000).fill(0xff) }),
      ];
      await store.commit(records);
      expect(await contents(store)).toEqual(records.map(plain));
    });

    it('R6: gives clusters before their members, and members in the order of their indexes', async () => {
      const store = await openOne();
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
    it('E6: of nothing is nothing', async () => {
      const store = await openOne();
      expect(await store.commit([])).toEqual([]);
      expect(await all(store)).toEqual([]);
    });

    it('E6: what it reports as stored is there when it resolves', async () => {
      const store = await openOne();
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

    it('T11: a client takes the place of one with the same SigKey, and is lost to one with another', async () => {
      const store = await openOne();
      const [first, renamed] = [client(1), client(1, { name: 'renamed', token: Uint8Array.of(9) })];
      await store.commit([first]);
      expect(await kinds(store, [renamed])).toEqual(['stored']);
      const outcomes = await store.commit([client(1, { sigKeyDigest: 'bb'.repeat(32) })]);
      expect(outcomes.map((outcome) => outcome.kind === 'lost' && outcome.standing.map(plain))).toEqual([
        [plain(renamed)],
      ]);
      expect(await contents(store)).toEqual([plain(renamed)]);
    });

    it('R1: a cluster is lost to one of its name with another ID, and told which stands', async () => {
      const store = await openOne();
      await store.commit([cluster('c', 0xc0)]);
      const [outcome] = await store.commit([cluster('c', 0xc1, { size: 2 })]);
      expect(outcome?.kind === 'lost' && outcome.standing.map(plain)).toContainEqual(plain(cluster('c', 0xc0)));
      expect(await kinds(store, [cluster('c', 0xc0), cluster('C', 0xc2)])).toEqual(['stored', 'stored']);
      expect((await all(store)).length).toBe(2);
    });

    it('R6: a seat is lost to another client, and replaced by the same', async () => {
      const store = await openOne();
      const [seated, again] = [member(0xc0, 0, 1), member(0xc0, 0, 1, { name: 'renamed', token: Uint8Array.of(7) })];
      await store.commit([cluster('c', 0xc0), seated]);
      expect(await kinds(store, [again])).toEqual(['stored']);
      const [outcome] = await store.commit([member(0xc0, 0, 2)]);
      expect(outcome?.kind === 'lost' && outcome.standing.map(plain)).toContainEqual(plain(again));
      expect(await kinds(store, [member(0xc0, 1, 2)])).toEqual(['stored']);
      expect((await contents(store)).slice(1)).toEqual([plain(again), plain(member(0xc0, 1, 2))]);
    });

    it('R6: a seat of one cluster is not that of another', async () => {
      const store = await openOne();
      const batch = [cluster('a', 0xa0), cluster('b', 0xb0), member(0xa0, 0, 1), member(0xb0, 0, 2)];
      expect(await kinds(store, batch)).toEqual(['stored', 'stored', 'stored', 'stored']);
    });

    it('R6: a member whose cluster is not stored is lost, also if that was lost in the same batch', async () => {
      const store = await openOne();
      expect(await kinds(store, [member(0xc0, 0, 1)])).toEqual(['lost']);
      await store.commit([cluster('c', 0xc0)]);
      expect(await kinds(store, [cluster('c', 0xc1), member(0xc1, 0, 1), member(0xc0, 0, 1)])).toEqual([
        'lost',
        'lost',
        'stored',
      ]);
      expect(await contents(store)).toEqual([plain(cluster('c', 0xc0)), plain(member(0xc0, 0, 1))]);
    });

    it('E6: is in the order of the batch: the first of two for one key wins', async () => {
      const store = await openOne();
      const batch = [
        cluster('c', 0xc0),
        cluster('c', 0xc1),
        client(1),
        client(1, { sigKeyDigest: 'bb'.repeat(32) }),
        member(0xc0, 0, 1),
        member(0xc0, 0, 2),
      ];
      expect(await kinds(store, batch)).toEqual(['stored', 'lost', 'stored', 'lost', 'stored', 'lost']);
      expect((await all(store)).length).toBe(3);
      expect(await kinds(store, [member(0xd0, 0, 1), cluster('d', 0xd0)])).toEqual(['lost', 'stored']);
    });

    it('E6: whatever the batches, outcomes and contents are as promised', async () => {
      const change: fc.Arbitrary<Change> = fc.oneof(
        fc
          .record({ id: fc.integer({ min: 1, max: 3 }), digest: fc.constantFrom('aa', 'aa', 'bb'), token: fc.nat(255) })
          .map(({ id, digest, token }) => client(id, { sigKeyDigest: digest.repeat(32), token: Uint8Array.of(token) })),
        fc.record({ name: fc.constantFrom('a', 'b', '__proto__'), id: fc.integer({ min: 1, max: 3 }) }).map(
          // An ID is never that of two names.
          ({ name, id }) => cluster(name, 16 * name.length + 8 * (name === 'b' ? 1 : 0) + id),
        ),
        fc
          .record({
            name: fc.constantFrom('a', 'b'),
            id: fc.integer({ min: 1, max: 3 }),
            seat: fc.nat(1),
            by: fc.integer({ min: 1, max: 3 }),
          })
          .map(({ name, id, seat, by }) => member(16 + 8 * (name === 'b' ? 1 : 0) + id, seat, by)),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(fc.array(change, { maxLength: 6 }), { maxLength: 6 }), async (batches) => {
          const store = await openOne();
          const standing = new Map<string, Change>();
          for (const batch of batches) {
            const outcomes = await store.commit(batch);
            expect(outcomes.length).toBe(batch.length);
            for (const [i, change] of batch.entries()) {
              const { key, owner } = keyOf(change);
              const before = standing.get(key);
              const homeless =
                change.kind === 'member' &&
                ![...standing.values()].some((record) => record.kind === 'cluster' && record.id === change.clusterId);
              const lost = homeless || (before !== undefined && keyOf(before).owner !== owner);
              const outcome = outcomes[i]!;
              expect(outcome.kind).toBe(lost ? 'lost' : 'stored');
              if (lost && before !== undefined && outcome.kind === 'lost') {
                expect(outcome.standing.map(plain)).toContainEqual(plain(before));
              }
              if (!lost) standing.set(key, change);
            }
            const expected = [...standing.values()].map(plain);
            const records = await contents(store);
            expect(records.length).toBe(expected.length);
            expect(records).toEqual(expect.arrayContaining(expected));
          }
        }),
        { numRuns: 50 },
      );
    });
  });

  it(`E6: ${name}: after close, load and commit reject`, async () => {
    const store = await openOne();
    await store.commit([client(1)]);
    await store.close();
    await expect(store.commit([client(2)])).rejects.toThrow();
    await expect(all(store)).rejects.toThrow();
  });
}

/** The key of a record, and by whom it is. */
function keyOf(change: Change): { readonly key: string; readonly owner: string } {
  if (change.kind === 'client') return { key: `client ${change.clientId}`, owner: change.sigKeyDigest };
  if (change.kind === 'cluster') return { key: `cluster ${change.name}`, owner: change.id };
  return { key: `member ${change.clusterId} ${change.index}`, owner: change.clientId };
}
