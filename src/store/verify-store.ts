// Reads a whole table from outside, be it in use or not, and holds it against what a table has to be.
import { ClusterTable, type TableCounts } from '../registry/cluster-table.ts';
import { readStoredRecords, registryOfTable } from './lmdb-store.ts';
import { StoreUnusableError } from './store.ts';

const NO_LIMITS = { clients: Infinity, clusters: Infinity, ephemeralTtlMs: Infinity, idleRegistrationTtlMs: Infinity };

/** How many records there are, all of them readable and fitting together; throws StoreUnusableError where they do not. */
export async function verifyStore(dataDirectory: string): Promise<TableCounts> {
  const registryId = await registryOfTable(dataDirectory);
  const table = new ClusterTable(registryId, NO_LIMITS, 0);
  for await (const records of readStoredRecords(dataDirectory)) {
    for (const record of records) {
      try {
        table.absorb(record);
      } catch (error) {
        throw new StoreUnusableError(`a ${record.kind} does not fit the rest: ${(error as Error).message}`, {
          cause: error,
        });
      }
    }
  }
  return table.counts;
}
