// A full disk: the server refuses changes, serves all else, and recovers by itself (E5).

import { randomInt } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { FieldRegistry, type Wire } from '../field/field-registry.ts';
import { adminToken } from '../support/admin-token.ts';
import { until } from '../support/until.ts';
import { inconsistencies, Journal, missingFrom, readDisk } from './journal.ts';
import { journalLoad, seededRandom } from './journal-load.ts';
import { SmallDisk } from './small-disk.ts';

const WIRE: Wire = { transport: 'tcp', dialect: 'prefixed' };
const CANNOT_STORE = { op: 13, errDesc: 'registry cannot store' };
const disk = SmallDisk.make();
const LMDB = ['--store', 'lmdb'];

afterAll(() => disk?.remove());

/** Waits until /readyz answers with `status`; resolves to its text. */
async function readiness(registry: FieldRegistry, status: number): Promise<string> {
  const giveUp = performance.now() + 20_000;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${registry.process.adminPort}/readyz`);
    const text = await answer.text();
    if (answer.status === status) return text.trim();
    if (performance.now() > giveUp) throw new Error(`/readyz still says ${answer.status} ${text}`);
  }
}

/** Deletes a cluster by the admin API; resolves to the status and the error code. */
async function deleteCluster({ process }: FieldRegistry, name: string): Promise<[number, string | undefined]> {
  const token = adminToken(process.dataDir);
  const answer = await fetch(`http://127.0.0.1:${process.adminPort}/api/clusters/${name}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${token}` },
  });
  return [answer.status, ((await answer.json()) as { error?: { code: string } }).error?.code];
}

describe.skipIf(disk === undefined)('a disk that is full', () => {
  it('refuses Create and Join, serves all else, and recovers without a restart (E5)', async () => {
    const registry = await FieldRegistry.start({ args: LMDB, dataDir: disk!.directory });
    const first = await registry.register(WIRE, { name: 'first' });
    const second = await registry.register(WIRE, { name: 'second' });
    const { clusterId } = await first.client.create('here', 3);
    await first.client.join('here');

    disk!.fill();
    // The store caches the free space for 50 ms, and filling the disk may take less.
    const believed = performance.now() + 1_000;
    let reply = await second.client.request({ op: 5, clusterName: 'new' });
    for (let i = 1; reply.op === 6 && performance.now() < believed; i++) {
      reply = await second.client.request({ op: 5, clusterName: `new-${i}` });
    }
    expect(reply).toMatchObject(CANNOT_STORE);
    const third = await registry.connect(WIRE);
    expect(await third.identifyById(second.clientId, second.keys)).toMatchObject({ op: 4 });
    expect(await third.request({ op: 7, clusterName: 'here' })).toMatchObject(CANNOT_STORE);
    expect(JSON.parse(await readiness(registry, 503))).toMatchObject({ failing: ['store-writable'] });
    expect((await first.client.getCluster(clusterId)).which).toBe(1n);
    expect((await first.client.create('here')).clusterId).toEqual(clusterId);
    expect(await first.client.join('here')).toMatchObject({ op: 8 });

    expect(await deleteCluster(registry, 'here')).toEqual([507, 'cannot-store']);
    expect((await first.client.getCluster(clusterId)).which).toBe(1n);

    disk!.free();
    await readiness(registry, 200);
    const fourth = await registry.connect(WIRE);
    await fourth.identifyById(second.clientId, second.keys);
    await fourth.join('here');
    expect((await fourth.getCluster()).which).toBe(3n);
    expect(await deleteCluster(registry, 'here')).toEqual([200, undefined]);
    expect(await registry.stop()).toBe(0);
  });

  it('loses under load nothing that the server acknowledged before, during or after (E6)', async () => {
    const seed = Number(process.env.XLREG_SEED ?? randomInt(2 ** 31));
    console.log(`seed ${seed}`);
    const registry = await FieldRegistry.start({ args: LMDB, dataDir: disk!.directory });
    const journal = new Journal();
    let ended = false;
    const loads = Array.from({ length: 8 }, async (_, i) => {
      // A refused client is replaced by another.
      for (let n = 0; !ended; n++) {
        await journalLoad(registry, journal, `d${i}n${n}`, seededRandom(seed + 1_000 * i + n)).catch(() => {});
      }
    });
    const acknowledged = async (more: number) => {
      const goal = journal.count + more;
      await until(() => journal.count >= goal);
    };
    await acknowledged(100);
    disk!.fill();
    await readiness(registry, 503);
    const whenFull = journal.count;
    disk!.free();
    await readiness(registry, 200);
    await acknowledged(100);
    ended = true;
    await registry.process.stop('SIGKILL');
    registry.closeClients();
    await Promise.all(loads);
    const table = await readDisk(disk!.directory);
    expect([...missingFrom(table, journal), ...inconsistencies(table, undefined)]).toEqual([]);
    expect(journal.count).toBeGreaterThan(whenFull);
  });
});
