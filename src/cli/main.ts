#!/usr/bin/env node
// Entry of the command line: imports the command that the first argument names, runs it, and turns its error into
// lines on stderr, or with --json into an object there, and an exit code.

// Without a handler, Node opens its debugger at SIGUSR1, and this process holds keys. Until serve has its own handlers,
// SIGHUP and SIGUSR2 must not end it. Signals may come at any time, so all imports follow these lines.
process.on('SIGUSR1', () => {});
if (process.argv[2] === 'serve') for (const signal of ['SIGHUP', 'SIGUSR2']) process.on(signal, () => {});

const { setDefaultAutoSelectFamilyAttemptTimeout } = await import('node:net');
const { ADDRESS_TIMEOUT_MS } = await import('../client/address-share.ts');
const { escapeText } = await import('../client/escape-text.ts');
const { UsageError } = await import('./client-flags.ts');
const { failureOf } = await import('./failure.ts');
const { helpFor } = await import('./help.ts');
const { codeWithoutReader } = await import('./lost-output.ts');
const { printJsonError } = await import('./print.ts');
const { suggestion } = await import('../nearest-name.ts');
const { packageVersion } = await import('../runtime/package-version.ts');

type Command = (args: readonly string[], signal: AbortSignal) => Promise<number>;

const COMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ['create', async () => (await import('./commands/create.ts')).create],
  ['join', async () => (await import('./commands/join.ts')).join],
  ['leave', async () => (await import('./commands/leave.ts')).leave],
  ['token', async () => (await import('./commands/token.ts')).token],
  ['members', async () => (await import('./commands/members.ts')).members],
  ['verify', async () => (await import('./commands/verify.ts')).verify],
  ['regcred', async () => (await import('./commands/regcred.ts')).regcred],
  ['check', async () => (await import('./commands/check.ts')).check],
  ['clusters', async () => (await import('./commands/operate.ts')).clusters],
  ['unmark', async () => (await import('./commands/operate.ts')).unmark],
  ['evict', async () => (await import('./commands/operate.ts')).evict],
  ['delete', async () => (await import('./commands/operate.ts')).deleteCluster],
  ['sessions', async () => (await import('./commands/operate.ts')).sessions],
  ['admin', async () => (await import('./commands/admin.ts')).admin],
  ['audit', async () => (await import('./commands/audit.ts')).audit],
  ['limits', async () => (await import('./commands/limits.ts')).limits],
  ['keys', async () => (await import('./commands/keys.ts')).keys],
  ['config', async () => (await import('./commands/config.ts')).config],
  ['drain', async () => (await import('./commands/drain.ts')).drain],
  ['backup', async () => (await import('./commands/backup.ts')).backup],
  ['restore', async () => (await import('./commands/restore.ts')).restore],
  ['store', async () => (await import('./commands/store.ts')).store],
  ['export', async () => (await import('./commands/export.ts')).exportTable],
  ['demo', async () => (await import('./commands/demo.ts')).demo],
  ['completion', async () => (await import('./commands/completion.ts')).completion],
]);

/** 128 plus the signal's number, as in shells. Handlers are needed: the kernel has no default action for process 1. */
const ENDED_BY = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

async function main([command, ...args]: readonly string[]): Promise<number> {
  const asksJson = argumentsOf(args).includes('--json');
  // serve goes on without its output.
  if (command !== 'serve') endWithoutOutput(`xlreg ${command}`, asksJson);
  if (command === '--version' || command === '-v') return print(`${packageVersion()}\n`);
  if (command === 'help' || command === '--help' || command === '-h') return help(args.find((arg) => !isHelp(arg)));
  if (command === undefined) return fail('xlreg', new UsageError('a command is missing; xlreg help lists them'));
  if (argumentsOf(args).some(isHelp)) return help(command);
  if (command === 'serve') return (await import('./commands/serve.ts')).serve(args);
  const load = COMMANDS.get(command);
  return load ? runCommand(command, await load(), args, asksJson) : noSuchCommand(command, asksJson);
}

/** The arguments that may be flags: those before `--`. */
function argumentsOf(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--');
  return args.slice(0, end < 0 ? undefined : end);
}

function isHelp(arg: string): boolean {
  return arg === '--help' || arg === '-h';
}

/** Ends the process when it cannot print its result: silently if the reader has left, such as `head`. */
function endWithoutOutput(who: string, asksJson: boolean): void {
  process.stdout.on('error', (lost) => {
    try {
      process.exit(codeWithoutReader(lost));
    } catch (error) {
      process.exit(fail(who, error, asksJson));
    }
  });
  // The result does not depend on messages.
  process.stderr.on('error', () => {});
}

async function runCommand(command: string, run: Command, args: readonly string[], asksJson: boolean): Promise<number> {
  // fetch() has no option for this limit.
  setDefaultAutoSelectFamilyAttemptTimeout(ADDRESS_TIMEOUT_MS);
  const interrupt = new AbortController();
  let [endedBy, exitCode] = ['', 0];
  for (const [signal, code] of Object.entries(ENDED_BY)) {
    process.on(signal, () => {
      // A second signal ends the process at once.
      if (interrupt.signal.aborted) process.exit(code);
      [endedBy, exitCode] = [signal, code];
      interrupt.abort();
    });
  }
  try {
    return await run(args, interrupt.signal);
  } catch (error) {
    if (!interrupt.signal.aborted) return fail(`xlreg ${command}`, error, asksJson);
    if (asksJson) printJsonError({ text: `ended by ${endedBy}`, code: 'INTERRUPTED', retryable: true, exitCode });
    return exitCode;
  }
}

async function help(command: string | undefined): Promise<number> {
  const text = await helpFor(command);
  return text === undefined ? noSuchCommand(command!) : print(text);
}

function noSuchCommand(command: string, asksJson = false): number {
  const meant = suggestion(command, ['serve', ...COMMANDS.keys()], (name) => `"${name}"`);
  const advice = meant === '' ? '; xlreg help lists the commands' : meant;
  return fail('xlreg', new UsageError(`there is no command "${escapeText(command)}"${advice}`), asksJson);
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

/** Prints an expected error. Throws an unexpected one, which is a bug. */
function fail(who: string, error: unknown, asksJson = false): number {
  const failure = failureOf(error);
  if (failure === undefined) throw error;
  if (asksJson) printJsonError(failure);
  else process.stderr.write(failure.text.replace(/^/gm, `${who}: `).concat('\n'));
  return failure.exitCode;
}

process.exitCode = await main(process.argv.slice(2));
