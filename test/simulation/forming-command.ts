// npm run simulate:forming -- --runs N --seed S: simulates the forming of clusters with faults, and prints figures.
import { parseArgs } from 'node:util';
import { PLANTED } from './variants.ts';
import { type Run, run } from './world.ts';

const { values } = parseArgs({
  options: { runs: { type: 'string' }, seed: { type: 'string' }, planted: { type: 'boolean' } },
});
const runs = Number(values.runs ?? 1_000);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
process.stdout.write(`seed ${seed}\n`);

const began = performance.now();
if (values.planted) {
  for (const variant of PLANTED) {
    let tried = 0;
    let found: Run | undefined;
    while (!found && tried < runs) {
      const result = await run(seed + tried++, variant);
      if (result.violations.length > 0) found = result;
    }
    const what = found
      ? `found in run ${tried} (seed ${found.seed}): ${found.violations[0]}`
      : `not found in ${tried} runs`;
    process.stdout.write(`${variant.name}: ${what}\n`);
    if (!found) process.exitCode = 1;
  }
} else {
  const all: Run[] = [];
  for (let i = 0; i < runs; i++) all.push(await run(seed + i));
  const failed = all.filter(({ violations }) => violations.length > 0);
  for (const { seed, violations } of failed.slice(0, 10))
    process.stdout.write(`seed ${seed}: ${violations.join('; ')}\n`);
  const times = all.map(({ completedAfterMs }) => completedAfterMs / 1_000).sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))]!.toFixed(1);
  const sum = (of: (one: Run) => number) => all.reduce((total, one) => total + of(one), 0);
  process.stdout.write(
    `${runs} runs in ${((performance.now() - began) / 1_000).toFixed(1)} s, ${failed.length} failed\n`,
  );
  process.stdout.write(`${sum(({ rounds }) => rounds)} rounds, ${sum(({ removed }) => removed)} seats removed\n`);
  const withTokens = all.filter(({ admitsByToken }) => admitsByToken).length;
  process.stdout.write(`${withTokens} runs with join tokens, ${sum(({ bodies }) => bodies)} roster bodies\n`);
  process.stdout.write(`complete after ${at(0.5)} s (median), ${at(0.99)} s (99 of 100), ${at(1)} s (slowest)\n`);
  if (failed.length > 0) process.exitCode = 1;
}
