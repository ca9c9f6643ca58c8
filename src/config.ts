// All settings of the server. Precedence: flags, environment, file, defaults. They are checked once and frozen.
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import type { z } from 'zod';
import { settings } from './settings.ts';

/** A setting is invalid. The message is one line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

type Settings = z.output<typeof settings>;
type CamelCase<S extends string> = S extends `${infer A}-${infer B}` ? `${A}${Capitalize<CamelCase<B>>}` : S;

/** The settings by their names in code. */
export type Config = { readonly [Key in keyof Settings as CamelCase<Key>]: Settings[Key] };

/** Names of all flags of `xlreg serve` that set something. */
export const SETTING_NAMES = Object.keys(settings.shape);

/** The checked settings of a server. */
export interface GivenSettings {
  readonly config: Config;
  /** Settings that differ from their default, as given. None is a secret: passwords are in files of their own. */
  readonly changed: Readonly<Record<string, unknown>>;
}

/** Reads flags, environment and, with `--config FILE`, a JSON file. Throws ConfigError. */
export function readSettings(args: readonly string[], environment: NodeJS.ProcessEnv): GivenSettings {
  const flags = readFlags(args);
  const { config: file, ...fromFlags } = flags;
  const fromFile = file === undefined ? {} : readFile(file);
  const fromEnvironment = Object.fromEntries(
    SETTING_NAMES.map((name) => [name, environment[environmentName(name)]]).filter(([, value]) => value !== undefined),
  );
  const given: Readonly<Record<string, unknown>> = { ...fromFile, ...fromEnvironment, ...fromFlags };
  const parsed = settings.safeParse(given);
  if (!parsed.success) throw new ConfigError(parsed.error.issues.map(describeIssue).join('; '));
  const entries = Object.entries(parsed.data).map(([name, value]) => [camelCase(name), value]);
  const config = Object.freeze(Object.fromEntries(entries)) as Config;
  const defaults: Readonly<Record<string, unknown>> = settings.parse({});
  const changes = Object.entries(parsed.data).filter(([name, value]) => !isDeepStrictEqual(value, defaults[name]));
  return { config, changed: Object.fromEntries(changes.map(([name]) => [name, given[name]])) };
}

/** Returns the config of readSettings. Throws ConfigError. */
export function readConfig(args: readonly string[], environment: NodeJS.ProcessEnv): Config {
  return readSettings(args, environment).config;
}

/** Returns the errors of a configuration file, one line each; empty if it is valid. */
export function configProblems(file: string): string[] {
  try {
    const parsed = settings.safeParse(readFile(file));
    return parsed.success ? [] : parsed.error.issues.map(describeIssue);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [error.message];
  }
}

/** `reply-bytes-max` → `XLREG_REPLY_BYTES_MAX`. */
function environmentName(name: string): string {
  return `XLREG_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** `reply-bytes-max` → `replyBytesMax`. */
export function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function readFlags(args: readonly string[]): Record<string, string | undefined> {
  const options = Object.fromEntries([...SETTING_NAMES, 'config'].map((name) => [name, { type: 'string' as const }]));
  try {
    return parseArgs({ args: [...args], options, allowPositionals: false }).values as Record<string, string>;
  } catch (error) {
    throw new ConfigError((error as Error).message.split('\n', 1)[0]);
  }
}

function readFile(path: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ConfigError(`--config ${path}: ${(error as Error).message.split('\n', 1)[0]}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new ConfigError(`--config ${path}: should hold an object`);
  }
  return parsed as Record<string, unknown>;
}

function describeIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys')
    return `unknown key ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}`;
  return `${issue.path.join('.')}: ${issue.message}`;
}
