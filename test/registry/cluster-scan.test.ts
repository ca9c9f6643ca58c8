// Pages of clusters by name: each cluster is on exactly one page, however few are examined at once.

import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ClusterPage, ClusterQuery, FillState } from '../../src/registry/cluster-scan.ts';
import { ClusterTable } from '../../src/registry/cluster-table.ts';
import { NO_LIMITS, REGISTRY_ID } from './arbitrary-commands.ts';

const hex = (text: string) => Buffer.alloc(32, text).toString('hex');

/** Clusters of two seats with this many members each. */
function tableOf(fills: ReadonlyMap<string, number>): ClusterTable {
  const table = new ClusterTable(REGISTRY_ID, NO_LIMITS, 0);
  for (const [name, members] of fills) {
    table.replay({ kind: 'cluster', id: hex(`c${name}`), name, size: 2, endPointCount: 1, attrs: 0n });
    for (let index = 0; index < members; index++) {
      const clientId = hex(`m${index}${name}`);
      table.replay({
        kind: 'member',
        clusterId: hex(`c${name}`),
        index,
        clientId,
        name: `m${index}`,
        token: Uint8Array.of(1),
      });
    }
  }
  return table;
}

function page(table: ClusterTable, query: ClusterQuery, step: number): ClusterPage {
  const scan = table.scanClusters(query);
  for (;;) {
    const page = scan.next(step);
    if (page) return page;
  }
}

const FILLS: readonly FillState[] = ['empty', 'filling', 'full'];

it('lists every matching cluster once, by name, and tells whether more follow', () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[abAB0_][ab.]{0,3}$/), { maxLength: 30 });
  const question = fc.record({
    prefix: fc.constantFrom('', 'a', 'ab', 'B', 'x'),
    fill: fc.constantFrom(undefined, ...FILLS),
    limit: fc.integer({ min: 1, max: 7 }),
  });
  fc.assert(
    fc.property(
      names,
      fc.array(fc.nat(2), { minLength: 30, maxLength: 30 }),
      question,
      fc.integer({ min: 1, max: 9 }),
      (names, fills, question, step) => {
        const filled = new Map(names.map((name, i) => [name, fills[i]!]));
        const table = tableOf(filled);
        const wanted = names
          .filter((name) => name.startsWith(question.prefix))
          .filter((name) => question.fill === undefined || FILLS[filled.get(name)!] === question.fill)
          .toSorted();
        const seen: string[] = [];
        for (let after = ''; ; after = seen.at(-1)!) {
          const { clusters, more } = page(table, { ...question, after }, step);
          expect(clusters.length).toBeLessThanOrEqual(question.limit);
          for (const { name, members } of clusters) expect(members).toBe(filled.get(name));
          seen.push(...clusters.map(({ name }) => name));
          expect(more).toBe(seen.length < wanted.length);
          if (!more) break;
        }
        expect(seen).toEqual(wanted);
      },
    ),
  );
});
