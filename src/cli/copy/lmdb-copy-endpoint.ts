// The table of a data directory as the source or target of a copy. Until keep(), the target is in DIR/copying.
import { existsSync } from 'node:fs';
import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LockedError } from '../../identity/data-directory-lock.ts';
import { IdentityError, openDataDirectory } from '../../identity/identity.ts';
import { syncDirectory } from '../../runtime/atomic-file.ts';
import { LmdbStore } from '../../store/lmdb/lmdb-store.ts';
import { readTable } from '../../store/lmdb/table-reader.ts';
import type { Store } from '../../store/store.ts';
import { keepServersFrom, lockForCommand } from '../data-directory.ts';
import { OperatorError } from '../operator-error.ts';
import type { CopySource, CopyTarget } from './copy-endpoint.ts';

/** Opens a table to read. Rejects with OperatorError or StoreUnusableError. */
export async function openLmdbSource(directory: string): Promise<CopySource> {
  const release = await keepServersFrom(directory);
  let registryId: string;
  let store: Store;
  try {
    registryId = await readTable(directory, async (table) => table.registryId);
    store = LmdbStore.open(directory, { registryId, bytesMax: undefined });
  } catch (error) {
    release();
    throw error;
  }
  const close = async () => {
    await store.close();
    release();
  };
  return { registryId, store, close };
}

/** Begins a table, if there is none. Rejects with OperatorError or StoreUnusableError. */
export async function openLmdbTarget(directory: string, registryId: string, term: number): Promise<CopyTarget> {
  const unlock = await lockDirectory(directory);
  const copying = join(directory, 'copying');
  let store: Store;
  try {
    if (existsSync(join(directory, 'table'))) throw new OperatorError(`there is a table in ${directory} already`, 2);
    await assertSameRegistry(directory, registryId);
    // A killed copy may have left it.
    await rm(copying, { recursive: true, force: true });
    store = LmdbStore.open(copying, { registryId, bytesMax: undefined, term });
  } catch (error) {
    unlock();
    throw error;
  }
  return {
    get store() {
      return store;
    },
    abandoned: `${directory} has no table yet`,
    get advice() {
      if (existsSync(join(directory, 'ck.pem'))) return undefined;
      return `the copy has no keys: copy the registry's id, ck.pem and sk.pem to ${directory}, too`;
    },
    async reopen() {
      await store.close();
      store = LmdbStore.open(copying, { registryId, bytesMax: undefined });
      return store;
    },
    async keep() {
      await store.close();
      await syncDirectory(join(copying, 'table'));
      await rename(join(copying, 'table'), join(directory, 'table'));
      await syncDirectory(directory);
    },
    async close() {
      await store.close();
      await rm(copying, { recursive: true, force: true });
      unlock();
    },
  };
}

async function lockDirectory(directory: string): Promise<() => void> {
  try {
    await openDataDirectory(directory);
    return await lockForCommand(directory);
  } catch (error) {
    if (error instanceof LockedError || error instanceof IdentityError) throw new OperatorError(error.message, 2);
    throw error;
  }
}

async function assertSameRegistry(directory: string, registryId: string): Promise<void> {
  const path = join(directory, 'id');
  if (!existsSync(path)) return;
  const id = (await readFile(path, 'utf8')).trim();
  if (id !== registryId)
    throw new OperatorError(`${directory} belongs to another registry: its ID is not ${registryId}`, 2);
}
