// Settings that the operator's commands share with `xlreg serve`. They follow the same rule: a flag wins over the
// environment, the environment over the configuration file, the file over the default.
import { type Config, ConfigError, readSome, readSources, type SettingFlags, type SettingSources } from '../config.ts';
import { UsageError } from './client-flags.ts';

/** The flags that select a data directory. */
export const DATA_DIRECTORY_FLAGS = {
  'data-dir': { type: 'string' },
  config: { type: 'string' },
} as const;

/** Values of flags as a command has parsed them. Those that are no settings are ignored. */
type ParsedFlags = Readonly<Record<string, unknown>>;

/** Reads all sources of settings. Throws UsageError if the configuration file cannot be read. */
export function operatorSources(values: ParsedFlags): SettingSources {
  return orUsageError(() => readSources(values as SettingFlags, process.env));
}

/** The data directory of a command. Throws UsageError. */
export function dataDirectoryOf(values: ParsedFlags): string {
  return orUsageError(() => readSome(['data-dir'], operatorSources(values)).dataDir);
}

/** Turns a ConfigError into a UsageError: commands that need no settings do not load them. */
export function orUsageError<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof ConfigError ? new UsageError(error.message) : error;
  }
}

/** An address to listen on; undefined is `off`. */
type ListenAddress = Config['admin'];

/** Returns `HOST:PORT` through which this machine reaches a listener. A wildcard address stands for loopback. */
export function reachableAddress({ host, port }: NonNullable<ListenAddress>): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : /^[0:]+$/.test(host) ? '::1' : host;
  return `${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
