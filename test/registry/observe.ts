// All that can be seen of a table from outside, for comparing tables.

import type { ClusterTable } from '../../src/registry/cluster-table.ts';
import type { Command, Reply } from '../../src/registry/command.ts';
import { CLIENT_IDS, CLUSTER_IDS, NAMES, REGISTRY_ID } from './arbitrary-commands.ts';

/** Commands that change nothing and together show everything. */
const QUESTIONS: readonly Command[] = [
  ...[...CLIENT_IDS, '05'.repeat(20), REGISTRY_ID, ...CLUSTER_IDS].map(
    (clientId): Command => ({ kind: 'find-client', clientId }),
  ),
  ...[...NAMES.map((name) => ({ name })), ...CLUSTER_IDS.map((id) => ({ id }))].map(
    (cluster): Command => ({
      kind: 'get-cluster',
      cluster,
      which: 2n ** 64n - 1n,
      goOn: undefined,
      rosterBytesMax: Number.MAX_SAFE_INTEGER,
    }),
  ),
];

/** What answers everything the same is the same. */
export function observe(answer: (command: Command) => Reply): readonly Reply[] {
  return QUESTIONS.map(answer);
}

export function observeTable(table: ClusterTable) {
  return { replies: observe((command) => table.apply(command).reply), counts: { ...table.counts } };
}
