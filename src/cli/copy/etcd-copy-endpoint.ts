// A table on etcd as the source or the target of a copy. Until it is kept, a new one is marked as a copy that is not whole, which
// no server takes.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, readConfig } from '../../config.ts';
import { readEtcdAccess } from '../../server/etcd-access.ts';
import { CopyClaim } from '../../store/etcd/etcd-claim.ts';
import { EtcdStore } from '../../store/etcd/etcd-store.ts';
import { endPointsOf } from '../../store/open-store.ts';
import type { Store } from '../../store/store.ts';
import { UsageError } from '../client-flags.ts';
import type { SourcePlace, TargetPlace } from './copy-endpoint.ts';

/** How etcd is reached, as `xlreg serve` has it, and whose table is read. */
export interface EtcdFlags {
  /** Whose `id` says which registry it is. */
  readonly dataDir: string;
  /** `--etcd-…` and their values. */
  readonly settings: readonly string[];
}

/** Opens it. Throws UsageError, StoreUnusableError. */
export async function openEtcdSource(name: string, flags: EtcdFlags): Promise<SourcePlace> {
  const { prefix, ...access } = accessOf(name, flags);
  const registryId = await readId(flags.dataDir);
  const store = await EtcdStore.open({ access, registryId, prefix, as: 'reader' });
  return { registryId, store, close: () => store.close() };
}

/** Begins it, where there is none. Throws UsageError, StoreUnusableError. */
export async function openEtcdTarget(name: string, registryId: string, flags: EtcdFlags): Promise<TargetPlace> {
  const { prefix, ...access } = accessOf(name, flags);
  const claim = await CopyClaim.begin(access, registryId, prefix);
  let store: Store;
  try {
    store = await EtcdStore.open({ access, registryId, prefix, as: { copying: claim.stamp } });
    // A store on etcd is read before it is written to.
    for await (const _ of store.load());
  } catch (error) {
    await claim.close();
    throw error;
  }
  return {
    store,
    abandoned: `${name} has no table yet`,
    advice: `the registry's keys are no part of its table: each server needs its id, ck.pem and sk.pem`,
    // Its load() asks etcd anew.
    reopen: async () => store,
    keep: () => claim.keep(),
    async close() {
      await store.close();
      await claim.close();
    },
  };
}

function accessOf(name: string, { settings }: EtcdFlags) {
  try {
    return { ...readEtcdAccess(readConfig(settings, process.env), process.env), endPoints: endPointsOf(name) };
  } catch (error) {
    if (error instanceof ConfigError) throw new UsageError(error.message);
    throw error;
  }
}

async function readId(dataDir: string): Promise<string> {
  try {
    return (await readFile(join(dataDir, 'id'), 'utf8')).trim();
  } catch (error) {
    throw new UsageError(`--data-dir should be a data directory of the registry: ${(error as Error).message}`);
  }
}
