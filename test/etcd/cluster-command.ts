// npm run test:cluster -- [--minutes 10] [--fault-every-s 30] [--seed N]: the run of cluster.test.ts for any time, on
// the present build.

import { parseArgs } from 'node:util';
import { etcdPrograms } from '../support/debian-programs.ts';
import { clusterRun } from './cluster-run.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    'fault-every-s': { type: 'string', default: '30' },
    seed: { type: 'string' },
  },
});
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
console.log(`seed ${seed}`);
const programs = etcdPrograms();
if (!programs) process.exit(1);
const report = await clusterRun({
  programs,
  durationMs: Number(values.minutes) * 60_000,
  faultEveryMs: Number(values['fault-every-s']) * 1_000,
  seed,
  log: console.log,
});
const { acknowledged, operations, longestGapMs, faults, problems } = report;
console.log(`${operations} operations, ${acknowledged} changes acknowledged, faults ${JSON.stringify(faults)}`);
console.log(`longest gap between acknowledgements ${(longestGapMs / 1_000).toFixed(1)} s, ${problems.length} problems`);
for (const problem of problems) console.log(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
