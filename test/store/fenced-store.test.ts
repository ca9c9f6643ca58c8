// A table on disk behind the fence of its directory's lock: it commits only while the lock is certainly held (E5, E6).

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bootMilliseconds, Fence } from '../../src/shared-memory/fence.ts';
import { LmdbStore } from '../../src/store/lmdb/lmdb-store.ts';
import { StoreUnreachableError, StoreUnusableError } from '../../src/store/store.ts';
import { ask, create, getCluster, over, REFUSED, register } from '../coordinator/asking.ts';
import { REGISTRY_ID } from '../registry/arbitrary-commands.ts';
import { all, client } from './store-contract.ts';

const HOUR_MS = 3_600_000;

let directory: string;
let fence: Fence;
let store: LmdbStore;
let synced: () => void;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'xlreg-fenced-'));
  fence = new Fence();
  synced = () => {};
  store = LmdbStore.open(directory, { registryId: REGISTRY_ID, bytesMax: undefined, fence, synced: () => synced() });
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

const open = () => fence.openUntil(bootMilliseconds() + HOUR_MS);

/** Opens a fence from another thread after these milliseconds, as the renewing thread does. */
function openLater(milliseconds: number): Worker {
  const program = `
    const { workerData: { memory, deadline, milliseconds } } = require('node:worker_threads');
    setTimeout(() => {
      const word = new BigInt64Array(memory);
      Atomics.store(word, 0, BigInt(deadline));
      Atomics.notify(word, 0);
    }, milliseconds);`;
  const deadline = Math.floor(bootMilliseconds() + HOUR_MS);
  return new Worker(program, { eval: true, workerData: { memory: fence.memory, deadline, milliseconds } });
}

describe('a fence', () => {
  it('closes at its deadline by itself, and opens again', () => {
    expect(fence.waitOpen(0)).toBe(false);
    open();
    expect(fence.waitOpen(0)).toBe(true);
    fence.openUntil(bootMilliseconds() - 1);
    expect(fence.waitOpen(20)).toBe(false);
    open();
    expect(fence.waitOpen(0)).toBe(true);
  });

  it('admits a waiting thread when another opens it', async () => {
    const opener = openLater(50);
    expect(fence.waitOpen(20_000)).toBe(true);
    await opener.terminate();
  });

  it('stays closed once the lock is lost, and makes no thread wait', () => {
    open();
    fence.lose();
    open();
    const began = performance.now();
    expect(fence.waitOpen(20_000)).toBe(false);
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});

describe('a store behind a closed fence', () => {
  it("stores nothing, and stores again after the lock's renewal", async () => {
    await expect(store.commit([client(1)])).rejects.toThrow(StoreUnreachableError);
    await expect(store.probe()).rejects.toThrow(StoreUnreachableError);
    expect(await all(store)).toEqual([]);
    open();
    await store.commit([client(1)]);
    expect((await all(store)).length).toBe(1);
  });

  it('waits for a renewal that comes soon', async () => {
    const opener = openLater(100);
    expect(await store.commit([client(1)])).toEqual([{ kind: 'stored' }]);
    await opener.terminate();
  });

  it('reports nothing as stored if the lock is lost during the commit', async () => {
    open();
    synced = () => fence.lose();
    await expect(store.commit([client(1)])).rejects.toThrow(StoreUnusableError);
  });

  it('makes the registry refuse changes until a sweep finds the lock renewed (E5)', async () => {
    open();
    const { coordinator, unreachable, broken } = over(store);
    await ask(coordinator, register(1));
    await ask(coordinator, create('c', 0xc0));
    fence.openUntil(0);
    expect(await ask(coordinator, create('d', 0xd0))).toEqual(REFUSED);
    expect((await ask(coordinator, getCluster('c'))).kind).toBe('roster');
    expect(unreachable).toEqual([expect.stringMatching(/^the lock of the data directory is not renewed/)]);
    open();
    coordinator.sweep();
    await coordinator.settled();
    expect(unreachable.slice(1)).toEqual([undefined]);
    expect((await ask(coordinator, create('d', 0xd0))).kind).toBe('cluster');
    expect(broken).toEqual([]);
  });

  it('makes the registry stop if the lock is lost during a commit (E6)', async () => {
    open();
    const { coordinator, broken } = over(store);
    synced = () => fence.lose();
    expect(await ask(coordinator, register(1))).toEqual(REFUSED);
    expect(broken).toEqual([expect.any(StoreUnusableError)]);
  });
});
