// How far something long is, on one line of a terminal; nothing where there is none.
const CELLS = 30;

/** Redraws the line; at the end it is gone. Where nobody knows how much there is, `count` is Infinity. */
export function drawProgress(label: string, settled: number, count: number): void {
  const { stderr } = process;
  if (!stderr.isTTY) return;
  if (count === Infinity) return void stderr.write(`\r\x1b[K${label} ${settled}`);
  const share = Math.min(settled / count, 1);
  const filled = Math.round(share * CELLS);
  const bar = `${'#'.repeat(filled)}${'.'.repeat(CELLS - filled)}`;
  stderr.write(settled >= count ? '\r\x1b[K' : `\r\x1b[K${label} [${bar}] ${Math.floor(share * 100)} %`);
}

/** Takes the line away, whatever stands there. */
export function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
}
