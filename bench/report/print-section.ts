// Prints a section as a table for a terminal.
import { type Figure, meetsTarget, printNumber, type SectionReport } from './report.ts';

const LABEL_COLUMNS = 62;
const VALUE_COLUMNS = 12;

/** The lines of a section, followed by its notes. */
export function printSection({ name, question, seconds, figures, notes = [], broke }: SectionReport): string {
  return [
    `\n${name}: ${question} (${seconds.toFixed(0)} s)`,
    ...figures.map(printFigure),
    ...notes.map((note) => `  * ${note}`),
    ...(broke === undefined ? [] : [`  FAILED TO RUN: ${broke}`]),
  ].join('\n');
}

function printFigure(figure: Figure): string {
  const { label, value, unit, atMost, remark = '' } = figure;
  const verdict =
    atMost === undefined ? '' : ` ${meetsTarget(figure) ? 'pass' : 'FAIL'} (at most ${printNumber(atMost)})`;
  const line = `  ${label.padEnd(LABEL_COLUMNS)}${printNumber(value).padStart(VALUE_COLUMNS)} ${unit.padEnd(4)} ${remark}${verdict}`;
  return line.trimEnd();
}
