// An earlier run of the suite, beside which a later one is shown.
import { readFile } from 'node:fs/promises';
import type { Earlier } from './bars.ts';
import type { Report, SectionReport, Stack } from './report.ts';

/** Without an earlier run nothing is found. */
export const NO_EARLIER: Earlier = { about: undefined, figure: () => undefined, stack: () => undefined };

/** Reads the JSON of an earlier run. Rejects if the file holds none. */
export async function readEarlier(file: string): Promise<Earlier> {
  const report = JSON.parse(await readFile(file, 'utf8')) as Partial<Report>;
  if (!Array.isArray(report.sections)) throw new Error(`${file} is no result of npm run bench`);
  return earlierIn(report as Report);
}

/** Finds the figures of a run by section and label. Indented labels are told apart by the one that leads them. */
export function earlierIn({ sections, environment }: Report): Earlier {
  const values = new Map<string, number>();
  const stacks = new Map<string, Stack>();
  for (const section of sections) {
    for (const [place, { value }] of section.figures.entries()) values.set(keyOf(section, place), value);
    for (const stack of section.stacks ?? []) stacks.set(`${section.name}: ${stack.label}`, stack);
  }
  const { date, commit, node, dirty } = environment;
  return {
    about: `${date}, commit ${commit}${dirty ? ' (with changes)' : ''}, Node ${node}`,
    figure: (section, place) => values.get(keyOf(section, place)),
    stack: ({ name }, label) => stacks.get(`${name}: ${label}`),
  };
}

function keyOf({ name, figures }: SectionReport, place: number): string {
  const label = figures[place]!.label;
  const leader = figures.slice(0, place + 1).findLast((figure) => !figure.label.startsWith(' '));
  return `${name}: ${leader?.label ?? ''}: ${label}`;
}
