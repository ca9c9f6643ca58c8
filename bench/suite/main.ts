// npm run bench: runs the sections of the suite one after the other and prints their results. It also writes the
// results as JSON and as an HTML page.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { clearProgress } from '../../src/cli/progress-bar.ts';
import { FlagReader } from '../flags.ts';
import type { Earlier } from '../report/bars.ts';
import { readEarlier } from '../report/earlier-run.ts';
import { readEnvironment } from '../report/environment.ts';
import { printSection } from '../report/print-section.ts';
import { meetsTarget, type SectionReport } from '../report/report.ts';
import { writeReport } from '../report/write-report.ts';
import { SECTIONS } from './all.ts';
import { Scope, type Section } from './section.ts';

const USAGE = `npm run bench -- [--only NAME[,NAME]] [--quick] [--sessions N] [--members N] [--out DIR] [--compare FILE] [--list]`;
const RESULTS = fileURLToPath(new URL('../../../bench/results', import.meta.url));

const flags = new FlagReader(USAGE);
const { values } = flags.parse(() =>
  parseArgs({
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      sessions: { type: 'string' },
      members: { type: 'string' },
      out: { type: 'string', default: RESULTS },
      compare: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  }),
);

function chosen(only: string | undefined): readonly Section[] {
  if (only === undefined) return SECTIONS;
  return only
    .split(',')
    .map(
      (name) =>
        SECTIONS.find((section) => section.name === name) ??
        flags.refuse(`--only names no section ${name}: see --list`),
    );
}

if (values.help) {
  console.log(USAGE);
} else if (values.list) {
  for (const { name, question } of SECTIONS) console.log(`${name.padEnd(14)}${question}`);
} else {
  const amount = (flag: 'sessions' | 'members') => values[flag] && flags.whole(flag, values[flag]);
  const scope = new Scope({
    quick: values.quick,
    sessions: amount('sessions') || undefined,
    members: amount('members') || undefined,
  });
  // Read before the run: a wrong file should not cost one.
  const earlier = values.compare === undefined ? undefined : await readEarlier(values.compare).catch(refuseFile);
  await runSuite(chosen(values.only), scope, earlier);
}

function refuseFile(error: Error): never {
  return flags.refuse(`--compare: ${error.message}`);
}

async function runSuite(sections: readonly Section[], scope: Scope, earlier: Earlier | undefined): Promise<void> {
  const environment = readEnvironment();
  const { cpuModel, cores, node, openssl, commit, dirty } = environment;
  console.log(
    `${cpuModel}, ${cores} cores; Node ${node}, OpenSSL ${openssl}; ${commit}${dirty ? ' with changes' : ''}`,
  );
  const started = performance.now();
  const reports: SectionReport[] = [];
  for (const section of sections) {
    const report = await runSection(section, scope);
    reports.push(report);
    console.log(printSection(report));
  }
  const seconds = (performance.now() - started) / 1_000;
  const command = ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' ');
  const written = await writeReport({ environment, command, seconds, sections: reports }, values.out, earlier);
  const missed = reports.flatMap(({ figures }) => figures).filter((figure) => meetsTarget(figure) === false);
  const broken = reports.filter(({ broke }) => broke !== undefined);
  console.log(`\n${seconds.toFixed(0)} s; ${missed.length} targets missed, ${broken.length} sections failed to run`);
  console.log(`${written.json}\n${written.html}`);
  // Generators and servers that a failed section left behind end with this process.
  process.exit(broken.length > 0 ? 1 : 0);
}

async function runSection(section: Section, scope: Scope): Promise<SectionReport> {
  const { name, question } = section;
  const args = [`--only ${name}`];
  if (scope.quick) args.push('--quick');
  if (scope.sessions !== undefined) args.push(`--sessions ${scope.sessions}`);
  if (scope.members !== undefined) args.push(`--members ${scope.members}`);
  const about = { name, question, command: `npm run bench -- ${args.join(' ')}` };
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1_000;
  try {
    const findings = await section.measure(scope);
    return { ...about, ...findings, seconds: seconds() };
  } catch (error) {
    clearProgress();
    return { ...about, figures: [], seconds: seconds(), broke: (error as Error).message };
  }
}
