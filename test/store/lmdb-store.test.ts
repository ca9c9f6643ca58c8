// The LMDB store beyond the contract: ownership, damage, a full table, and readers beside the writer (E5, E6).

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Change, ClientRecord } from '../../src/registry/command.ts';
import { LmdbStore } from '../../src/store/lmdb/lmdb-store.ts';
import { TABLE_DIRECTORY } from '../../src/store/lmdb/open-table.ts';
import { readTable } from '../../src/store/lmdb/table-reader.ts';
import { type Store, StoreFullError, StoreUnusableError } from '../../src/store/store.ts';
import {
  clientKey,
  clusterIdKey,
  clusterKey,
  encodeClient,
  encodeCluster,
  encodeEntry,
  encodeMember,
  entryKey,
  KEY_PREFIX,
  memberKey,
  openValue,
  sealValue,
} from '../../src/store/stored-record.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { ask, over, REFUSED, register } from '../coordinator/asking.ts';
import { idOf, REGISTRY_ID } from '../registry/arbitrary-commands.ts';
import { dataFile, meddle, type RawTable, runProgram, setBack } from './raw-table.ts';
import { all, client, cluster, contents, entry, member, plain } from './store-contract.ts';

const META_KEY = Buffer.from([KEY_PREFIX.meta, ...Buffer.from('registry')]);

const RECORDS = [
  client(1),
  client(2, { token: new Uint8Array(40).fill(2) }),
  cluster('a', 0xa0, { attrs: 2n ** 64n - 1n }),
  cluster('b', 0xb0),
  member(0xa0, 0, 1, { token: Uint8Array.of(1) }),
  member(0xa0, 1, 2),
  entry(0xb0, '01ff', Uint8Array.of(1, 2, 3)),
] as const;

let directory: string;
const opened: Store[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'xlreg-lmdb-'));
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  rmSync(directory, { recursive: true });
});

function open(bytesMax?: number, registryId = REGISTRY_ID): LmdbStore {
  const store = LmdbStore.open(directory, { registryId, bytesMax });
  opened.push(store);
  return store;
}

/** Makes a table with these records, and closes it. */
async function settle(records: readonly Change[] = RECORDS): Promise<void> {
  const store = open();
  await store.commit(records);
  await store.close();
}

/** The message with which opening or loading the table fails. */
async function refusal(): Promise<string> {
  const error = await Promise.resolve()
    .then(async () => all(open()))
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  expect(error).toBeInstanceOf(StoreUnusableError);
  return (error as Error).message;
}

describe('ownership of a table', () => {
  it("refuses another registry's table, and leaves its owner unchanged (K2)", async () => {
    await settle();
    const other = idOf(0xdd);
    expect(() => open(undefined, other)).toThrow(StoreUnusableError);
    expect(() => open(undefined, other)).toThrow(new RegExp(`${REGISTRY_ID}.*${other}`));
    expect(await contents(open())).toEqual(RECORDS.map(plain));
  });

  it('makes the directory private to its owner', async () => {
    await settle();
    expect(statSync(join(directory, TABLE_DIRECTORY)).mode & 0o077).toBe(0);
  });

  it('makes the files private to their owner, also those of an older version and of a copy', async () => {
    const modes = (...names: string[]) => {
      const path = join(directory, ...names, TABLE_DIRECTORY);
      return readdirSync(path).map((name) => (statSync(join(path, name)).mode & 0o777).toString(8));
    };
    const umask = process.umask(0);
    try {
      await settle();
      expect(modes()).toEqual(['600', '600']);
      for (const name of readdirSync(join(directory, TABLE_DIRECTORY))) {
        chmodSync(join(directory, TABLE_DIRECTORY, name), 0o664);
      }
      const store = open();
      expect(modes()).toEqual(['600', '600']);
      await store.backup(join(directory, 'copy', TABLE_DIRECTORY));
      expect(modes('copy')).toEqual(['600']);
      await verifyStore(join(directory, 'copy'));
      expect(modes('copy')).toEqual(['600', '600']);
    } finally {
      process.umask(umask);
    }
  });

  it('refuses a newer schema', async () => {
    await settle();
    const text = JSON.stringify({ schema: 2, registryId: REGISTRY_ID });
    await meddle(directory, (table) => table.putSync(META_KEY, sealValue(META_KEY, [Buffer.from(text)])));
    expect(await refusal()).toMatch(/schema 2/);
    await expect(verifyStore(directory)).rejects.toThrow(StoreUnusableError);
  });

  it.each([
    // Clients and members have version 2 with the parts of the sealed dialect, clusters 3 with a confirm time.
    ['a client', clientKey(idOf(2)), 3],
    ['a cluster', clusterKey('b'), 4],
    ['a member', memberKey(idOf(0xa0), 1), 3],
    ['an entry', entryKey(idOf(0xb0), '01ff'), 2],
    ['its own', META_KEY, 2],
  ])('refuses a newer version of a record: %s', async (_, key, version) => {
    await settle();
    await meddle(directory, (table) => {
      const value = Buffer.from(table.getBinary(key)!);
      value[0] = version;
      table.putSync(key, value);
    });
    const message = await refusal();
    expect(message).toContain(`version ${version}`);
    expect(message).toContain(key.toString('hex'));
  });
});

