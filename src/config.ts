// All settings of the server. Precedence: flags, environment, file, defaults. They are checked once and frozen.
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { z } from 'zod';
import { isCidr } from './admission/ip-address.ts';
import {
  MESSAGE_BYTES_MAX,
  REPLY_BYTES_MAX,
  REPLY_BYTES_MIN,
  SESSION_MESSAGES_MAX,
  TOKEN_END_POINTS_MAX,
  WORKERS_MAX,
} from './limits.ts';
import { isStoreName, type StoreName } from './store/open-store.ts';
import { isEndPoint, isName } from './wire/member-token.ts';

/** A setting is invalid. The message is one line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Address to listen on; undefined is `off`. */
interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** One day: far below a timer's maximum. */
const MILLISECONDS_MAX = 86_400_000;
/** Ten years. */
const SECONDS_MAX = 315_360_000;
/** Bound of the prefix of all the registry's keys in etcd. */
const ETCD_PREFIX_CHARS_MAX = 256;

const listenAddress = z.string().transform((text, context): ListenAddress | undefined => {
  if (text === 'off') return undefined;
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text);
  if (match === null || Number(match[3]) > 65_535) {
    context.addIssue({ code: 'custom', message: 'should be HOST:PORT or off' });
    return z.NEVER;
  }
  return { host: match[1] ?? match[2]!, port: Number(match[3]) };
});

/** Certificate and key files; undefined is `off`. */
const certificateFiles = z.string().transform((text, context) => {
  if (text === 'off') return undefined;
  const [cert, key, ...more] = text.split(',');
  if (cert && key && more.length === 0) return { cert, key };
  context.addIssue({ code: 'custom', message: 'should be CERT-FILE,KEY-FILE or off' });
  return z.NEVER;
});

/** Certificate authority to trust, and optionally an own certificate with its key; undefined is `off`. */
const authorityAndCertificate = z.string().transform((text, context) => {
  if (text === 'off') return undefined;
  const [ca, cert, key, ...more] = text.split(',');
  if (ca && !cert === !key && more.length === 0 && cert !== '') return { ca, cert, key };
  context.addIssue({ code: 'custom', message: 'should be CA-FILE, CA-FILE,CERT-FILE,KEY-FILE or off' });
  return z.NEVER;
});

/** A whole number: a number in the file, digits in flags and environment. */
const whole = (least: number, most: number) =>
  z
    .union([
      z.number(),
      z
        .string()
        .regex(/^\d{1,15}$/, 'should be a whole number')
        .transform(Number),
    ])
    .pipe(z.number().int().min(least).max(most));
const milliseconds = whole(1, MILLISECONDS_MAX);
const seconds = whole(1, SECONDS_MAX);

/** Items separated by commas; an empty list is `off`. */
const list = (isItem: (text: string) => boolean, what: string) =>
  z
    .string()
    .transform((text): readonly string[] => (text === 'off' ? [] : text.split(',')))
    .refine((items) => items.every(isItem), `should be ${what},… or off`);
const networks = list(isCidr, 'ADDRESS/BITS');
/** The registry's own token contains these end points, so T5 bounds them. */
const advertised = list(isBareEndPoint, 'HOST:PORT')
  .refine((ends) => ends.length <= TOKEN_END_POINTS_MAX, `should be ${TOKEN_END_POINTS_MAX} end points at most`)
  .refine((ends) => new Set(ends).size === ends.length, 'should name each end point once');

/** Every setting by its flag's name. The file uses the same names, the environment XLREG_…. */
const settings = z.strictObject({
  'data-dir': z.string().min(1).default('./xlreg-data'),
  name: z.string().refine(isName, 'should be 1 to 128 letters, digits, _ . -').default('xlReg'),
  tcp: listenAddress.prefault('0.0.0.0:56789'),
  ws: listenAddress.prefault('0.0.0.0:56790'),
  admin: listenAddress.prefault('127.0.0.1:56791'),
  advertise: advertised.optional(),
  workers: whole(1, WORKERS_MAX).default(availableParallelism()),
  'hello-queue-ms': milliseconds.default(50),
  'reply-bytes-max': whole(REPLY_BYTES_MIN, REPLY_BYTES_MAX).default(REPLY_BYTES_MAX),
  store: z.custom<StoreName>(isStore, 'should be lmdb, memory or etcd:HOST:PORT,…').default('lmdb'),
  'store-bytes-max': whole(1_000_000, Number.MAX_SAFE_INTEGER).optional(),
  'etcd-prefix': z
    .string()
    .regex(/^[\w.-]+(?:\/[\w.-]+)*\/$/, 'should be like a/path/')
    .max(ETCD_PREFIX_CHARS_MAX)
    .optional(),
  'etcd-tls': authorityAndCertificate.optional(),
  'etcd-user': z.string().min(1).optional(),
  'etcd-password-file': z.string().min(1).optional(),
  'max-clusters': whole(1, 100_000_000).default(1_000_000),
  'max-registrations': whole(1, 100_000_000).default(2_000_000),
  'ephemeral-ttl': seconds.default(3_600),
  'idle-registration-ttl': seconds.default(86_400),
  'empty-cluster-ttl': seconds.default(3_600),
  'max-connections': whole(1, 1_000_000).default(20_000),
  'max-connections-per-address': whole(1, 1_000_000).default(256),
  'max-hellos-per-second': whole(1, 1_000_000).default(10_000),
  'max-hellos-per-second-per-address': whole(1, 1_000_000).default(20),
  'max-registrations-per-second-per-address': whole(1, 1_000_000).default(20),
  'max-clusters-per-second-per-address': whole(1, 1_000_000).default(20),
  'max-members-per-second-per-address': whole(1, 1_000_000).default(20),
  'max-clusters-per-client': whole(1, 100_000_000).default(10_000),
  'max-seats-per-client': whole(1, 100_000_000).default(10_000),
  'limit-exempt': networks.prefault('127.0.0.0/8,::1/128'),
  'proxy-protocol': networks.prefault('off'),
  forwarded: networks.prefault('off'),
  'x-forwarded-for': networks.prefault('off'),
  'allowed-origins': list(isOrigin, 'https://HOST').prefault('off'),
  'max-session-bytes': whole(MESSAGE_BYTES_MAX, Number.MAX_SAFE_INTEGER).default(16_777_216),
  'max-session-messages': whole(1, SESSION_MESSAGES_MAX).default(SESSION_MESSAGES_MAX),
  'ws-tls': certificateFiles.optional(),
  'admin-tls': certificateFiles.optional(),
  'web-engine': z.enum(['auto', 'uws', 'node']).default('auto'),
  'log-level': z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  'slow-session-ms': milliseconds.optional(),
  'hello-timeout-ms': milliseconds.default(5_000),
  'partial-timeout-ms': milliseconds.default(5_000),
  'idle-timeout-ms': milliseconds.default(30_000),
  'joined-idle-timeout-ms': milliseconds.default(120_000),
  'write-timeout-ms': milliseconds.default(10_000),
  'drain-grace-ms': milliseconds.default(5_000),
  'session-timeout-ms': milliseconds.default(MILLISECONDS_MAX),
  'linger-timeout-ms': milliseconds.default(1_000),
});

function isStore(value: unknown): boolean {
  return typeof value === 'string' && isStoreName(value);
}

/** True for an origin as browsers write it: lower case, and a port only if it is not the scheme's default. */
function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

/** Excludes the `TcpEndPoint: ` prefix: regCred.dat and the registry's token add it themselves. */
function isBareEndPoint(text: string): boolean {
  return isEndPoint(text) && !text.includes(' ');
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

function camelCase(name: string): string {
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
