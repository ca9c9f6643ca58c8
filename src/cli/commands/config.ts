// xlreg config check: whether a registry would start with a configuration file.
import { escapeText } from '../../client/escape-text.ts';
import { configProblems } from '../../config.ts';
import { readArguments, UsageError } from '../client-flags.ts';

/** Resolves to 0, or 1 with one line on stdout for each problem. */
export async function config(args: readonly string[]): Promise<number> {
  const { positionals } = readArguments(args, { positionals: ['check', 'FILE'], options: {} });
  const [verb, file] = positionals as [string, string];
  if (verb !== 'check') throw new UsageError(`there is no "xlreg config ${escapeText(verb)}"`);
  const problems = configProblems(file);
  for (const problem of problems) process.stdout.write(`${escapeText(file)}: ${escapeText(problem)}\n`);
  if (problems.length === 0) process.stdout.write(`${escapeText(file)}: sound\n`);
  return problems.length === 0 ? 0 : 1;
}