describe('a table from before cluster marks', () => {
  it('keeps a cluster without flags, which becomes version 2 when stored again (R4)', async () => {
    await settle();
    const key = clusterKey('a');
    const attrs = Buffer.alloc(8, 0xff);
    const old = sealValue(key, [Buffer.of(64, 1), attrs, Buffer.from(idOf(0xa0), 'hex')]);
    expect(old[0]).toBe(1);
    await meddle(directory, (table) => table.putSync(key, old));
    const kept = { ...RECORDS[2], keep: true } as const;
    const store = open();
    const clusters = (records: object[]) => records.filter((record) => 'size' in record);
    expect(clusters(await contents(store))).toEqual([kept, RECORDS[3]]);
    await store.commit([kept]);
    expect(clusters(await contents(store))).toEqual([kept, RECORDS[3]]);
    await store.close();
    expect(await verifyStore(directory)).toEqual({ clients: 2, clusters: 2, members: 2 });
    await meddle(directory, (table) => expect(table.getBinary(key)![0]).toBe(2));
  });
});

describe('damage', () => {
  /** Values of all kinds with their keys. */
  const VALUES = [
    ['a client', clientKey(idOf(2)), encodeClient(clientKey(idOf(2)), RECORDS[1])],
    ['a cluster', clusterKey('a'), encodeCluster(clusterKey('a'), RECORDS[2])],
    ['a member', memberKey(idOf(0xa0), 1), encodeMember(memberKey(idOf(0xa0), 1), RECORDS[5], false)],
    ['an entry', entryKey(idOf(0xb0), '01ff'), encodeEntry(entryKey(idOf(0xb0), '01ff'), RECORDS[6])],
  ] as const;

  it.each(VALUES)('of any bit of a value is detected: %s (E6)', (_, key, value) => {
    openValue(key, value);
    for (let bit = 0; bit < 8 * value.length; bit++) {
      const damaged = Buffer.from(value);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => openValue(key, damaged), `bit ${bit}`).toThrow(StoreUnusableError);
      expect(() => openValue(key, damaged), `bit ${bit}`).toThrow(key.toString('hex'));
    }
  });

  it.each(VALUES)("of a value's length is detected: %s (E6)", (_, key, value) => {
    for (let length = 0; length < value.length; length++) {
      expect(() => openValue(key, value.subarray(0, length)), `${length} bytes`).toThrow(StoreUnusableError);
    }
    expect(() => openValue(key, Buffer.concat([value, Buffer.alloc(1)]))).toThrow(StoreUnusableError);
  });

  it.each([...VALUES.map(([name, key]) => [name, key] as const), ['its own', META_KEY] as const])(
    'of a byte on disk prevents loading, and the error names the record: %s (E6)',
    async (_, key) => {
      await settle();
      const length = await lengthOf(key);
      for (let at = 0; at < length; at++) {
        // 0x40 never turns a version byte of 1 into another valid version.
        await flip(key, at, 0x40);
        const message = await refusal();
        expect(message, `byte ${at}`).toContain(key.toString('hex'));
        await expect(verifyStore(directory)).rejects.toThrow(StoreUnusableError);
        await flip(key, at, 0x40);
      }
      expect((await all(open())).length).toBe(RECORDS.length);
    },
  );

  async function lengthOf(key: Buffer): Promise<number> {
    let length = 0;
    await meddle(directory, (table) => {
      length = table.getBinary(key)!.length;
    });
    return length;
  }

  async function flip(key: Buffer, at: number, bits: number): Promise<void> {
    await meddle(directory, (table) => {
      const value = Buffer.from(table.getBinary(key)!);
      value[at]! ^= bits;
      table.putSync(key, value);
    });
  }

  it.each([
    ['two clients', clientKey(idOf(1)), clientKey(idOf(2))],
    ['two clusters', clusterKey('a'), clusterKey('b')],
    ['two members', memberKey(idOf(0xa0), 0), memberKey(idOf(0xa0), 1)],
    ['a client and a cluster', clientKey(idOf(1)), clusterKey('a')],
  ])('that swaps two values is detected: %s (E6)', async (_, one, other) => {
    await settle();
    const swap = (table: RawTable) => {
      const [first, second] = [one, other].map((key) => Buffer.from(table.getBinary(key)!));
      table.putSync(one, second!);
      table.putSync(other, first!);
    };
    await meddle(directory, swap);
    expect(await refusal()).toContain(one.toString('hex'));
    await meddle(directory, swap);
    expect(await contents(open())).toEqual(RECORDS.map(plain));
  });

  it.each([
    ['a member without its cluster', clusterKey('a')],
    ['a member without a token without its client', clientKey(idOf(1))],
    ['an entry without its cluster', clusterKey('b')],
  ])('that leaves %s is found by verifyStore (E6)', async (_, key) => {
    await settle();
    await meddle(directory, (table) => {
      expect(table.removeSync(key)).toBe(true);
    });
    await expect(verifyStore(directory)).rejects.toThrow(StoreUnusableError);
    await expect(verifyStore(directory)).rejects.toThrow(/(seat|member|entry) does not fit/);
  });

  it('that hides a cluster from its ID is found by verifyStore (E6)', async () => {
    await settle();
    await meddle(directory, (table) => {
      expect(table.removeSync(clusterIdKey(idOf(0xb0)))).toBe(true);
    });
    await expect(verifyStore(directory)).rejects.toThrow(StoreUnusableError);
  });
});

