// Writes lines to stdout or stderr. Invariant: no write blocks the thread, throws, or emits an unhandled error. A full
// disk, a full pipe, a closed reader or a stopped terminal neither ends the process nor keeps it from exiting.
import { constants, fstatSync, openSync, write as writeFile } from 'node:fs';
import { isatty } from 'node:tty';
import { LOG_BYTES_MAX } from '../limits.ts';

/** Bytes of one write, and milliseconds that fewer bytes may wait. Larger writes wake threads less often. */
const [WRITE_BYTES, WRITE_MS] = [8 * 1024, 100];
/** Milliseconds between attempts to write to a stopped terminal. */
const RETRY_MS = 100;
const NEW_LINE = 0x0a;

/**
 * Calls `done` once with the number of written bytes. Fewer than `bytes.length` mean that the rest cannot be written.
 */
type WriteBytes = (bytes: Buffer, done: (written: number) => void) => void;

/**
 * Writes whole lines to file descriptor 1 or 2. At most LOG_BYTES_MAX bytes wait for a slow reader. Lines beyond that,
 * and lines that the system refuses (no space, no reader), are dropped and counted. Each later line is tried again.
 */
export class LineOutput {
  readonly #write: WriteBytes;
  /** True if a write that does not return keeps the process from exiting. */
  readonly #blocks: boolean;
  /** BOUNDED by LOG_BYTES_MAX: chunks of at most WRITE_BYTES, or of one longer line. */
  readonly #chunks: string[] = [];
  /** Bytes of the chunks and of the pending write. */
  #bytes = 0;
  #writing = false;
  /** The last line was written in part, so the next one begins with a line feed. */
  #torn = false;
  #timer: NodeJS.Timeout | undefined;
  #dropped = 0;
  #whenIdle: (() => void)[] = [];

  constructor(fd: 1 | 2) {
    const kind = fstatSync(fd);
    const stream = kind.isFIFO() || kind.isSocket();
    const reopened = !stream && isatty(fd) ? reopenTerminal(fd) : undefined;
    this.#write = stream ? streamWriter(fd) : fileWriter(reopened ?? fd);
    this.#blocks = !stream && reopened === undefined;
  }

  /** Number of lines dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Queues one or more whole lines for a write within WRITE_MS. Never throws. */
  write(lines: string): void {
    const bytes = Buffer.byteLength(lines);
    if (this.#bytes + bytes > LOG_BYTES_MAX) {
      this.#dropped += countLines(Buffer.from(lines));
      return;
    }
    this.#bytes += bytes;
    const last = this.#chunks.length - 1;
    if (last >= 0 && this.#chunks[last]!.length + bytes <= WRITE_BYTES) this.#chunks[last] += lines;
    else this.#chunks.push(lines);
    if (this.#bytes >= WRITE_BYTES) this.#next();
    else this.#timer ??= setTimeout(() => this.#next(), WRITE_MS).unref();
  }

  /** Resolves to true when all queued lines are written or dropped, to false after `withinMs`. */
  flush(withinMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const late = setTimeout(resolve, withinMs, false);
      this.#whenIdle.push(() => {
        clearTimeout(late);
        resolve(true);
      });
      this.#next();
    });
  }

  /** Returns whether a pending write would keep process.exit() from ending the process. */
  get isStuck(): boolean {
    return this.#blocks && this.#writing;
  }

  #next(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#writing) return;
    const chunk = this.#chunks.shift();
    if (chunk === undefined) {
      for (const idle of this.#whenIdle.splice(0)) idle();
      return;
    }
    this.#writing = true;
    const lineEnd = this.#torn ? '\n' : '';
    const bytes = Buffer.from(lineEnd + chunk);
    this.#write(bytes, (written) => {
      this.#writing = false;
      this.#bytes -= Buffer.byteLength(chunk);
      this.#dropped += countLines(bytes.subarray(Math.max(written, lineEnd.length)));
      if (written > 0) this.#torn = bytes[written - 1] !== NEW_LINE;
      if (this.#whenIdle.length > 0 || this.#bytes >= WRITE_BYTES) this.#next();
      else if (this.#chunks.length > 0) this.#timer ??= setTimeout(() => this.#next(), WRITE_MS).unref();
    });
  }
}

function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(NEW_LINE); at >= 0; at = bytes.indexOf(NEW_LINE, at + 1)) lines += 1;
  return lines;
}

/** For pipes and sockets. libuv makes them non-blocking, and Node keeps this stream open after an error. */
function streamWriter(fd: 1 | 2): WriteBytes {
  const stream = fd === 1 ? process.stdout : process.stderr;
  // The callback of each write gets the error, too.
  stream.on('error', () => {});
  return (bytes, done) => stream.write(bytes, (error) => done(error ? 0 : bytes.length));
}

/** For files, devices and terminals. Writes in libuv's threads, so that a slow disk does not block this one. */
function fileWriter(fd: number): WriteBytes {
  return (bytes, done) => {
    let written = 0;
    const go = () => writeFile(fd, bytes, written, bytes.length - written, null, wrote);
    const wrote = (error: NodeJS.ErrnoException | null, count: number) => {
      if (error?.code === 'EAGAIN') {
        setTimeout(go, RETRY_MS).unref();
        return;
      }
      if (!error) written += count;
      if (error || written === bytes.length) done(written);
      else go();
    };
    go();
  };
}

/**
 * Opens the terminal again as non-blocking, without changing it for other processes. Returns undefined if that is not
 * allowed, as after a change of user.
 */
function reopenTerminal(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return undefined;
  }
}
