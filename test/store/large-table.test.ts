// A table large enough for a reader thread gives the same records as a small one (E6).

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { TABLE_PIECES_AHEAD_MAX } from '../../src/limits.ts';
import type { Change, ClientRecord, MemberRecord } from '../../src/registry/command.ts';
import { LmdbStore } from '../../src/store/lmdb/lmdb-store.ts';
import { readAhead } from '../../src/store/lmdb/table-reader-thread.ts';
import { StoreUnusableError } from '../../src/store/store.ts';
import { clientKey } from '../../src/store/stored-record.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { REGISTRY_ID } from '../registry/arbitrary-commands.ts';
import { keyOf } from '../registry/observe.ts';
import { meddle, runProgram } from './raw-table.ts';
import { all, client, cluster, member, plain } from './store-contract.ts';

const MEMBERS = 5_000;
const LARGE = 32 * 1024 * 1024;

const numbered = (i: number) => i.toString(16).padStart(64, '0');
const clients: readonly ClientRecord[] = Array.from({ length: MEMBERS }, (_, i) =>
  client(0, { clientId: numbered(i + 1), name: `node-${i}`, token: new Uint8Array(8_000).fill(i) }),
);
const clusters = Array.from({ length: MEMBERS / 64 + 1 }, (_, i) =>
  cluster(`c-${i}`, 0, { id: numbered(MEMBERS + 1 + i) }),
);
const members: readonly MemberRecord[] = clients.map(({ clientId, name, token }, i) =>
  // Every third member has another token than its client.
  member(0, i % 64, 0, { clusterId: clusters[i >> 6]!.id, clientId, name, token: i % 3 ? token : Uint8Array.of(i) }),
);

let directory: string;
const open = () => LmdbStore.open(directory, { registryId: REGISTRY_ID, bytesMax: undefined });

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'xlreg-large-'));
  const store = open();
  await store.commit([...clients, ...clusters, ...members]);
  expect(store.size()).toBeGreaterThan(LARGE);
  await store.close();
});

afterAll(() => rmSync(directory, { recursive: true }));

it('loads as it was stored, repeatedly (E6)', async () => {
  const store = open();
  const byKey = (records: readonly Change[]) => new Map(records.map((record) => [keyOf(record), plain(record)]));
  for (let time = 0; time < 2; time++) {
    expect(byKey(await all(store))).toEqual(byKey([...clients, ...clusters, ...members]));
  }
  await store.close();
});

it('stops loading half-way, and closes at once (E6)', async () => {
  const store = open();
  for await (const records of store.load()) {
    expect(records[0]?.kind).toBe('client');
    break;
  }
  await store.commit([client(1)]);
  await store.commit([{ kind: 'client-removal', clientId: client(1).clientId }]);
  await store.close();
});

it("loads in a server's process, which can end at once (E6)", async () => {
  const [line] = await runProgram(
    `const store = LmdbStore.open(process.argv[1], { registryId: process.argv[2], bytesMax: undefined });
     let count = 0;
     for await (const records of store.load()) count += records.length;
     await store.close();
     console.log(count);
     process.exit(0);`,
    directory,
    REGISTRY_ID,
  );
  expect(Number(line)).toBe(clients.length + clusters.length + members.length);
});

it('refuses a damaged record, and names it (E6)', async () => {
  const key = clientKey(clients[MEMBERS - 1]!.clientId);
  const flip = () =>
    meddle(directory, (table) => {
      const value = Buffer.from(table.getBinary(key)!);
      value[value.length - 1]! ^= 1;
      table.putSync(key, value);
    });
  await flip();
  const store = open();
  const refusal = all(store);
  await expect(refusal).rejects.toThrow(StoreUnusableError);
  await expect(refusal).rejects.toThrow(key.toString('hex'));
  await store.close();
  await flip();
  expect(await verifyStore(directory)).toEqual({ clients: MEMBERS, clusters: clusters.length, members: MEMBERS });
});

it("keeps the reader thread's bound when its wake-up comes late (E6)", async () => {
  const bound = TABLE_PIECES_AHEAD_MAX;
  const { notify, load } = Atomics;
  let most = 0;
  let wakings = 0;
  // The reader takes the freed place and sleeps again between this thread's decrement and its notify. The wake-up then
  // finds the count at the bound: the reader sleeps once more, or has lost its back-pressure.
  const spy = vi.spyOn(Atomics, 'notify').mockImplementation((array, place) => {
    const words = array as unknown as Int32Array;
    const ahead = () => load(words, place);
    const stopped = () => load(words, place + 1) === 1;
    while (wakings < 2 && ahead() <= bound && !stopped()) wakings += notify(words, place);
    most = Math.max(most, ahead());
    return notify(words, place);
  });
  const store = open();
  try {
    let pieces = 0;
    for await (const _ of readAhead(join(directory, 'table'))) if (++pieces > bound) break;
  } finally {
    spy.mockRestore();
    await store.close();
  }
  expect(wakings).toBe(2);
  expect(most).toBe(bound);
});
