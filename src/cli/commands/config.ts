// xlreg config: shows the settings in effect, or checks them, without starting a registry.
import { escapeText } from '../../client/escape-text.ts';
import {
  ConfigError,
  faultsOf,
  type GivenValue,
  readSome,
  readSources,
  SETTING_NAMES,
  type SettingFlags,
  type SettingSources,
} from '../../config.ts';
import { readArguments, UsageError } from '../client-flags.ts';
import { OperatorError } from '../operator-error.ts';
import { operatorSources } from '../operator-settings.ts';
import { printJson, printTable } from '../print.ts';
import {
  type CheckedSettings,
  checkCertificates,
  checkCombinations,
  checkPorts,
  type Findings,
} from '../settings-check.ts';
import { type ShownSetting, showSettings } from '../shown-settings.ts';

const VERBS = ['show', 'check'];

const SERVE_FLAGS = Object.fromEntries([...SETTING_NAMES, 'config'].map((name) => [name, { type: 'string' as const }]));

/** Resolves to the exit code. Rejects with UsageError; with --json, with OperatorError for faulty settings. */
export async function config(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    positionals: ['show|check'],
    optional: ['FILE'],
    options: {
      ...SERVE_FLAGS,
      json: { type: 'boolean' },
      changed: { type: 'boolean' },
      'values-only': { type: 'boolean' },
    },
  });
  const { json = false, changed = false, 'values-only': valuesOnly = false, ...others } = values;
  const flags = others as SettingFlags;
  const [verb, file] = positionals as [string, string | undefined];
  if (!VERBS.includes(verb))
    throw new UsageError(`there is no "xlreg config ${escapeText(verb)}"; use xlreg config show or xlreg config check`);
  if (file !== undefined && flags.config !== undefined) throw new UsageError('give the file as FILE or as --config');
  if (verb === 'show' && valuesOnly) throw new UsageError('--values-only is only for xlreg config check');
  if (verb === 'check' && changed) throw new UsageError('--changed is only for xlreg config show');
  const given = file === undefined ? flags : { ...flags, config: file };
  return verb === 'show' ? show(operatorSources(given), { json, changed }) : check(given, { json, valuesOnly });
}

/** Prints each setting with its origin. Exit code 1 means that one is faulty; its value is not printed. */
function show(sources: SettingSources, { json, changed }: { json: boolean; changed: boolean }): number {
  const faults = [...sources.faults, ...valueFaults(sources)];
  const shown = showSettings(sources, process.env).filter(({ source }) => !changed || source !== 'default');
  if (json)
    printJson('config-show', { file: sources.file ?? null, settings: Object.fromEntries(shown.map(toJson)), faults });
  else printTable([['SETTING', 'VALUE', 'FROM'], ...shown.map(toRow)]);
  const lines = json ? sources.misspelled : [...faults, ...sources.misspelled];
  for (const line of lines) process.stderr.write(`${escapeText(line)}\n`);
  return json ? assertSound(faults) : faults.length === 0 ? 0 : 1;
}

function toJson({ name, value, source, from }: ShownSetting) {
  return [name, { value: value ?? null, source, from }] as const;
}

function toRow({ name, value, text, from }: ShownSetting): string[] {
  return [name, escapeText(text ?? String(value)), escapeText(from)];
}

/** Prints each fault. Exit code 1 means that there is one. */
async function check(
  flags: SettingFlags,
  { json, valuesOnly }: { json: boolean; valuesOnly: boolean },
): Promise<number> {
  const found: Findings = { faults: [], notes: [] };
  const label = flags.config ?? process.env.XLREG_CONFIG ?? 'settings';
  try {
    const sources = readSources(flags, process.env);
    found.faults.push(...sources.faults, ...valueFaults(sources), ...sources.misspelled);
    found.notes.push(...sources.ignored.map((name) => `${name}: it is no setting, and is ignored`));
    const checked = validSettings(sources);
    checkCombinations(checked, found);
    if (!valuesOnly) await checkCertificates(checked, found);
    if (!valuesOnly) await checkPorts(checked, found);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    found.faults.push(error.message);
  }
  const { faults, notes } = found;
  if (json) {
    printJson('config-check', { sound: faults.length === 0, faults, notes });
    return assertSound(faults);
  }
  for (const note of notes) process.stderr.write(`note: ${escapeText(note)}\n`);
  for (const fault of faults) process.stdout.write(`${escapeText(fault)}\n`);
  if (faults.length === 0) process.stdout.write(`${escapeText(label)}: sound\n`);
  return faults.length === 0 ? 0 : 1;
}

/** The exit code of settings without a fault. Throws OperatorError for others. */
function assertSound(faults: readonly string[]): number {
  if (faults.length === 0) return 0;
  throw new OperatorError(faults.map(escapeText).join('\n'), 1, { code: 'SETTINGS_FAULTY' });
}

/** Faults of all values, also of those that another source replaces. */
function valueFaults({ given }: SettingSources): string[] {
  return [...given].flatMap(([name, values]) => values.flatMap((value) => faultsOf(name, value)));
}

function validSettings(sources: SettingSources): CheckedSettings {
  const valid = SETTING_NAMES.filter((name) => {
    const [first] = sources.given.get(name) ?? [];
    return first === undefined || faultsOf(name, first).length === 0;
  });
  return {
    config: readSome(valid as Parameters<typeof readSome>[0], sources),
    where: (name) => whereOf(name, sources.given.get(name)?.[0]),
  };
}

function whereOf(name: string, given: GivenValue | undefined): string {
  if (given === undefined) return `${name} (default)`;
  return given.source === 'file' ? `${given.from}: ${name}` : given.from;
}
