// Reads a whole table that no server uses, and checks that its records fit together.
import { strict as assert } from 'node:assert';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ClusterTable } from '../registry/cluster-table.ts';
import type { TableCounts } from '../registry/table-contents.ts';
import { readTable } from './lmdb/table-reader.ts';
import { StoreUnusableError } from './store.ts';

const NO_LIMITS = {
  ...{ clients: Infinity, clusters: Infinity, clustersPerClient: Infinity, seatsPerClient: Infinity },
  ...{ ephemeralTtlMs: Infinity, idleRegistrationTtlMs: Infinity, emptyClusterTtlMs: Infinity },
};

/** Resolves to the counts of records. Rejects with StoreUnusableError at a damaged or contradicting record. */
export function verifyStore(dataDirectory: string): Promise<TableCounts> {
  return readTable(dataDirectory, async ({ registryId, clusterIds, records }) => {
    const table = new ClusterTable(registryId, NO_LIMITS, 0);
    for (const some of records) {
      for (const record of some) {
        try {
          table.replay(record);
          if (record.kind === 'cluster') assert(clusterIds.has(record.id), `${record.id} is not in the index`);
        } catch (error) {
          const reason = `${record.kind === 'entry' ? 'an' : 'a'} ${record.kind} does not fit the rest: ${(error as Error).message}`;
          throw new StoreUnusableError(reason, { cause: error });
        }
      }
      // Give the event loop a turn: the directory's lock has to be renewed while a large table is read.
      await nextTurn();
    }
    return table.counts;
  });
}
