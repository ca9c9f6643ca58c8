// Prints the ceilings of one process by its cores and front ends.
import { printNumber } from '../report/report.ts';
import { type Ceiling, ceilingOf, type Part, type SessionCost } from './ceiling.ts';
import { PROCESS_COSTS, processCosts } from './parameters.ts';

/** Numbers of cores that tables show. */
export const CORES = [2, 4, 8, 16, 32] as const;

/** A ceiling in one line: its rate, the part that is full first, and how busy the others are then. */
export function ceilingText(cores: number, { part, rate, busy }: Ceiling): string {
  const others = (Object.entries(busy) as [Part, number][]).filter(([name]) => name !== part);
  const shares = others.map(([name, share]) => `${name} ${(share * 100).toFixed(0)} %`);
  return `${String(cores).padStart(2)} cores: ${rate.toFixed(0).padStart(6)} sessions/s, full first: ${part}; ${shares.join(', ')}`;
}

/** The costs of a row, and the remark that says which they are. */
function rowsFor(fronts: number): readonly { readonly cost: SessionCost; readonly remark: string }[] {
  const { measured, ofOne } = processCosts(fronts);
  const rows = [{ cost: measured, remark: '' }];
  return fronts === 1 ? rows : [...rows, { cost: ofOne, remark: ', each at the cost of one alone' }];
}

/** The lines for these cores and front ends. */
export function printProcesses(cores: readonly number[], fronts: readonly number[]): string {
  const lines = fronts.flatMap((count) =>
    rowsFor(count).flatMap(({ cost, remark }) => [
      `${count} front end${count > 1 ? 's' : ''}${remark}`,
      ...cores.map((each) => `  ${ceilingText(each, ceilingOf(cost, count, each))}`),
    ]),
  );
  return lines.join('\n');
}

/** The ceilings of a process, and the costs that they follow from, as heads and rows of two tables. */
export function processTables() {
  const ceilings = PROCESS_COSTS.flatMap(({ fronts }) =>
    rowsFor(fronts).map(({ cost, remark }) => [
      `${fronts}${remark}`,
      ...CORES.map((cores) => {
        const { rate, part } = ceilingOf(cost, fronts, cores);
        return `${part}: ${printNumber(rate)}`;
      }),
    ]),
  );
  const costs = PROCESS_COSTS.map(({ fronts, cost }) => {
    const { main, front, coordinator, workers, rest } = cost;
    return [String(fronts), printNumber(main), fronts > 1 ? printNumber(front) : '–'].concat(
      [coordinator, workers, rest].map(printNumber),
    );
  });
  return {
    ceilings: { head: ['front ends', ...CORES.map((cores) => `${cores} cores`)], rows: ceilings },
    costs: {
      head: ['front ends', 'main thread', 'a further front end', 'coordinator', 'workers', 'rest'],
      rows: costs,
    },
  } as const;
}
