// Short fuzzing of the sealed dialect. For more frames see test/README.md.

import { expect, it } from 'vitest';
import { fuzzSockets } from './fuzz-sockets.ts';
import { fuzzWorker } from './fuzz-worker.ts';

const seed = Number(process.env.XLREG_SEED ?? Date.now() % 2 ** 31);
console.log(`seed ${seed}`);

it('refuses 20,000 forged frames in a worker, and survives those that authenticate (Z5)', () => {
  const { broken, forged, authentic, authenticEnds } = fuzzWorker(20_000, seed);
  expect(broken).toEqual([]);
  expect(forged + authentic).toBe(20_000);
  // Mutations must reach every stage, or the test would prove nothing.
  for (const count of Object.values(authenticEnds)) expect(count).toBeGreaterThan(100);
});

it('refuses bad bytes on 200 connections beside bystanders (Z5)', { timeout: 60_000 }, async () => {
  const report = await fuzzSockets(200, seed);
  expect(report.broken).toEqual([]);
  expect(report.connections).toBe(200);
});
