// Parses command lines, and the flags that all client commands share.
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { FINGERPRINT_FORM, parseFingerprint } from '../client/credentials-source.ts';
import { escapeText } from '../client/escape-text.ts';
import type { SessionDialect, TransportName } from '../client/index.ts';
import { describeParseError } from '../nearest-name.ts';
import { isName } from '../wire/name.ts';

/** The command line is wrong. The message is one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const CLIENT_FLAGS = {
  registry: { type: 'string' },
  transport: { type: 'string' },
  connect: { type: 'string', multiple: true },
  fingerprint: { type: 'string' },
  dialect: { type: 'string' },
  timeout: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** The shared flags after validation. */
export interface ClientFlags {
  /** A path or an http(s) URL. */
  readonly registry: string;
  readonly transport: TransportName | undefined;
  readonly connect: readonly string[] | undefined;
  /** Fingerprint of the registry's sig key, in the RSA dialects of its comms key: `SHA256:` and base64. */
  readonly fingerprint: string | undefined;
  readonly dialect: SessionDialect;
  readonly timeoutMs: number | undefined;
  readonly json: boolean;
}

type Options = NonNullable<ParseArgsConfig['options']>;
type Parsed<T extends Options> = ReturnType<typeof parseArgs<{ options: T }>>['values'];

/** The default data directory of `xlreg serve`. Its settings are not loaded for clients. */
const DATA_DIRECTORY = './xlreg-data';

/** One day: far below the limit of setTimeout. */
const SECONDS_MAX = 86_400;

/**
 * Parses the arguments of a client command. `positionals` names each required positional as help does. Throws
 * UsageError.
 */
export function readCommandLine<const T extends Options>(
  args: readonly string[],
  { positionals: expected, options }: CommandLine<T>,
): { flags: ClientFlags; values: Parsed<T>; positionals: readonly string[] } {
  const { values, positionals } = readArguments(args, {
    positionals: expected,
    options: { ...options, ...CLIENT_FLAGS },
  });
  return { flags: checkFlags(values), values: values as Parsed<T>, positionals };
}

/** The arguments of a command: the names of its positionals, and its flags. */
interface CommandLine<T extends Options> {
  readonly positionals: readonly string[];
  /** Positionals that may follow. */
  readonly optional?: readonly string[];
  readonly options: T;
}

/** Parses the arguments of any other command. Throws UsageError. */
export function readArguments<const T extends Options>(
  args: readonly string[],
  { positionals: expected, optional = [], options }: CommandLine<T>,
): { values: Parsed<T>; positionals: readonly string[] } {
  const { values, positionals } = parse(args, options);
  if (positionals.length < expected.length) throw new UsageError(`${expected[positionals.length]} is missing`);
  const most = expected.length + optional.length;
  if (positionals.length > most) {
    throw new UsageError(`unexpected argument "${escapeText(positionals[most]!)}"`);
  }
  return { values: values as Parsed<T>, positionals };
}

function parse(args: readonly string[], options: Options) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(escapeText(describeParseError(error as Error, Object.keys(options))));
  }
}

function checkFlags(values: Record<string, unknown>): ClientFlags {
  const text = (name: Exclude<keyof typeof CLIENT_FLAGS, 'connect'>) => values[name] as string | undefined;
  return {
    registry:
      text('registry') ?? process.env.XLREG_REGISTRY ?? `${process.env.XLREG_DATA_DIR ?? DATA_DIRECTORY}/regCred.dat`,
    transport: oneOf('--transport', text('transport'), ['tcp', 'ws']),
    connect: values.connect as string[] | undefined,
    fingerprint: fingerprintOf(text('fingerprint')),
    dialect: oneOf('--dialect', text('dialect'), ['sealed', 'prefixed', 'chained']) ?? 'sealed',
    timeoutMs: milliseconds('--timeout', text('timeout')),
    json: values.json === true,
  };
}

function oneOf<const T extends string>(flag: string, text: string | undefined, choices: readonly T[]): T | undefined {
  if (text === undefined || choices.includes(text as T)) return text as T | undefined;
  throw new UsageError(`${flag} should be ${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`);
}

/** Converts seconds, with or without a fraction, to milliseconds. Throws UsageError. */
export function milliseconds(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : 0;
  if (seconds <= 0 || seconds > SECONDS_MAX) throw new UsageError(`${flag} should be seconds, up to ${SECONDS_MAX}`);
  return Math.max(1, Math.round(seconds * 1000));
}

/** The confirm time in milliseconds; 0 without the flag, or with 0. Throws UsageError. */
export function confirmTime(text: string | undefined, { dialect }: Pick<ClientFlags, 'dialect'>): number {
  if (text === undefined || text === '0') return 0;
  if (dialect !== 'sealed') throw new UsageError('--confirm needs --dialect sealed');
  return milliseconds('--confirm', text)!;
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** Converts a lifetime such as `90d`, `12h`, `30m` or `45s` to seconds. Throws UsageError. */
export function lifetimeSeconds(flag: string, text: string): number {
  const [, count, unit] = /^([1-9]\d{0,8})([smhd])$/.exec(text) ?? [];
  if (!count || !unit) throw new UsageError(`${flag} should be like 90d, 12h, 30m or 45s`);
  return Number(count) * SECONDS[unit]!;
}

/** Parses an unsigned 32-bit number. Throws UsageError. */
export function count(flag: string, text: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) > 0xffff_ffff) throw new UsageError(`${flag} should be a number`);
  return Number(text);
}

/** Checks the name of a cluster or a member (T2). Throws UsageError. */
export function name(what: string, text: string): string {
  if (!isName(text))
    throw new UsageError(`${what} should be 1 to 128 letters, digits, _ . - and begin with none of . -`);
  return text;
}

function fingerprintOf(text: string | undefined): string | undefined {
  const fingerprint = text === undefined ? undefined : parseFingerprint(text);
  if (text === undefined || fingerprint !== undefined) return fingerprint;
  throw new UsageError(`--fingerprint should be ${FINGERPRINT_FORM}`);
}
