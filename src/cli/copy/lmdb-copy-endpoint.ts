// The table of a data directory as the source or the target of a copy. Until it is kept, a new one is in DIR/copying.
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
import type { SourcePlace, TargetPlace } from './copy-endpoint.ts';

/** Opens it. Throws OperatorError, StoreUnusableError. */
export async function openLmdbSource(directory: string): Promise<SourcePlace> {
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

/** Begins it, where there is none. Throws OperatorError, StoreUnusableError. */
export async function openLmdbTarget(directory: string, registryId: string): Promise<TargetPlace> {
  const unlock = await takeDirectory(directory);
  const copying = join(directory, 'copying');
  let store: Store;
  try {
    if (existsSync(join(directory, 'table'))) throw new OperatorError(`there is a table in ${directory} already`, 2);
    await assertNobodyElses(directory, registryId);
    // What a copy left that was killed.
    await rm(copying, { recursive: true, force: true });
    store = LmdbStore.open(copying, { registryId, bytesMax: undefined });
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
      return `the registry's keys are no part of its table: copy id, ck.pem and sk.pem to ${directory}, too`;
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

async function takeDirectory(directory: string): Promise<() => void> {
  try {
    await openDataDirectory(directory);
    return await lockForCommand(directory);
  } catch (error) {
    if (error instanceof LockedError || error instanceof IdentityError) throw new OperatorError(error.message, 2);
    throw error;
  }
}

async function assertNobodyElses(directory: string, registryId: string): Promise<void> {
  const path = join(directory, 'id');
  if (!existsSync(path)) return;
  const id = (await readFile(path, 'utf8')).trim();
  if (id !== registryId) throw new OperatorError(`${directory} is another registry's: its ID is not ${registryId}`, 2);
}
