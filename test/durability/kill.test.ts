// A server that is killed at random moments has every change on disk that it acknowledged, and nothing twice. More rounds:
// test/README.md.

import { expect, it } from 'vitest';
import { killRounds } from './kill-rounds.ts';

const ROUNDS = 50;

it('E6: kill -9 at random moments under load loses nothing that was acknowledged', { timeout: 300_000 }, async () => {
  const seed = Number(process.env.XLREG_SEED ?? Date.now() % 2 ** 31);
  const report = await killRounds(ROUNDS, seed);
  console.log(`seed ${seed}: ${report.rounds} rounds, ${report.acknowledgements} acknowledgements`);
  expect(report.broken).toEqual([]);
  expect(report.rounds).toBe(ROUNDS);
  // A load that nobody answered would prove nothing.
  expect(report.acknowledgements).toBeGreaterThan(ROUNDS * 10);
});
