// All settings of the server, and their one rule: a flag wins over the environment, the environment over the
// configuration file, the file over the default. They are checked once and frozen.
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import type { z } from 'zod';
import { describeParseError, suggestion } from './nearest-name.ts';
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

/** Names the configuration file; `--config` wins over it. */
const CONFIG_VARIABLE = 'XLREG_CONFIG';

/** Variables that are no settings of the server, but have a meaning for it or for the commands. */
const OTHER_VARIABLES = [
  CONFIG_VARIABLE,
  ...['XLREG_REGISTRY', 'XLREG_TOKEN', 'XLREG_TOKEN_FILE', 'XLREG_CACERT', 'XLREG_ETCD_PASSWORD'],
  // A program of `xlreg join --exec` has these.
  ...['XLREG_ROSTER_FILE', 'XLREG_CLUSTER', 'XLREG_CLUSTER_ID', 'XLREG_HOME'],
  ...['XLREG_MEMBER_NAME', 'XLREG_MEMBER_ID', 'XLREG_INDEX'],
];

/** Unknown variables that are examined. An environment is not the program's own, so its size is bounded. */
const UNKNOWN_VARIABLES_MAX = 100;

/** The checked settings of a server. */
export interface GivenSettings {
  readonly config: Config;
  /** Settings that differ from their default, as given. None is a secret: passwords are in files of their own. */
  readonly changed: Readonly<Record<string, unknown>>;
  /** Misspelled environment variables, one line each. They are no error: other programs share the environment. */
  readonly warnings: readonly string[];
}

/** A value of a setting as given, not checked. */
export interface GivenValue {
  readonly value: unknown;
  readonly source: 'flag' | 'environment' | 'file';
  /** Its origin for people: `--tcp`, `XLREG_TCP` or the path of the file. */
  readonly from: string;
}

/** All sources of settings, read but not checked. */
export interface SettingSources {
  /** Path of the configuration file; undefined if there is none. */
  readonly file: string | undefined;
  /** By setting: each value given. The first one is in effect. */
  readonly given: ReadonlyMap<string, readonly GivenValue[]>;
  /** Faults of the file that belong to no value, such as an unknown key; one line each. */
  readonly faults: readonly string[];
  /** Misspelled environment variables, one line each. */
  readonly misspelled: readonly string[];
  /** Environment variables XLREG_… without a meaning and without a similar name. */
  readonly ignored: readonly string[];
}

/** Values of flags; `config` names the file. */
export type SettingFlags = Readonly<Record<string, string | undefined>>;

/** Reads flags, environment and, with `--config FILE` or XLREG_CONFIG, a JSON file. Throws ConfigError. */
export function readSettings(args: readonly string[], environment: NodeJS.ProcessEnv): GivenSettings {
  const sources = readSources(readFlags(args), environment);
  const effective = [...sources.given].map(([name, [first]]) => [name, first!] as const);
  const faults = [...sources.faults, ...effective.flatMap(([name, value]) => faultsOf(name, value))];
  if (faults.length > 0) throw new ConfigError(faults.join('; '));
  const given: Readonly<Record<string, unknown>> = Object.fromEntries(
    effective.map(([name, { value }]) => [name, value]),
  );
  const parsed = settings.parse(given);
  const entries = Object.entries(parsed).map(([name, value]) => [settingKey(name), value]);
  const config = Object.freeze(Object.fromEntries(entries)) as Config;
  const defaults: Readonly<Record<string, unknown>> = settings.parse({});
  const changes = Object.entries(parsed).filter(([name, value]) => !isDeepStrictEqual(value, defaults[name]));
  const changed = Object.fromEntries(changes.map(([name]) => [name, given[name]]));
  return { config, changed, warnings: sources.misspelled };
}

/** Returns the config of readSettings. Throws ConfigError. */
export function readConfig(args: readonly string[], environment: NodeJS.ProcessEnv): Config {
  return readSettings(args, environment).config;
}

/** Reads all sources. Throws ConfigError if the file cannot be read or holds no object. */
export function readSources(flags: SettingFlags, environment: NodeJS.ProcessEnv): SettingSources {
  const [file, named] =
    flags.config === undefined ? [environment[CONFIG_VARIABLE], CONFIG_VARIABLE] : [flags.config, '--config'];
  const content = file === undefined ? { entries: [], faults: [] } : readFile(file, named);
  const inFile = new Map(content.entries);
  const given = new Map<string, GivenValue[]>();
  for (const name of SETTING_NAMES) {
    const variable = environmentName(name);
    const values: GivenValue[] = [];
    if (flags[name] !== undefined) values.push({ value: flags[name], source: 'flag', from: `--${name}` });
    if (environment[variable] !== undefined)
      values.push({ value: environment[variable], source: 'environment', from: variable });
    if (inFile.has(name)) values.push({ value: inFile.get(name), source: 'file', from: file! });
    if (values.length > 0) given.set(name, values);
  }
  return { file, given, faults: content.faults, ...examineVariables(environment) };
}

