// Reads tables from docs/reference/protocol.md itself, so that tests compare the code with what readers see.

import { readFileSync } from 'node:fs';

const lines = readFileSync(new URL('../../docs/reference/protocol.md', import.meta.url), 'utf8').split('\n');

/**
 * The first table behind the line with this start, as rows of cells. The header comes first; backquotes are removed.
 */
export function tableBehind(start: string): string[][] {
  const from = lines.findIndex((line) => line.startsWith(start));
  if (from < 0) throw new Error(`docs/reference/protocol.md has no line that begins with '${start}'`);
  const rest = lines.slice(from + 1);
  const table = rest.slice(rest.findIndex((line) => line.trimStart().startsWith('|')));
  const end = table.findIndex((line) => !line.trimStart().startsWith('|'));
  const rows = table.slice(0, end).map((line) => line.trim().slice(1, -1).split('|'));
  return rows.filter((_, at) => at !== 1).map((row) => row.map((cell) => cell.trim().replaceAll('`', '')));
}
