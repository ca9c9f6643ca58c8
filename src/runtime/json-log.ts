// The log: lines of JSON, the level first.
import { type Logger, pino } from 'pino';

/** Opens a log that writes each line to `output`. */
export function jsonLog(output: { write(line: string): void }): Logger {
  const settings = {
    formatters: { level: (level: string) => ({ level }) },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  return pino(settings, output);
}
