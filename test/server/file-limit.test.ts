// The files that the server reserves for its threads, against those that the threads of the running Node open.
import { expect, it } from 'vitest';
import { FILES_PER_THREAD, HTTP_CONNECTIONS_MAX, OTHER_FILES } from '../../src/limits.ts';
import { canSharePorts } from '../../src/runtime/port-sharing.ts';
import { samplesOf } from '../metrics/metrics-text.ts';
import { startRegistry } from '../support/registry-process.ts';

/** Open files of an idle registry, and the connections that its limit of 1,000 files leaves. */
async function filesOf(...args: readonly string[]): Promise<{ readonly open: number; readonly connections: number }> {
  const registry = await startRegistry({ openFilesMax: 1_000, args: ['--store', 'lmdb', ...args] });
  const samples = samplesOf(await registry.metrics());
  expect(await registry.stop()).toBe(0);
  const value = (name: string) => samples.find((sample) => sample.name === name)!.value;
  return { open: value('process_open_fds'), connections: value('xlreg_admission_connections_max') };
}

it('reserves the files that each further worker opens', async () => {
  const [one, nine] = [await filesOf('--workers', '1'), await filesOf('--workers', '9')];
  expect((nine.open - one.open) / 8).toBeGreaterThan(1);
  expect((nine.open - one.open) / 8).toBeLessThanOrEqual(FILES_PER_THREAD);
  expect(one.connections - nine.connections).toBe(8 * FILES_PER_THREAD);
  // Both listeners of node:http, full.
  expect(one.open + 2 * HTTP_CONNECTIONS_MAX).toBeLessThan(OTHER_FILES);
});

it.skipIf(!canSharePorts())('reserves the files that each further front end opens', async () => {
  const [one, four] = [await filesOf('--workers', '4'), await filesOf('--workers', '4', '--fronts', '4')];
  expect((four.open - one.open) / 3).toBeGreaterThan(1);
  expect(one.connections - four.connections).toBe(3 * FILES_PER_THREAD);
  // One guard holds the port for all front ends.
  expect(four.open - one.open).toBeLessThanOrEqual(3 * FILES_PER_THREAD + 1);
});