describe('a changed data file', () => {
  /** Opens, loads, reads and verifies copies of a file cut to these lengths; prints the result of each. */
  const PROGRAM = `
    import { copyFileSync, mkdirSync, rmSync, truncateSync } from 'node:fs';
    import { join } from 'node:path';
    const [directory, registryId, ...lengths] = process.argv.slice(1);
    const attempts = {
      load: async (copy) => {
        const store = LmdbStore.open(copy, { registryId });
        for await (const _ of store.load());
        await store.close();
      },
      read: async (copy) => {
        await readTable(copy, async ({ records }) => void [...records]);
      },
      verify: verifyStore,
    };
    for (const length of lengths) {
      for (const [name, attempt] of Object.entries(attempts)) {
        const copy = join(directory, name + length);
        mkdirSync(join(copy, 'table'), { recursive: true });
        copyFileSync(join(directory, 'table/data.mdb'), join(copy, 'table/data.mdb'));
        truncateSync(join(copy, 'table/data.mdb'), Number(length));
        const end = await attempt(copy).then(() => 'taken', (error) => error instanceof StoreUnusableError ? 'refused' : String(error));
        console.log(length, name, end);
      }
    }
    process.exit(0);`;

  it('is refused at any shorter length, and the process continues (E6)', async () => {
    const records = Array.from({ length: 60 }, (_, i) => client(i + 1, { token: new Uint8Array(700 + 90 * i) }));
    for (let i = 0; i < records.length; i += 6) await settle(records.slice(i, i + 6));
    const { size } = statSync(dataFile(directory));
    const pages = size / 4_096;
    const lengths = [0, 1, 23, 24, 28, 159, 160, 4_095, 4_097, 4_255, 4_256, 8_191, 8_193, size - 1, size - 4_095];
    for (let page = 1; page < pages; page += page < 8 ? 1 : 5) lengths.push(page * 4_096);
    const lines = await runProgram(PROGRAM, directory, REGISTRY_ID, ...lengths.map(String), String(size));
    const expected = [...lengths, size].flatMap((length) =>
      ['load', 'read', 'verify'].map((name) => `${length} ${name} ${length < size ? 'refused' : 'taken'}`),
    );
    expect(lines).toEqual(expected);
  });

  it.each([
    ['text', Buffer.from('this is no table\n'.repeat(2_000))],
    ['zeros', Buffer.alloc(32_768)],
    ['a database of another kind', Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(8_192, 1)])],
    ['nothing', Buffer.alloc(0)],
  ])('is refused and left as it is: %s (E6)', async (_, bytes) => {
    mkdirSync(join(directory, TABLE_DIRECTORY));
    writeFileSync(dataFile(directory), bytes);
    expect(await refusal()).toContain('data.mdb');
    await expect(verifyStore(directory)).rejects.toThrow(StoreUnusableError);
    expect(readFileSync(dataFile(directory)).equals(bytes)).toBe(true);
  });

  it('is refused if it is a directory, or if the table is a file (E6)', async () => {
    mkdirSync(dataFile(directory), { recursive: true });
    await refusal();
    rmSync(join(directory, TABLE_DIRECTORY), { recursive: true });
    writeFileSync(join(directory, TABLE_DIRECTORY), 'a file');
    await refusal();
  });

  it("is refused and left as it is if it is another program's LMDB (E6)", async () => {
    mkdirSync(join(directory, TABLE_DIRECTORY));
    const theirs = Buffer.from('theirs');
    await meddle(directory, (table) => table.putSync(theirs, theirs));
    expect(await refusal()).toMatch(/not a table of xlReg/);
    await expect(verifyStore(directory)).rejects.toThrow(StoreUnusableError);
    await meddle(directory, (table) => {
      expect([...table.getKeys()]).toEqual([theirs]);
    });
  });

  it('is accepted after any commits: a file is never shorter than its meta page promises (E6)', async () => {
    const length = fc.constantFrom(1, 100, 1_000, 2_039, 2_500, 5_000, 9_000, 16_000);
    const records = fc.record({ id: fc.integer({ min: 1, max: 6 }), length, removed: fc.boolean() });
    const batches = fc.array(fc.array(records, { maxLength: 8 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(batches, async (batches) => {
        rmSync(join(directory, TABLE_DIRECTORY), { recursive: true, force: true });
        for (const batch of batches) {
          await settle(
            batch.map(
              ({ id, length, removed }): Change =>
                removed
                  ? { kind: 'client-removal', clientId: idOf(id) }
                  : client(id, { token: new Uint8Array(length).fill(id) }),
            ),
          );
        }
        const store = open();
        for (const record of await all(store)) {
          if (record.kind !== 'client') throw new Error(`a ${record.kind} in place of a client`);
          expect(new Set(record.token)).toEqual(new Set([Number.parseInt(record.clientId.slice(0, 2), 16)]));
        }
        await store.close();
      }),
      { numRuns: 60 },
    );
  });
});

