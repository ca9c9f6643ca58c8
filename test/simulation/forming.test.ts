// Forming clusters in virtual time: real tables and coordinators of two servers, with faults from a seed. An oracle sees
// everything that is sent and stored. `npm run simulate:forming` does thousands of runs.
import { describe, expect, it } from 'vitest';
import { PLANTED } from './variants.ts';
import { run } from './world.ts';

const RUNS = 200;
/** Each bug is searched for in so many runs. */
const PLANTED_RUNS = 400;
const TIMEOUT_MS = 120_000;

/** The seed at which the search for a planted bug begins, so that it takes few runs. Any seed will do. */
const FIRST_SEEDS: Readonly<Record<string, number>> = {
  'a round stored with the join': 60,
  'rounds as small integers': 436,
  'removal without the condition that nobody has confirmed': 357,
  'removal before reading what has arrived': 30,
  'completion without comparing the members': 169,
  'a round begun without comparing each seat': 952,
  'completion only behind an own confirmation': 31,
  'a stall that sets the age to 0': 6,
  'stalls that set the age back without end': 6,
  'late marks that count': 10,
  'a seat and a use given without comparing them': 22,
  'a round that keeps the uses of those it removes': 2,
  'a repeated Join that burns another use': 3,
  'more uses than a token has': 5,
  'used up for good while the cluster forms': 2,
  'an epoch without comparing the one before': 27,
};

it(
  'completes with every member that is up, after a message of each, and takes no seat from a living one (Q2, Q6, Q7, A3)',
  async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    console.log(`seed ${seed}`);
    let withTokens = 0;
    for (let i = 0; i < RUNS; i++) {
      const { violations, admitsByToken } = await run(seed + i);
      expect({ seed: seed + i, violations }).toEqual({ seed: seed + i, violations: [] });
      if (admitsByToken) withTokens += 1;
    }
    expect(withTokens).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);

it.each([
  ['an evicted member whose seat a registration took anew', 772],
  ['a registration behind a move that was not stored', 4_001_977],
] as const)(
  'stores no seat without what belongs to it: %s (R14, W1, A3)',
  async (_, seed) => {
    expect(await run(seed)).toMatchObject({ violations: [] });
  },
  TIMEOUT_MS,
);

describe('the oracle', () => {
  it.each(PLANTED.map((variant) => [variant.name, variant] as const))(
    'finds %s',
    async (name, variant) => {
      const first = FIRST_SEEDS[name] ?? 1;
      for (let seed = first; seed < first + PLANTED_RUNS; seed++) {
        if ((await run(seed, variant)).violations.length > 0) return;
      }
      expect.fail(`not found in ${PLANTED_RUNS} runs from seed ${first}`);
    },
    TIMEOUT_MS,
  );
});
