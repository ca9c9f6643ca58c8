// What malloc does with memory that is free again, as the kernel counts it.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

/**
 * Takes 10 MB and gives it back, four times; tells the page faults of the last two. glibc comes to keep so much by itself, too, but
 * later: until then a round has 2,400.
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

it.skipIf(!isGlibc)('what garbage has left is not taken from the system again, page by page', async () => {
  const built = new URL('../../dist/src/runtime/v8-memory-tuning.js', import.meta.url).href;
  const args = ['--expose-gc', '--input-type=module', '--eval', PROGRAM, built];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(Number(stdout)).toBeLessThan(500);
});