describe('a commit', () => {
  it('that fails in the middle stores nothing, and does not affect the next (E6)', async () => {
    const store = open();
    await store.commit(RECORDS);
    const impossible = cluster('c', 0xc0, { attrs: 2n ** 64n });
    await expect(store.commit([client(3), member(0xa0, 2, 3), impossible, client(4)])).rejects.toThrow(RangeError);
    expect(await contents(store)).toEqual(RECORDS.map(plain));
    await store.commit([client(5)]);
    await store.close();
    expect((await contents(open())).length).toBe(RECORDS.length + 1);
  });

  it('is on disk when it resolves: a process killed then has lost nothing (E6)', async () => {
    const program = `
      const [directory, registryId] = process.argv.slice(1);
      const store = LmdbStore.open(directory, { registryId });
      const record = (i) => ({ kind: 'client', clientId: i.toString(16).padStart(64, '0'), name: 'n', sigKeyDigest: 'aa'.repeat(32), endPointCount: 1, ephemeral: false, token: new Uint8Array(100 * i) });
      for (let i = 1; i <= 30; i++) {
        await store.commit([record(i)]);
        if (i === 30) process.kill(process.pid, 'SIGKILL');
      }`;
    await expect(runProgram(program, directory, REGISTRY_ID)).rejects.toMatchObject({ signal: 'SIGKILL' });
    expect(await verifyStore(directory)).toEqual({ clients: 30, clusters: 0, members: 0 });
    expect((await all(open())).length).toBe(30);
  });
});

