// xlreg completion: prints the completions of a shell.
import { readArguments, UsageError } from '../client-flags.ts';
import { completionScript, SHELLS } from '../completion.ts';

/** Resolves to 0. Rejects with UsageError. */
export async function completion(args: readonly string[]): Promise<number> {
  const { positionals } = readArguments(args, { positionals: [SHELLS.join('|')], options: {} });
  const shell = SHELLS.find((name) => name === positionals[0]);
  if (shell === undefined)
    throw new UsageError(`xlreg completion needs ${SHELLS.join(', ').replace(/, (\w+)$/, ' or $1')}`);
  process.stdout.write(await completionScript(shell));
  return 0;
}
