// npm run bench:store: the cost of a large table at a start: seconds to load it, and memory for a member beyond its
// token. It fills a table, then loads it several times, each in a fresh process. During the first load the disk may
// still be busy with the fill.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ClusterTable } from '../../src/registry/cluster-table.ts';
import { LmdbStore } from '../../src/store/lmdb/lmdb-store.ts';
import { FlagReader } from '../flags.ts';
import { fillTable, TOKEN_BYTES } from './fill-table.ts';

const REGISTRY_ID = 'aa'.repeat(32);
const LOADS = 4;
const NO_LIMITS = {
  ...{ clients: Infinity, clusters: Infinity, clustersPerClient: Infinity, seatsPerClient: Infinity },
  ...{ ephemeralTtlMs: Infinity, idleRegistrationTtlMs: Infinity, emptyClusterTtlMs: Infinity },
};

const flags = new FlagReader(`npm run bench:store -- [--members N]`);
const { values } = flags.parse(() =>
  parseArgs({ options: { members: { type: 'string', default: '1000000' }, load: { type: 'string' } } }),
);

if (values.load === undefined) {
  const directory = mkdtempSync(join(tmpdir(), 'xlreg-store-'));
  const members = flags.whole('members', values.members);
  const bytes = await fillTable(directory, REGISTRY_ID, members);
  console.log(`${members} members: ${(bytes / 2 ** 20).toFixed(0)} MiB on disk`);
  const self = fileURLToPath(import.meta.url);
  const nodeFlags = ['--expose-gc', '--max-semi-space-size=16'];
  for (let time = 0; time < LOADS; time++) {
    spawnSync(process.execPath, [...nodeFlags, self, '--load', directory], { stdio: 'inherit' });
  }
  rmSync(directory, { recursive: true });
} else {
  await load(values.load);
}

async function load(directory: string): Promise<void> {
  const used = () => {
    globalThis.gc!();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = used();
  const started = performance.now();
  const store = LmdbStore.open(directory, { registryId: REGISTRY_ID, bytesMax: undefined });
  const table = new ClusterTable(REGISTRY_ID, NO_LIMITS, 0);
  for await (const records of store.load()) for (const record of records) table.replay(record);
  const seconds = (performance.now() - started) / 1000;
  const { members } = table.counts;
  const bytes = (used() - before) / members - TOKEN_BYTES;
  console.log(
    `loaded in ${seconds.toFixed(2)} s; ${bytes.toFixed(0)} bytes of memory for each member beyond its token`,
  );
  await store.close();
}
