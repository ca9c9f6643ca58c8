// The store contract over the LMDB store, including that of lasting stores.

import { join } from 'node:path';
import { LmdbStore } from '../../src/store/lmdb/lmdb-store.ts';
import { TABLE_DIRECTORY } from '../../src/store/lmdb/open-table.ts';
import { REGISTRY_ID } from '../registry/arbitrary-commands.ts';
import { storeContract } from './store-contract.ts';

function open(dataDirectory: string): LmdbStore {
  return LmdbStore.open(dataDirectory, { registryId: REGISTRY_ID, bytesMax: undefined });
}

storeContract('lmdb', open, {
  reopen: open,
  backupIn: (dataDirectory) => join(dataDirectory, TABLE_DIRECTORY),
});
