// Completions and the man page: the shells themselves complete, man renders without a warning, and both list what the
// commands accept.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { completionScript, SHELLS } from '../../src/cli/completion.ts';
import { helpFor, listCommands } from '../../src/cli/help.ts';
import { outlineOf } from '../../src/cli/help-outline.ts';
import { SETTING_NAMES } from '../../src/config.ts';
import { fishProgram, zshProgram } from '../support/debian-programs.ts';
import { runXlreg } from './xlreg-process.ts';

const packaged = (name: string) => fileURLToPath(new URL(`../../packaging/${name}`, import.meta.url));

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'xlreg-completion-'));
  writeFileSync(join(directory, 'some-file'), '');
});
afterAll(() => rmSync(directory, { recursive: true }));

/** `/usr` of the tree that has the program in `bin` or `usr/bin`. */
function prefixOf(program: string): string {
  const prefix = dirname(dirname(program));
  return prefix.endsWith('/usr') ? prefix : join(prefix, 'usr');
}

/** Offers that each shell must make for the beginning of a line. */
const CASES: readonly { readonly line: string; readonly offers: readonly string[] }[] = [
  { line: 'xlreg dra', offers: ['drain'] },
  { line: 'xlreg s', offers: ['serve', 'sessions', 'store'] },
  { line: 'xlreg help expo', offers: ['export'] },
  { line: 'xlreg config sh', offers: ['show'] },
  { line: 'xlreg keys ', offers: ['retire', 'rotate', 'show'] },
  { line: 'xlreg serve --max-hellos-per-second-', offers: ['--max-hellos-per-second-per-address'] },
  { line: 'xlreg config show --etcd-p', offers: ['--etcd-password-file', '--etcd-prefix'] },
  { line: 'xlreg join demo --cr', offers: ['--create'] },
  { line: 'xlreg serve --log-level de', offers: ['debug'] },
  { line: 'xlreg clusters --fill ', offers: ['empty', 'filling', 'full'] },
  { line: 'xlreg drain --cacert some-', offers: ['some-file'] },
];

it('prints the completions that are packaged', async () => {
  for (const shell of SHELLS) {
    expect(readFileSync(packaged(`completions/xlreg.${shell}`), 'utf8')).toBe(await completionScript(shell));
  }
  const { code, stdout } = await runXlreg(['completion', 'fish']);
  expect(code).toBe(0);
  expect(stdout).toBe(await completionScript('fish'));
  expect(await runXlreg(['completion', 'csh'])).toMatchObject({ code: 2 });
});

