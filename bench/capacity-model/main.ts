// npm run simulate: calculates the capacity of multi-server registries from measurements of one server. Prints tables;
// --write puts them into docs/explanation/capacity.md and draws the curve beside it. --cores answers for one process.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { clearProgress, drawProgress } from '../../src/cli/progress-bar.ts';
import { FlagReader } from '../flags.ts';
import { printProcesses } from './process-page.ts';
import { drawStudy, printStudy } from './scaling-page.ts';
import { study, validate } from './study.ts';

const USAGE =
  'usage: npm run simulate -- [--seed N] [--sessions N] [--servers 1,2,4] [--write] | --cores 16 [--fronts 4]';
const PAGE = 'docs/explanation/capacity.md';
const CURVE = 'docs/explanation/scaling.svg';
const MARKED = /(<!-- simulated, by npm run simulate -- --write -->\n)[\s\S]*(<!-- end of what was simulated -->)/;

const flags = new FlagReader(USAGE);
const { values } = flags.parse(() =>
  parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      sessions: { type: 'string', default: '40000' },
      servers: { type: 'string', default: '1,2,4,8,16,32,64' },
      write: { type: 'boolean', default: false },
      cores: { type: 'string' },
      fronts: { type: 'string' },
    },
  }),
);
const seed = flags.whole('seed', values.seed);
const sessions = flags.whole('sessions', values.sessions);
const counts = (flag: string, value: string) => value.split(',').map((count) => flags.whole(flag, count));
const servers = counts('servers', values.servers);
if (values.fronts !== undefined && values.cores === undefined) flags.refuse('--fronts needs --cores');
if (values.cores !== undefined) {
  console.log(printProcesses(counts('cores', values.cores), counts('fronts', values.fronts ?? '1,2,4')));
  process.exit(0);
}

let done = 0;
const rows = study({ servers, sessions, seed }, () => drawProgress('simulating', ++done, servers.length * 2));
clearProgress();
const page = printStudy({ rows, validations: validate(sessions, seed) });
process.stdout.write(`seed ${seed}, ${sessions} sessions a run\n\n${page}`);
if (values.write) {
  const text = readFileSync(PAGE, 'utf8');
  writeFileSync(
    PAGE,
    text.replace(MARKED, (_, begin: string, end: string) => `${begin}\n${page}\n${end}`),
  );
  writeFileSync(CURVE, drawStudy(rows));
}
