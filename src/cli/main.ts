#!/usr/bin/env node
// The command line: the first word names the command, which has a file of its own that is loaded when it is wanted. Turns
// what commands reject with into a line on stderr and an exit code.
import { readFileSync } from 'node:fs';
import { escapeText } from '../client/escape-text.ts';
import { UsageError } from './client-flags.ts';
import { failureOf } from './failure.ts';
import { helpFor } from './help.ts';

type Command = (args: readonly string[], signal: AbortSignal) => Promise<number>;

const COMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ['create', async () => (await import('./create.ts')).create],
  ['join', async () => (await import('./join.ts')).join],
  ['members', async () => (await import('./members.ts')).members],
  ['regcred', async () => (await import('./regcred.ts')).regcred],
  ['check', async () => (await import('./check.ts')).check],
  ['clusters', async () => (await import('./operate.ts')).clusters],
  ['evict', async () => (await import('./operate.ts')).evict],
  ['delete', async () => (await import('./operate.ts')).deleteCluster],
  ['sessions', async () => (await import('./operate.ts')).sessions],
  ['keys', async () => (await import('./keys.ts')).keys],
  ['config', async () => (await import('./config.ts')).config],
  ['drain', async () => (await import('./drain.ts')).drain],
  ['backup', async () => (await import('./backup.ts')).backup],
  ['restore', async () => (await import('./restore.ts')).restore],
  ['store', async () => (await import('./store.ts')).store],
  ['export', async () => (await import('./export.ts')).exportTable],
]);

/** 128 and the number of SIGINT, as shells have it. */
const INTERRUPTED = 130;

async function main([command, ...args]: readonly string[]): Promise<number> {
  if (command === '--version') return print(`${version()}\n`);
  if (command === 'help' || command === '--help' || command === '-h') return help(args[0]);
  if (command === undefined) return fail('xlreg', new UsageError('a command is missing; xlreg help lists them'));
  if (args.some((arg, at) => arg === '--help' && !args.slice(0, at).includes('--'))) return help(command);
  // When the registry has stopped, no connection of somebody who scrapes it may keep the process.
  if (command === 'serve') process.exit(await (await import('./serve.ts')).serve(args));
  const load = COMMANDS.get(command);
  return load ? runCommand(command, await load(), args) : noSuchCommand(command);
}

async function runCommand(command: string, run: Command, args: readonly string[]): Promise<number> {
  const interrupt = new AbortController();
  // Once: a second one ends the process at once.
  process.once('SIGINT', () => interrupt.abort());
  try {
    return await run(args, interrupt.signal);
  } catch (error) {
    return interrupt.signal.aborted ? INTERRUPTED : fail(`xlreg ${command}`, error);
  }
}

function help(command: string | undefined): number {
  const text = helpFor(command);
  return text === undefined ? noSuchCommand(command!) : print(text);
}

function noSuchCommand(command: string): number {
  return fail(
    'xlreg',
    new UsageError(`there is no command "${escapeText(command)}"; xlreg help lists those there are`),
  );
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

/** What nobody foresaw is a bug, and is thrown. */
function fail(who: string, error: unknown): number {
  const failure = failureOf(error);
  if (failure === undefined) throw error;
  process.stderr.write(`${who}: ${failure.text}\n`);
  return failure.exitCode;
}

/** Of the package, which is above both src/ and dist/src/. */
function version(): string {
  const path = import.meta.url.endsWith('.ts') ? '../../package.json' : '../../../package.json';
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')).version;
}

process.exitCode = await main(process.argv.slice(2));
