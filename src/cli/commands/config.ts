// xlreg config check: checks a configuration file without starting a registry.
import { escapeText } from '../../client/escape-text.ts';
import { configProblems } from '../../config.ts';
import { readArguments, UsageError } from '../client-flags.ts';

/** Resolves to 0, or to 1 after printing one line for each problem. Rejects with UsageError. */
export async function config(args: readonly string[]): Promise<number> {
  const { positionals } = readArguments(args, { positionals: ['check', 'FILE'], options: {} });
  const [verb, file] = positionals as [string, string];
  if (verb !== 'check')
    throw new UsageError(`there is no "xlreg config ${escapeText(verb)}"; use xlreg config check FILE`);
  const problems = configProblems(file);
  for (const problem of problems) process.stdout.write(`${escapeText(file)}: ${escapeText(problem)}\n`);
  if (problems.length === 0) process.stdout.write(`${escapeText(file)}: sound\n`);
  return problems.length === 0 ? 0 : 1;
}
