// Two registry servers on three etcd servers act as one registry under faults of either. For a longer run see
// test/README.md.

import { expect, it } from 'vitest';
import { etcdPrograms } from '../support/debian-programs.ts';
import { clusterRun } from './cluster-run.ts';

const programs = etcdPrograms();

it.skipIf(programs === undefined)(
  'keeps every acknowledged change exactly once while servers are killed, stopped and cut off (B133, E6)',
  { timeout: 120_000 },
  async () => {
    const seed = Number(process.env.XLREG_SEED ?? Date.now() % 2 ** 31);
    const report = await clusterRun({ programs: programs!, durationMs: 30_000, faultEveryMs: 6_000, seed });
    const gap = (report.longestGapMs / 1_000).toFixed(1);
    console.log(`seed ${seed}: ${report.acknowledged} changes, longest gap ${gap} s, ${JSON.stringify(report.faults)}`);
    expect(report.problems).toEqual([]);
    expect(report.acknowledged).toBeGreaterThan(500);
    expect(report.longestGapMs).toBeLessThan(15_000);
  },
);
