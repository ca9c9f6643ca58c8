// Changes the log level while the server runs.
import type { Level, Logger } from 'pino';

/** From the most verbose to the least. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** Sets the level, and logs the new level as `logLevel` whatever the level is. */
export function setLogLevel(log: Logger, level: Level | 'silent'): void {
  log.level = 'info';
  log.info({ logLevel: level }, 'the log level is set');
  log.level = level;
}

/** Switches between debug and info. */
export function toggleLogLevel(log: Logger): void {
  setLogLevel(log, log.level === 'debug' ? 'info' : 'debug');
}