describe('a full store', () => {
  const big = (id: number) => client(id, { token: new Uint8Array(8_000).fill(id) });

  it('stores nothing of the batch at its limit of bytes, and serves reads (E5)', async () => {
    const bytesMax = 500_000;
    const store = open(bytesMax);
    let stored = 0;
    let refused: unknown;
    while (refused === undefined && stored < 200) {
      await store.commit([big(stored + 1)]).then(
        () => {
          stored += 1;
        },
        (error: unknown) => {
          refused = error;
        },
      );
    }
    expect(refused).toBeInstanceOf(StoreFullError);
    expect((refused as Error).message).toContain(`${bytesMax}`);
    expect(stored).toBeGreaterThan(20);
    expect(store.size()).toBeGreaterThanOrEqual(bytesMax);
    await expect(store.commit([client(0xf0), cluster('c', 0xc0)])).rejects.toThrow(StoreFullError);
    await expect(store.probe()).rejects.toThrow(StoreFullError);
    expect((await all(store)).length).toBe(stored);
    await store.close();
    const larger = open(2 * bytesMax);
    await larger.probe();
    await larger.commit([client(0xf0)]);
    expect((await all(larger)).length).toBe(stored + 1);
  });

  it('is reported as full, serves reads, and has room again when its limit grows (E5)', async () => {
    let { coordinator, full, broken } = over(open(200_000));
    const token = new Uint8Array(8_000);
    const kinds: string[] = [];
    for (let i = 1; i <= 100; i++) kinds.push((await ask(coordinator, { ...register(i), token } as never)).kind);
    const stored = kinds.indexOf('refused');
    expect(stored).toBeGreaterThan(5);
    expect(new Set(kinds.slice(stored))).toEqual(new Set(['refused']));
    expect(full).toEqual([expect.stringContaining('200000')]);
    expect(broken).toEqual([]);
    const find = { kind: 'find-client', clientId: idOf(1) } as const;
    expect((await ask(coordinator, find)).kind).toBe('client');
    coordinator.sweep();
    await coordinator.settled();
    expect(await ask(coordinator, { ...register(200), token } as never)).toEqual(REFUSED);
    await opened.pop()!.close();

    ({ coordinator, full, broken } = over(open(2_000_000)));
    await coordinator.load();
    expect((await ask(coordinator, { ...register(200), token } as never)).kind).toBe('registered');
    expect([full, broken]).toEqual([[], []]);
  });
});

