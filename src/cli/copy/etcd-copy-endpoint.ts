// A table on etcd as the source or target of a copy. Until keep(), the target is marked as an unfinished copy, which no
// server accepts.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSome } from '../../config.ts';
import { readEtcdAccess } from '../../server/etcd-access.ts';
import { CopyClaim } from '../../store/etcd/etcd-claim.ts';
import { EtcdStore } from '../../store/etcd/etcd-store.ts';
import { endPointsOf } from '../../store/open-store.ts';
import type { Store } from '../../store/store.ts';
import { UsageError } from '../client-flags.ts';
import { dataDirectoryOf, operatorSources, orUsageError } from '../operator-settings.ts';
import type { CopySource, CopyTarget } from './copy-endpoint.ts';

const ETCD_SETTINGS = ['etcd-prefix', 'etcd-tls', 'etcd-user', 'etcd-password-file'] as const;

/**
 * The flags `--etcd-…`, as for `xlreg serve`, and `--data-dir`: its file `id` names the registry whose table is read.
 */
export type EtcdFlags = Readonly<Record<string, string | undefined>>;

/** Opens a table to read. Rejects with UsageError or StoreUnusableError. */
export async function openEtcdSource(name: string, flags: EtcdFlags): Promise<CopySource> {
  const { prefix, ...access } = accessOf(name, flags);
  const registryId = await readId(dataDirectoryOf(flags));
  const store = await EtcdStore.open({ access, registryId, prefix, as: 'reader' });
  return { registryId, store, close: () => store.close() };
}

/** Begins a table, if there is none. Rejects with UsageError or StoreUnusableError. */
export async function openEtcdTarget(
  name: string,
  registryId: string,
  term: number,
  flags: EtcdFlags,
): Promise<CopyTarget> {
  const { prefix, ...access } = accessOf(name, flags);
  const claim = await CopyClaim.begin(access, registryId, prefix, term);
  let store: Store;
  try {
    store = await EtcdStore.open({ access, registryId, prefix, as: { copying: claim.stamp } });
    // EtcdStore has to be loaded before a commit.
    for await (const _ of store.load());
  } catch (error) {
    await claim.close();
    throw error;
  }
  return {
    store,
    abandoned: `${name} has no table yet`,
    advice: `the copy has no keys: each server needs the registry's id, ck.pem and sk.pem`,
    // Its load() reads from etcd again.
    reopen: async () => store,
    keep: () => claim.keep(),
    async close() {
      await store.close();
      await claim.close();
    },
  };
}

/** Throws UsageError. */
function accessOf(name: string, flags: EtcdFlags) {
  const access = orUsageError(() => readEtcdAccess(readSome(ETCD_SETTINGS, operatorSources(flags)), process.env));
  return { ...access, endPoints: endPointsOf(name) };
}

async function readId(dataDir: string): Promise<string> {
  try {
    return (await readFile(join(dataDir, 'id'), 'utf8')).trim();
  } catch (error) {
    throw new UsageError(`--data-dir should be a data directory of the registry: ${(error as Error).message}`);
  }
}
