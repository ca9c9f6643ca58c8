// The log's level, changed while the registry runs.
import type { Level, Logger } from 'pino';

/** From most to least. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** Sets the level from now on, and says so in the log whatever the level is, as "logLevel". */
export function setLogLevel(log: Logger, level: Level | 'silent'): void {
  log.level = 'info';
  log.info({ logLevel: level }, 'the log level is set');
  log.level = level;
}

/** Switches between debug and info. */
export function toggleLogLevel(log: Logger): void {
  setLogLevel(log, log.level === 'debug' ? 'info' : 'debug');
}
