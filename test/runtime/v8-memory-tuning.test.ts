// malloc must keep freed memory instead of returning it to the system. The kernel counts the page faults of its return.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

/**
 * Allocates and frees 10 MB four times; returns the page faults of the last two rounds. Untuned glibc also begins to
 * keep such memory, but later: a round has 2,400 page faults until then.
 */
const PROGRAM = `
  const { collectInThread, keepFreedMemory } = await import(process.argv[1]);
  collectInThread();
  await keepFreedMemory();
  const faults = () => process.resourceUsage().minorPageFault;
  const round = () => {
    Buffer.allocUnsafeSlow(10_000_000).fill(1);
    gc();
  };
  round();
  round();
  const before = faults();
  round();
  round();
  console.log(faults() - before);
`;

const isGlibc = 'glibcVersionRuntime' in (process.report.getReport() as { header: object }).header;

it.skipIf(!isGlibc)('keeps the memory of collected garbage, without new page faults', async () => {
  const built = new URL('../../dist/src/runtime/v8-memory-tuning.js', import.meta.url).href;
  const args = ['--expose-gc', '--input-type=module', '--eval', PROGRAM, built];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(Number(stdout)).toBeLessThan(500);
});
