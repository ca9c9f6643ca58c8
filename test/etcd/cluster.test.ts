// Two registries on three servers of etcd are one registry, whatever becomes of them one after the other. A longer run:
// test/README.md.

import { expect, it } from 'vitest';
import { etcdPrograms } from '../support/debian-programs.ts';
import { clusterRun } from './cluster-run.ts';

const programs = etcdPrograms();

it.skipIf(programs === undefined)(
  'B133, E6: with servers killed, stopped and cut off nothing that was acknowledged is missing, or there twice',
  { timeout: 150_000 },
  async () => {
    const seed = Number(process.env.XLREG_SEED ?? Date.now() % 2 ** 31);
    const report = await clusterRun({ programs: programs!, durationMs: 50_000, faultEveryMs: 8_000, seed });
    const gap = (report.longestGapMs / 1_000).toFixed(1);
    console.log(`seed ${seed}: ${report.acknowledged} changes, longest gap ${gap} s, ${JSON.stringify(report.faults)}`);
    expect(report.problems).toEqual([]);
    expect(report.acknowledged).toBeGreaterThan(500);
    expect(report.longestGapMs).toBeLessThan(15_000);
  },
);