describe('bash', () => {
  it.each(CASES)('completes "$line"', ({ line, offers }) => {
    const words = line.split(' ');
    // compopt works only while readline completes.
    const script = `compopt() { :; }
      source ${packaged('completions/xlreg.bash')}
      COMP_WORDS=("$@") COMP_CWORD=$(( $# - 1 ))
      _xlreg xlreg "\${COMP_WORDS[COMP_CWORD]}" ; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = spawnSync('bash', ['-c', script, 'bash', ...words], { cwd: directory, encoding: 'utf8' });
    expect(stdout.split('\n').filter(Boolean).toSorted()).toEqual(offers);
  });

  it('completes at a Tab in an interactive shell', () => {
    const typed = `source ${packaged('completions/xlreg.bash')}\nxlreg() { echo "ran:$*"; }\nxlreg drai\t--cac\tsome-\t\nexit\n`;
    const { stdout } = spawnSync('script', ['-qec', 'bash --norc --noprofile -i', '/dev/null'], {
      ...{ cwd: directory, encoding: 'utf8', input: typed, timeout: 20_000 },
      env: { PATH: process.env.PATH, TERM: 'dumb', HISTFILE: '/dev/null' },
    });
    expect(stdout).toContain('ran:drain --cacert some-file');
  });
});

const fish = fishProgram();
describe.skipIf(!fish)('fish', () => {
  it('completes each line', () => {
    const prefix = prefixOf(fish!.fish);
    const commands = CASES.map(({ line }) => `echo ---; complete -C '${line}'`).join('\n');
    const script = `set -p fish_function_path ${prefix}/share/fish/functions\nsource ${packaged('completions/xlreg.fish')}\n${commands}`;
    const { stdout, stderr } = spawnSync(fish!.fish, ['--no-config', '-c', script], {
      ...{ cwd: directory, encoding: 'utf8', timeout: 20_000 },
      env: {
        ...{ PATH: process.env.PATH, HOME: directory, XDG_CONFIG_HOME: directory },
        LD_LIBRARY_PATH: `${prefix}/lib/x86_64-linux-gnu`,
      },
    });
    const offered = stdout
      .split('---\n')
      .slice(1)
      .map((text) => text.split('\n').filter(Boolean));
    expect(
      offered.map((lines) => lines.map((text) => text.split('\t')[0]).toSorted()),
      stderr,
    ).toEqual(CASES.map(({ offers }) => offers));
  });
});

const zsh = zshProgram();
describe.skipIf(!zsh)('zsh', () => {
  it('completes each line with one offer at a Tab', () => {
    const prefix = prefixOf(zsh!.zsh);
    const setUp = [
      `fpath=(${prefix}/share/zsh/functions/**/*(/N) $fpath)`,
      `module_path=(${prefix}/lib/*/zsh/*(/N) $module_path)`,
      'autoload -Uz compinit && compinit -u -D',
      `source ${packaged('completions/xlreg.zsh')}`,
      'xlreg() { echo "ran:$*" }',
    ];
    writeFileSync(join(directory, '.zshrc'), setUp.join('\n'));
    const single = CASES.filter(({ offers }) => offers.length === 1);
    const { stdout } = spawnSync('script', ['-qec', `${zsh!.zsh} -i`, '/dev/null'], {
      ...{ cwd: directory, encoding: 'utf8', timeout: 20_000 },
      input: `${single.map(({ line }) => `${line}\t\n`).join('')}exit\n`,
      env: { PATH: process.env.PATH, TERM: 'dumb', ZDOTDIR: directory },
    });
    const ran = [...stdout.matchAll(/^ran:(.*?)\r?$/gm)].map(([, words]) => words!.trim());
    expect(ran).toEqual(single.map(({ line, offers }) => [...line.split(' ').slice(1, -1), offers[0]].join(' ')));
  });
});

describe('the man page', () => {
  it('renders without a warning, and has every command and every setting', () => {
    const { stdout, stderr, error } = spawnSync('man', ['--warnings', '-E', 'UTF-8', '-l', packaged('man/xlreg.1')], {
      encoding: 'utf8',
      env: { ...process.env, MANWIDTH: '200', MANPAGER: 'cat', GROFF_NO_SGR: '1' },
    });
    if (error) return console.log(`SKIPPED, man cannot run here: ${error.message}`);
    expect(stderr).toBe('');
    // Bold is a character, a backspace and the character.
    const text = stdout
      .split('\b')
      .map((part, at, parts) => (at < parts.length - 1 ? part.slice(0, -1) : part))
      .join('');
    for (const { name } of listCommands()) expect(text).toContain(`xlreg ${name}:`);
    for (const name of SETTING_NAMES) expect(text).toContain(`--${name} `);
  });
});

describe.each(listCommands().filter(({ name }) => !['serve', 'completion', 'demo'].includes(name)))(
  'xlreg $name',
  ({ name }) => {
    it('accepts every flag of its help', async () => {
      const loaded: Record<string, unknown> = await import(`../../src/cli/commands/${FILES[name] ?? name}.ts`);
      const run = loaded[EXPORTS[name] ?? name] as (args: string[], signal: AbortSignal) => Promise<number>;
      const { flags, verbs } = outlineOf((await helpFor(name))!);
      expect(flags.length).toBeGreaterThan(0);
      const first = FIRST[name] ?? verbs.slice(0, 1);
      for (const flag of flags) {
        const value = flag.value === undefined ? [] : ['x'];
        const failure = await run([...first, `--${flag.name}`, ...value, '--no-such-flag'], AbortSignal.abort()).catch(
          String,
        );
        expect(failure).toContain("'--no-such-flag'");
      }
    });
  },
);

/** Words in front of the flags, where the first verb does not take them all. */
const FIRST: Readonly<Record<string, string[]>> = { store: ['copy'], admin: ['token', 'add'] };

/** Files and exports that differ from the name of the command. */
const FILES: Readonly<Record<string, string>> = {
  clusters: 'operate',
  evict: 'operate',
  unmark: 'operate',
  delete: 'operate',
  sessions: 'operate',
};
const EXPORTS: Readonly<Record<string, string>> = { delete: 'deleteCluster', export: 'exportTable' };
