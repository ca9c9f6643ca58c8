// What commands put on stdout: calm lines and tables for people, one JSON object for programs. Invariant: nothing that
// others chose reaches a terminal unescaped.
import { escapeText } from '../client/escape-text.ts';
import type { ClusterMember } from '../client/index.ts';
import { printSshRsa } from '../wire/rsa-key.ts';

/** Digits of an ID in a table; JSON has all of them. */
const ID_DIGITS_SHOWN = 16;

/** One JSON object, in ASCII: what is not is escaped, which loses nothing. */
export function printJson(value: Readonly<Record<string, unknown>>): void {
  const json = JSON.stringify(value, undefined, 2);
  const ascii = json.replace(/[^\n\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  process.stdout.write(`${ascii}\n`);
}

/** Lines of a label and a value; values of others are to be escaped by the caller. */
export function printFields(fields: readonly (readonly [label: string, value: string])[]): void {
  const width = Math.max(...fields.map(([label]) => label.length));
  process.stdout.write(fields.map(([label, value]) => `${label.padEnd(width)}  ${value}\n`).join(''));
}

/** The members of a cluster as a table. */
export function printMembers(members: readonly ClusterMember[]): void {
  const rows = members.map(({ index, name, id, endPoints }) => [
    String(index),
    escapeText(name),
    `${id.slice(0, ID_DIGITS_SHOWN)}…`,
    endPoints.map(escapeText).join(' '),
  ]);
  printTable([['INDEX', 'NAME', 'ID', 'END POINTS'], ...rows]);
}

/** Rows of cells, escaped by the caller, in columns. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  '));
  process.stdout.write(lines.map((line) => `${line.trimEnd()}\n`).join(''));
}

/** A member as JSON has it: keys in their SSH form, attrs in decimal because they have 64 bits. */
export function memberJson({ index, name, id, attrs, endPoints, commsKey, sigKey }: ClusterMember) {
  return {
    index,
    name,
    id,
    attrs: attrs.toString(),
    endPoints,
    commsKey: printSshRsa(commsKey),
    sigKey: printSshRsa(sigKey),
  };
}

/** `3 of 5`, or `3` where the size is not known. */
export function printCount(members: readonly ClusterMember[], size: number | undefined): string {
  return size === undefined ? String(members.length) : `${members.length} of ${size}`;
}

/** The seats nobody has taken, as `3-4`, `1, 3-4` or `none`. */
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
