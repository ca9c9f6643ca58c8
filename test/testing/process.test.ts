// A test registry leaves its process as it was: no handle, no thread, and little time gone.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const TESTING = new URL('../../dist/src/testing/index.js', import.meta.url).href;
const run = promisify(execFile);

/** Runs a program in a new process, which has to end by itself, and returns the JSON that it prints. */
async function program(code: string): Promise<unknown> {
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code], { timeout: 60_000 });
  return JSON.parse(stdout);
}

it.each(['memory', 'lmdb'])('leaves no handle and no thread, with the store %s', async (store) => {
  const code = `
    import { readdirSync } from 'node:fs';
    import { startRegistry, withCluster } from '${TESTING}';
    const threads = () => readdirSync('/proc/self/task').length;
    const use = async () => {
      const registry = await startRegistry({ store: '${store}' });
      await withCluster(3, async () => registry.restart(), { registry });
      await registry.stop();
    };
    // The first use starts the threads that Node itself keeps for files and hashes.
    await use();
    const before = { threads: threads(), handles: process.getActiveResourcesInfo() };
    for (let count = 0; count < 5; count++) await use();
    await new Promise((resolve) => setImmediate(resolve));
    const after = { threads: threads(), handles: process.getActiveResourcesInfo() };
    console.log(JSON.stringify({ before, after }));`;
  const { before, after } = (await program(code)) as Record<'before' | 'after', { threads: number; handles: string[] }>;
  expect(after.threads).toBeLessThanOrEqual(before.threads);
  // Only the pipe of standard output may be there.
  expect(after.handles.filter((name) => !/^(PipeWrap|FSReqCallback|FSReqPromise)$/.test(name))).toEqual([]);
});

it('starts no thread for itself', async () => {
  const code = `
    import { Worker } from 'node:worker_threads';
    import { syncBuiltinESMExports, createRequire } from 'node:module';
    const threads = createRequire('/')('node:worker_threads');
    let started = 0;
    threads.Worker = class extends Worker { constructor(...args) { super(...args); started++; } };
    syncBuiltinESMExports();
    const { withCluster } = await import('${TESTING}');
    await withCluster(2, () => {});
    console.log(JSON.stringify({ started }));`;
  expect(await program(code)).toEqual({ started: 0 });
});

it('starts within 150 ms, and forms a cluster of eight within 300, of CPU time', async () => {
  // Wall time on a free machine is about CPU time, and on a busy one says nothing.
  const code = `
    import { startRegistry, withCluster } from '${TESTING}';
    const measured = async (work) => {
      const before = process.cpuUsage();
      const result = await work();
      const { user, system } = process.cpuUsage(before);
      return [(user + system) / 1000, result];
    };
    const starts = [];
    const clusters = [];
    for (let count = 0; count < 5; count++) {
      const [start, registry] = await measured(() => startRegistry());
      starts.push(start);
      await registry.stop();
      clusters.push((await measured(() => withCluster(8, () => {})))[0]);
    }
    console.log(JSON.stringify({ starts, clusters }));`;
  const { starts, clusters } = (await program(code)) as Record<'starts' | 'clusters', number[]>;
  expect(Math.max(...starts)).toBeLessThan(150);
  expect(Math.max(...clusters)).toBeLessThan(300);
});
