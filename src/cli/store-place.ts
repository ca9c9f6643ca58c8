// Where a table is that no server uses, as xlreg store copy has it: a scheme and what the scheme makes of the rest. Invariant:
// a target is a table that servers find only once it is kept; what is abandoned before leaves nothing they would take.
//
//   lmdb:DIR    the table of the data directory DIR; until it is kept, a new one is in DIR/copying
import { existsSync } from 'node:fs';
import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { escapeText } from '../client/escape-text.ts';
import { syncDirectory } from '../durable-file.ts';
import { LockedError, lockDataDirectory } from '../server/data-directory-lock.ts';
import { IdentityError, openDataDirectory } from '../server/identity.ts';
import { LmdbStore } from '../store/lmdb-store.ts';
import type { Store } from '../store/store.ts';
import { readTable } from '../store/table-reader.ts';
import { UsageError } from './client-flags.ts';
import { OperatorError } from './operator-error.ts';

/** A table to read, which nobody changes until it is closed. */
export interface SourcePlace {
  /** Whose it is, hex. */
  readonly registryId: string;
  readonly store: Store;
  close(): Promise<void>;
}

/** A table to be. */
export interface TargetPlace {
  readonly store: Store;
  /** What is there if it is not kept, for a message. */
  readonly abandoned: string;
  /** What there is to do before a server can use it, beyond keeping it; undefined if nothing. */
  readonly advice: string | undefined;
  /** The same records, read anew from where they last. */
  reopen(): Promise<Store>;
  /** Gives servers what was written. */
  keep(): Promise<void>;
  /** Takes away what was not kept, as far as that can be done. */
  close(): Promise<void>;
}

/** Opens a table to copy. Throws UsageError, OperatorError, StoreUnusableError. */
export async function openSource(text: string): Promise<SourcePlace> {
  const directory = directoryOf('FROM', text);
  const registryId = await readTable(directory, async (table) => table.registryId);
  const unlock = await lock(directory);
  let store: Store;
  try {
    store = LmdbStore.open(directory, { registryId, bytesMax: undefined });
  } catch (error) {
    unlock();
    throw error;
  }
  const close = async () => {
    await store.close();
    unlock();
  };
  return { registryId, store, close };
}

/** Begins a table of this registry where there is none. Throws UsageError, OperatorError, StoreUnusableError. */
export async function openTarget(text: string, registryId: string): Promise<TargetPlace> {
  const directory = directoryOf('TO', text);
  const unlock = await lock(directory);
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

function directoryOf(what: string, text: string): string {
  const [, scheme, rest] = /^([a-z]+):(.+)$/s.exec(text) ?? [];
  if (scheme === 'lmdb' && rest !== undefined) return rest;
  throw new UsageError(`${what} should be lmdb:DIR, not "${escapeText(text)}"`);
}

async function lock(directory: string): Promise<() => void> {
  try {
    await openDataDirectory(directory);
    return lockDataDirectory(directory);
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
