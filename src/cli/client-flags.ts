// The flags that all commands of a client share, and how a command line is read at all.
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { escapeText } from '../client/escape-text.ts';
import type { TransportName } from '../client/index.ts';
import type { DialectName } from '../wire/hello.ts';
import { isName } from '../wire/member-token.ts';

/** The command line is wrong; the message is one line. */
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

/** The shared flags, checked. */
export interface ClientFlags {
  /** A path or an http(s) URL. */
  readonly registry: string;
  readonly transport: TransportName | undefined;
  readonly connect: readonly string[] | undefined;
  /** Of the registry's comms key, as `SHA256:…` in base64. */
  readonly fingerprint: string | undefined;
  readonly dialect: DialectName | undefined;
  readonly timeoutMs: number | undefined;
  readonly json: boolean;
}

type Options = NonNullable<ParseArgsConfig['options']>;
type Parsed<T extends Options> = ReturnType<typeof parseArgs<{ options: T }>>['values'];

const REGISTRY_FILE = './xlreg-data/regCred.dat';

/** Two years and more is not a time to wait; setTimeout cannot either. */
const SECONDS_MAX = 86_400;

/**
 * Reads a command's arguments: `positionals` are what must stand there beside the flags, each by the name that help gives
 * it. Throws UsageError.
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

/** What a command takes: the names of its positionals, and its flags. */
interface CommandLine<T extends Options> {
  readonly positionals: readonly string[];
  readonly options: T;
}

/** The same for commands that are not a client's. Throws UsageError. */
export function readArguments<const T extends Options>(
  args: readonly string[],
  { positionals: expected, options }: CommandLine<T>,
): { values: Parsed<T>; positionals: readonly string[] } {
  const { values, positionals } = parse(args, options);
  if (positionals.length < expected.length) throw new UsageError(`${expected[positionals.length]} is missing`);
  if (positionals.length > expected.length) {
    throw new UsageError(`"${escapeText(positionals[expected.length]!)}" is too much`);
  }
  return { values: values as Parsed<T>, positionals };
}

function parse(args: readonly string[], options: Options) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(escapeText((error as Error).message.split(/\n|\. /, 1)[0]!));
  }
}

function checkFlags(values: Record<string, unknown>): ClientFlags {
  const text = (name: Exclude<keyof typeof CLIENT_FLAGS, 'connect'>) => values[name] as string | undefined;
  return {
    registry: text('registry') ?? process.env.XLREG_REGISTRY ?? REGISTRY_FILE,
    transport: oneOf('--transport', text('transport'), ['tcp', 'ws']),
    connect: values.connect as string[] | undefined,
    fingerprint: parseFingerprint(text('fingerprint')),
    dialect: oneOf('--dialect', text('dialect'), ['chained', 'prefixed']),
    timeoutMs: milliseconds('--timeout', text('timeout')),
    json: values.json === true,
  };
}

function oneOf<const T extends string>(flag: string, text: string | undefined, choices: readonly T[]): T | undefined {
  if (text === undefined || choices.includes(text as T)) return text as T | undefined;
  throw new UsageError(`${flag} should be ${choices.join(' or ')}`);
}

/** Seconds, perhaps with a fraction, as milliseconds. */
export function milliseconds(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : 0;
  if (seconds <= 0 || seconds > SECONDS_MAX) throw new UsageError(`${flag} should be seconds, up to ${SECONDS_MAX}`);
  return Math.max(1, Math.round(seconds * 1000));
}

/** A whole number that fits into the protocol's uint32. */
export function count(flag: string, text: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) > 0xffff_ffff) throw new UsageError(`${flag} should be a number`);
  return Number(text);
}

/** A cluster's or a member's name that keeps T2. */
export function name(what: string, text: string): string {
  if (!isName(text))
    throw new UsageError(`${what} should be 1 to 128 letters, digits, _ . - and begin with none of . -`);
  return text;
}

/** The longest form of a fingerprint is 95 characters: hex with colons. */
const FINGERPRINT_CHARS_MAX = 128;

/** `SHA256:` and base64, as ssh-keygen prints it, or 32 bytes of hex, with colons or without. */
function parseFingerprint(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  // Also keeps the search for `=` at the end, which is quadratic, from taking long.
  const bare = text.length <= FINGERPRINT_CHARS_MAX ? text.replace(/^SHA256:/, '') : '';
  const hex = bare.replaceAll(':', '');
  const digest = /^[0-9A-Fa-f]{64}$/.test(hex) ? Buffer.from(hex, 'hex') : Buffer.from(bare, 'base64');
  const base64 = digest.toString('base64').replace(/=+$/, '');
  if (digest.length !== 32 || (base64 !== bare.replace(/=+$/, '') && digest.toString('hex') !== hex.toLowerCase())) {
    throw new UsageError('--fingerprint should be SHA256:… as xlreg regcred prints it, or 64 hex digits');
  }
  return `SHA256:${base64}`;
}
