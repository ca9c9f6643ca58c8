// Prints the ceilings of one process by its cores and front ends.
import { printNumber } from '../report/report.ts';
import { type Ceiling, ceilingOf, type Part } from './ceiling.ts';
import { PROCESS_COSTS, processCost } from './parameters.ts';

/** Numbers of cores that tables show. */
export const CORES = [2, 4, 8, 16, 32] as const;

/** A ceiling in one line: its rate, the part that is full first, and how busy the others are then. */
export function ceilingText(cores: number, { part, rate, busy }: Ceiling): string {
  const others = (Object.entries(busy) as [Part, number][]).filter(([name]) => name !== part);
  const shares = others.map(([name, share]) => `${name} ${(share * 100).toFixed(0)} %`);
  return `${String(cores).padStart(2)} cores: ${rate.toFixed(0).padStart(6)} sessions/s, full first: ${part}; ${shares.join(', ')}`;
}

/** The lines for these cores and front ends. */
export function printProcesses(cores: readonly number[], fronts: readonly number[]): string {
  return fronts
    .flatMap((count) => [
      `${count} front end${count > 1 ? 's' : ''}`,
      ...cores.map((each) => `  ${ceilingText(each, ceilingOf(processCost(count), count, each))}`),
    ])
    .join('\n');
}

/** The ceilings of a process, and the costs that they follow from, as heads and rows of two tables. */
export function processTables() {
  const ceilings = PROCESS_COSTS.map(({ fronts, cost }) => [
    String(fronts),
    ...CORES.map((cores) => {
      const { rate, part } = ceilingOf(cost, fronts, cores);
      return `${part}: ${printNumber(rate)}`;
    }),
  ]);
  const costs = PROCESS_COSTS.map(({ fronts, cost }) => {
    const { main, front, coordinator, workers, rest } = cost;
    return [fronts, main, fronts > 1 ? front : NaN, coordinator, workers, rest].map(cell);
  });
  return {
    ceilings: { head: ['front ends', ...CORES.map((cores) => `${cores} cores`)], rows: ceilings },
    costs: {
      head: ['front ends', 'main thread', 'each other front end', 'coordinator', 'workers', 'rest'],
      rows: costs,
    },
  } as const;
}

function cell(value: number): string {
  return Number.isNaN(value) ? '–' : printNumber(value);
}
