// A server that is killed at random moments keeps every change that it acknowledged, exactly once. For more rounds see
// test/README.md.

import { expect, it } from 'vitest';
import { killRounds } from './kill-rounds.ts';

const ROUNDS = 20;

it('loses no acknowledged change to kill -9 at random moments under load (E6)', { timeout: 150_000 }, async () => {
  const seed = Number(process.env.XLREG_SEED ?? Date.now() % 2 ** 31);
  const report = await killRounds(ROUNDS, seed);
  console.log(`seed ${seed}: ${report.rounds} rounds, ${report.acknowledgements} acknowledgements`);
  expect(report.broken).toEqual([]);
  expect(report.rounds).toBe(ROUNDS);
  // A load without replies would prove nothing.
  expect(report.acknowledgements).toBeGreaterThan(ROUNDS * 10);
});
