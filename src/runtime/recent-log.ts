// The latest warnings and errors of the log, for the status page. Invariant: at most RECENT_LOG_LINES_MAX lines of
// RECENT_LOG_LINE_CHARS_MAX characters are kept. Lines are parsed when they are read, so a flood of warnings costs no
// more than its writes.
import { RECENT_LOG_LINE_CHARS_MAX, RECENT_LOG_LINES_MAX } from '../limits.ts';

/** A line of the log. */
export interface LogEntry {
  /** ISO 8601. */
  readonly time: string;
  readonly level: 'warn' | 'error' | 'fatal';
  readonly message: string;
  /** The other fields, as `name: value` with commas between; without stacks. */
  readonly details: string;
}

/** The log writes the level first. */
const TROUBLE = /^\{"level":"(?:warn|error|fatal)"/;

/** Passes log lines on to `output`, and keeps the latest warnings and errors. */
export class RecentLog {
  readonly #output: { write(lines: string): void };
  /** Ring buffer; #next is the index of the oldest line once it is full. */
  readonly #lines: (string | LogEntry)[] = [];
  #next = 0;

  constructor(output: { write(lines: string): void }) {
    this.#output = output;
  }

  /** Writes one line of JSON. */
  write(line: string): void {
    this.#output.write(line);
    if (!TROUBLE.test(line)) return;
    this.#lines[this.#next] = line.length > RECENT_LOG_LINE_CHARS_MAX ? shortened(entryOf(line)) : line;
    this.#next = (this.#next + 1) % RECENT_LOG_LINES_MAX;
  }

  /** The kept lines, the newest first. */
  entries(): LogEntry[] {
    const ordered = [...this.#lines.slice(this.#next), ...this.#lines.slice(0, this.#next)];
    return ordered.reverse().map((line) => (typeof line === 'string' ? entryOf(line) : line));
  }
}

function shortened({ message, details, ...entry }: LogEntry): LogEntry {
  const most = RECENT_LOG_LINE_CHARS_MAX / 2;
  return { ...entry, message: message.slice(0, most), details: details.slice(0, most) };
}

function entryOf(line: string): LogEntry {
  const { time, level, msg, pid: _pid, hostname: _hostname, ...fields } = JSON.parse(line);
  const details = Object.entries(fields).map(([name, value]) => `${name}: ${textOf(value)}`);
  return { time, level, message: String(msg ?? ''), details: details.join(', ') };
}

/** The message of an error, or the value itself. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const { message } = (value ?? {}) as { message?: unknown };
  return typeof message === 'string' ? message : JSON.stringify(value);
}
