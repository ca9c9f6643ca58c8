// npm run test:kill -- [--rounds 1000] [--seed N]: runs any number of the rounds of kill.test.ts on the present build.

import { parseArgs } from 'node:util';
import { killRounds } from './kill-rounds.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '1000' }, seed: { type: 'string' } } });
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
console.log(`seed ${seed}`);
const report = await killRounds(Number(values.rounds), seed, console.log);
console.log(`${report.rounds} rounds, ${report.acknowledgements} acknowledgements, ${report.broken.length} broken`);
for (const line of report.broken) console.log(line);
process.exitCode = report.broken.length === 0 ? 0 : 1;
