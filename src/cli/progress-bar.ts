// Draws a progress bar on one line of the terminal; does nothing in its background, or if stderr is no terminal.
import { ownsTerminalLine } from './terminal-line.ts';

const CELLS = 30;

/** Redraws the line, and removes it at the end. `count` is Infinity if the total is unknown. */
export function drawProgress(label: string, settled: number, count: number): void {
  const { stderr } = process;
  if (!ownsTerminalLine()) return;
  if (count === Infinity) return void stderr.write(`\r\x1b[K${label} ${settled}`);
  const share = Math.min(settled / count, 1);
  const filled = Math.round(share * CELLS);
  const bar = `${'#'.repeat(filled)}${'.'.repeat(CELLS - filled)}`;
  stderr.write(settled >= count ? '\r\x1b[K' : `\r\x1b[K${label} [${bar}] ${Math.floor(share * 100)} %`);
}

/** Removes the line. */
export function clearProgress(): void {
  if (ownsTerminalLine()) process.stderr.write('\r\x1b[K');
}
