// The commands of the how-to pages have flags that exist, and settings whose values the registry takes.

import { readdir, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { runXlreg } from '../cli/xlreg-process.ts';

const folder = resolve(import.meta.dirname, '../../docs/how-to');
const pages = (await readdir(folder)).filter((name) => name.endsWith('.md'));

/** Text that may stand before a command: a variable, another host, or the substitution that reads completions. */
const COMMAND = /^ {4,}(?:[A-Z_]+=\S+ |ssh \S+ |source <\()?(?:\.\/)?xlreg (.*)$/gm;

/** Each indented xlreg command of a page once, without comments, redirections and what a pipe gets. */
async function commandsOf(page: string): Promise<[page: string, command: string][]> {
  const text = (await readFile(resolve(folder, page), 'utf8')).replace(/\\\n\s*/g, '');
  const lines = [...text.matchAll(COMMAND)].map(([, line]) => line!.replace(/ [#|<>&].*|\)$/, '').trim());
  return [...new Set(lines)].map((line) => [page, line]);
}

const commands = (await Promise.all(pages.map(commandsOf))).flat();
const helps = new Map<string, Promise<string>>();

/** The help of a command, read once. */
function helpOf(command: string): Promise<string> {
  const known = helps.get(command) ?? runXlreg(['help', command]).then(({ stdout }) => stdout);
  helps.set(command, known);
  return known;
}

it('finds the commands', () => {
  expect(commands.length).toBeGreaterThan(50);
});

it.each(commands)('%s: xlreg %s', async (_, line) => {
  const [command, ...args] = line.split(' ') as [string, ...string[]];
  if (command === 'serve') {
    expect(() => readConfig(args, {})).not.toThrow();
    return;
  }
  const help = await helpOf(command);
  expect(help).toMatch(new RegExp(`^xlreg ${command}`));
  for (const flag of args.filter((arg) => arg.startsWith('--'))) expect(help).toContain(`${flag} `);
});