describe('reading', () => {
  it('gives the committed records beside an open writer, which continues (E6)', async () => {
    const store = open();
    await store.commit(RECORDS);
    expect(await read()).toEqual(['client', 'client', 'cluster', 'cluster', 'seat', 'member', 'entry']);
    expect(await verifyStore(directory)).toEqual({ clients: 2, clusters: 2, members: 2 });
    await store.commit([client(3)]);
    expect(await verifyStore(directory)).toEqual({ clients: 3, clusters: 2, members: 2 });
    expect((await all(store)).length).toBe(RECORDS.length + 1);
  });

  it.each([1, 2, 3])('ends the writer before a loss if another process sets LMDB back by %i (E6)', async (by) => {
    const store = open();
    for (let i = 1; i <= 10; i++) await store.commit([client(i)]);
    setBack(directory, by);
    await expect(store.commit([client(11)])).rejects.toThrow(StoreUnusableError);
    await store.close();
    const again = open();
    await again.commit([client(12)]);
    const names = (await all(again)).map((record) => (record as ClientRecord).name);
    expect(names).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12].map((i) => `node-${i}`));
  });

  it('sees one moment, however slowly it reads (E6)', async () => {
    const store = open();
    await store.commit([client(1)]);
    const seen = await readTable(directory, async ({ registryId, clusterIds, records }) => {
      await store.commit([client(2), cluster('a', 0xa0), member(0xa0, 0, 2, { token: Uint8Array.of(2) })]);
      const kinds: string[] = [];
      for (const some of records) {
        kinds.push(...some.map(({ kind }) => kind));
        // Turns of the event loop, as a reader that writes elsewhere takes.
        for (let i = 0; i < 5; i++) await turn();
      }
      return { registryId, clusterIds, kinds };
    });
    expect(seen).toEqual({ registryId: REGISTRY_ID, clusterIds: new Set(), kinds: ['client'] });
    expect(await verifyStore(directory)).toEqual({ clients: 2, clusters: 1, members: 1 });
  });

  it('sees one moment, however slowly it reads, of removed and replaced records (E6)', async () => {
    const store = open();
    const records = Array.from({ length: 2_000 }, (_, i) =>
      client(0, { clientId: (i + 1).toString(16).padStart(64, '0'), token: new Uint8Array(50).fill(i) }),
    );
    await store.commit(records);
    const seen: Change[] = [];
    await readTable(directory, async (stored) => {
      for (const some of stored.records) {
        seen.push(...(some as Change[]));
        if (seen.length > some.length) continue;
        await store.commit(records.slice(0, 1_500).map(({ clientId }) => ({ kind: 'client-removal', clientId })));
        for (let i = 0; i < 20; i++) {
          await store.commit(records.slice(1_500).map((record) => ({ ...record, token: new Uint8Array(50).fill(i) })));
          await turn();
        }
      }
    });
    expect(seen.map(plain)).toEqual(records.map(plain));
  });

  it('refuses a missing table, and makes none (E6)', async () => {
    await expect(read()).rejects.toThrow(StoreUnusableError);
    await expect(verifyStore(directory)).rejects.toThrow(StoreUnusableError);
    expect(readdirSync(directory)).toEqual([]);
    const missing = join(directory, 'missing');
    await expect(verifyStore(missing)).rejects.toThrow(StoreUnusableError);
    expect(existsSync(missing)).toBe(false);
  });

  it('sees one moment, however slowly it reads, of removed records (E6)', async () => {
    const store = open();
    const records = Array.from({ length: 2_000 }, (_, i) =>
      client(0, { clientId: (i + 1).toString(16).padStart(64, '0') }),
    );
    await store.commit(records);
    let seen = 0;
    await readTable(directory, async ({ records: stored }) => {
      for (const some of stored) {
        if (seen === 0) await store.commit(records.map(({ clientId }) => ({ kind: 'client-removal', clientId })));
        seen += some.length;
        for (let i = 0; i < 5; i++) await turn();
      }
    });
    expect(seen).toBe(records.length);
  });

  function read(): Promise<string[]> {
    return readTable(directory, async ({ records }) => [...records].flat().map(({ kind }) => kind));
  }
});

describe('a backup', () => {
  const BACKING_UP = `
    const [directory, registryId] = process.argv.slice(1);
    const store = LmdbStore.open(directory, { registryId });
    const backup = store.backup(directory + '/copy/table').then(() => 'finished', () => 'rejected');
    await store.close();
    console.log(await backup);`;

  it('finishes or rejects if the store is closed meanwhile, and the process continues (E6)', async () => {
    await settle(Array.from({ length: 100 }, (_, i) => client(i + 1, { token: new Uint8Array(8_000) })));
    const [end] = await runProgram(BACKING_UP, directory, REGISTRY_ID);
    expect(end).toMatch(/^(finished|rejected)$/);
    if (end === 'finished') expect((await verifyStore(join(directory, 'copy'))).clients).toBe(100);
    expect((await all(open())).length).toBe(100);
  });

  it('is private to its owner, and belongs to the same registry (E6)', async () => {
    const store = open();
    await store.commit(RECORDS);
    await store.backup(join(directory, 'copy', TABLE_DIRECTORY));
    expect(statSync(join(directory, 'copy', TABLE_DIRECTORY)).mode & 0o077).toBe(0);
    const copy = join(directory, 'copy');
    expect(() => LmdbStore.open(copy, { registryId: idOf(0xdd), bytesMax: undefined })).toThrow(StoreUnusableError);
    expect(await verifyStore(copy)).toEqual({ clients: 2, clusters: 2, members: 2 });
  });
});