/** Returns the errors of a value, one line each. */
export function faultsOf(name: string, { value, source, from }: GivenValue): string[] {
  const parsed = shapeOf(name).safeParse(value);
  if (parsed.success) return [];
  const where = source === 'file' ? `${from}: ${name}` : from;
  return parsed.error.issues.map(({ message }) => `${where}: ${message}`);
}

/** Checks the settings `names` alone, so that a fault elsewhere in the file disturbs no command. Throws ConfigError. */
export function readSome<const Name extends keyof Settings>(
  names: readonly Name[],
  sources: SettingSources,
): { readonly [Key in Name as CamelCase<Key>]: Settings[Key] } {
  const faults = names.flatMap(
    (name) =>
      sources.given
        .get(name)
        ?.slice(0, 1)
        .flatMap((one) => faultsOf(name, one)) ?? [],
  );
  if (faults.length > 0) throw new ConfigError(faults.join('; '));
  const entries = names.map((name) => [settingKey(name), shapeOf(name).parse(sources.given.get(name)?.[0]?.value)]);
  return Object.fromEntries(entries);
}

/** Parses the flags of `xlreg serve`. Throws ConfigError. */
export function readFlags(args: readonly string[]): SettingFlags {
  const names = [...SETTING_NAMES, 'config'];
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  try {
    return parseArgs({ args: [...args], options, allowPositionals: false }).values as Record<string, string>;
  } catch (error) {
    throw new ConfigError(describeParseError(error as Error, names));
  }
}

/** `reply-bytes-max` → `XLREG_REPLY_BYTES_MAX`. */
export function environmentName(name: string): string {
  return `XLREG_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** The key of a setting in Config: `data-dir` → `dataDir`. */
export function settingKey(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function shapeOf(name: string): z.ZodType {
  return (settings.shape as Readonly<Record<string, z.ZodType>>)[name]!;
}

function examineVariables(environment: NodeJS.ProcessEnv): Pick<SettingSources, 'misspelled' | 'ignored'> {
  const known = [...SETTING_NAMES.map(environmentName), ...OTHER_VARIABLES];
  const unknown = Object.keys(environment).filter((name) => /^XLREG_?/i.test(name) && !known.includes(name));
  const [misspelled, ignored]: [string[], string[]] = [[], []];
  const endings = known.map(withoutPrefix);
  for (const name of unknown.slice(0, UNKNOWN_VARIABLES_MAX)) {
    const meant = suggestion(withoutPrefix(name), endings, (ending) => `XLREG_${ending}`);
    if (meant === '') ignored.push(name);
    else misspelled.push(`${name}: there is no such variable${meant}`);
  }
  return { misspelled, ignored };
}

/** The prefix is alike in all variables, so it must not count as similarity. */
function withoutPrefix(variable: string): string {
  return variable.replace(/^XLREG_?/i, '');
}

interface FileContent {
  /** The known keys. */
  readonly entries: readonly (readonly [name: string, value: unknown])[];
  readonly faults: readonly string[];
}

function readFile(path: string, named: string): FileContent {
  let text: string;
  let parsed: unknown;
  try {
    text = readFileSync(path, 'utf8');
    parsed = JSON.parse(text);
  } catch (error) {
    throw new ConfigError(`${named} ${path}: ${(error as Error).message.split('\n', 1)[0]}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new ConfigError(`${named} ${path}: should hold an object`);
  }
  const entries = Object.entries(parsed);
  const unknown = entries.filter(([name]) => !SETTING_NAMES.includes(name));
  const faults = [
    ...unknown.map(([name]) => `unknown key ${JSON.stringify(name)}${suggestion(name, SETTING_NAMES, JSON.stringify)}`),
    ...duplicateKeys(text).map((name) => `the key ${JSON.stringify(name)} is there more than once`),
  ];
  return { entries, faults: faults.map((fault) => `${path}: ${fault}`) };
}

/** The keys of a JSON object that occur more than once. JSON.parse would take the last one. */
function duplicateKeys(json: string): string[] {
  const counts = new Map<string, number>();
  let depth = 0;
  let last = '';
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth -= 1;
    else if (token === ':' && depth === 1) counts.set(last, (counts.get(last) ?? 0) + 1);
    else if (token !== ':') last = JSON.parse(token);
  }
  return [...counts].filter(([, count]) => count > 1).map(([key]) => key);
}
