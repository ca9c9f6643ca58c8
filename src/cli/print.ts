// Prints results on stdout: lines and tables for people, one JSON object for programs. Invariant: text from others
// reaches a terminal only escaped.

import { hasSeat } from '../client/cluster.ts';
import { escapeText } from '../client/escape-text.ts';
import type { ClusterMember } from '../client/index.ts';
import type { Failure } from './failure.ts';
import type { FormName, JsonForm } from './json-forms.ts';

/** Digits of an ID in a table; JSON has all. */
const ID_DIGITS_SHOWN = 16;

/** Prints the JSON object of a command, which is of the form `_name`. */
export function printJson<Name extends FormName>(_name: Name, value: JsonForm<Name>): void {
  process.stdout.write(`${jsonText(value, 2)}\n`);
}

/** JSON in ASCII; other characters are escaped. */
export function jsonText(value: unknown, indent?: number): string {
  const json = JSON.stringify(value, undefined, indent);
  return json.replace(/[^\n\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Prints why a command with --json did not end with 0: one line on stderr, behind all others. */
export function printJsonError({ code, text, retryable, exitCode }: PrintedFailure): void {
  const error: JsonForm<'error'> = { error: { code, message: text, retryable, exitCode } };
  process.stderr.write(`${jsonText(error)}\n`);
}

/** A Failure, or a signal that has ended the command. */
type PrintedFailure = Omit<Failure, 'exitCode'> & { readonly exitCode: number };

/** Prints lines of a label and a value. The caller escapes values from others. */
export function printFields(fields: readonly (readonly [label: string, value: string])[]): void {
  const width = Math.max(...fields.map(([label]) => label.length));
  process.stdout.write(fields.map(([label, value]) => `${label.padEnd(width)}  ${value}\n`).join(''));
}

/** Prints the members of a cluster as a table; with a column of labels if one has any. */
export function printMembers(members: readonly ClusterMember[]): void {
  const labels = members.map(({ labels = {} }) => Object.entries(labels).map(([key, value]) => `${key}=${value}`));
  const labelled = labels.some((some) => some.length > 0);
  const rows = members.map(({ index, name, id, unverified, endPoints }, place) => [
    String(index),
    escapeText(name),
    `${id.slice(0, ID_DIGITS_SHOWN)}…`,
    unverified ?? 'verified',
    endPoints.map(escapeText).join(' '),
    ...(labelled ? [labels[place]!.map(escapeText).join(' ')] : []),
  ]);
  const head = ['INDEX', 'NAME', 'ID', 'STATEMENT', 'END POINTS', ...(labelled ? ['LABELS'] : [])];
  printTable([head, ...rows]);
}

/** Prints rows of cells in columns. The caller escapes the cells. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  '));
  process.stdout.write(lines.map((line) => `${line.trimEnd()}\n`).join(''));
}

/** `3 of 5`, or `3` if the size is unknown. */
export function printCount(members: readonly ClusterMember[], size: number | undefined): string {
  return size === undefined ? String(members.length) : `${members.length} of ${size}`;
}

/** The members that have not confirmed. */
export function unconfirmedMembers(members: readonly ClusterMember[], confirmed: bigint): readonly ClusterMember[] {
  return members.filter(({ index }) => !hasSeat(confirmed, index));
}

/** Names of the members that have not confirmed, escaped; empty if all have. */
export function unconfirmedNames(members: readonly ClusterMember[], confirmed: bigint): string {
  return unconfirmedMembers(members, confirmed)
    .map(({ name }) => escapeText(name))
    .join(', ');
}

/** The free seats, as `3-4`, `1, 3-4` or `none`. */
export function missingSeats(members: readonly ClusterMember[], size: number): string {
  const taken = new Set(members.map(({ index }) => index));
  const ranges: [first: number, last: number][] = [];
  for (let seat = 0; seat < size; seat++) {
    if (taken.has(seat)) continue;
    const range = ranges.at(-1);
    if (range?.[1] === seat - 1) range[1] = seat;
    else ranges.push([seat, seat]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(', ') || 'none';
}
