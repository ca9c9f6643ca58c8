// Changes the log level while the server runs.
import type { Level, Logger } from 'pino';
import type { ReloadablePart } from './reload.ts';

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

/** The level as a part of a reload. Only a changed setting applies, so a level set at run time survives other reloads. */
export function reloadableLogLevel(log: Logger): ReloadablePart {
  return {
    name: 'log-level',
    settings: () => ['log-level'],
    reload(next, before) {
      if (next.logLevel !== before.logLevel) setLogLevel(log, next.logLevel);
    },
  };
}
