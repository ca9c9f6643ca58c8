// Writes sealed lines to the newest file of an audit log, and rotates the files. Invariant: the chain's end is that of
// the last whole line on disk, also after a failed write. One call runs at a time; audit-log.ts sees to that.
import type { KeyObject } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from '../runtime/atomic-file.ts';
import type { AuditEvent } from './audit-event.ts';
import { rotatedFiles, tailOf } from './audit-files.ts';
import { type ChainEnd, FILE_BEGUN, FIRST_HASH, readLine, sealLine } from './audit-line.ts';
import { AUDIT_TAIL_BYTES } from './limits.ts';

/** Path and bounds of the log. */
export interface AuditFiles {
  readonly file: string;
  readonly key: KeyObject;
  /** A file of this length is rotated before the next batch, of AUDIT_BATCH_EVENTS lines at most. */
  readonly fileBytesMax: number;
  /** Files kept, the newest included. */
  readonly filesMax: number;
}

/** A write failed. So many of its events are on disk as whole lines. */
export class AuditWriteError extends Error {
  override readonly name = 'AuditWriteError';
  readonly written: number;

  constructor(cause: Error, written: number) {
    super(cause.message, { cause });
    this.written = written;
  }
}

/** Characters of a torn line that its notice quotes. */
const TORN_CHARS_QUOTED = 200;

const SERVER = { server: true } as const;
const NO_LINE: ChainEnd = { sequence: 0, hash: FIRST_HASH };

export class AuditWriter {
  readonly #files: AuditFiles;
  readonly #handle: FileHandle;
  #size: number;
  #end: ChainEnd;

  private constructor(files: AuditFiles, handle: FileHandle, size: number, end: ChainEnd) {
    this.#files = files;
    this.#handle = handle;
    this.#size = size;
    this.#end = end;
  }

  /**
   * Opens the newest file, and goes on with its chain. Cuts off a line that a crash tore, and writes a line that says
   * so. `known` is the end that this process has written: if the file has been replaced since, the chain goes on from
   * there, and verification shows what is missing. Rejects with a system error or AuditWriteError.
   */
  static async open(files: AuditFiles, known = NO_LINE): Promise<AuditWriter> {
    const { file } = files;
    const tail = await tailOf(file, AUDIT_TAIL_BYTES);
    const wholeEnd = (tail?.text.lastIndexOf('\n') ?? -1) + 1;
    const torn = tail?.text.slice(wholeEnd) ?? '';
    const size = (tail?.size ?? 0) - torn.length;
    const last = size > 0 ? lastLine(tail!.text.slice(0, wholeEnd)) : await lastOfRotated(file);
    // A last line that is none cannot be continued: a new file begins a new chain, and verification shows the break.
    if (last === 'unreadable' && size > 0) await moveAway(files);
    const fresh = last === 'unreadable' || size === 0;
    const end = last === 'unreadable' || last.sequence < known.sequence ? known : last;
    const handle = await open(file, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o600);
    try {
      if (torn !== '' && last !== 'unreadable') await handle.truncate(size);
      const writer = new AuditWriter(files, handle, fresh ? 0 : size, end);
      if (torn !== '') await writer.append([tornNotice(torn)]);
      return writer;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** The end of the chain on disk. */
  get end(): ChainEnd {
    return this.#end;
  }

  /** True if the next line belongs to a new file. The caller then closes this writer and calls `rotate`. */
  get isFull(): boolean {
    return this.#size >= this.#files.fileBytesMax;
  }

  /** True if the file of this writer is still the one of that name. */
  async isInPlace(): Promise<boolean> {
    const [own, named] = await Promise.all([this.#handle.stat(), stat(this.#files.file).catch(() => undefined)]);
    return own.ino === named?.ino && own.dev === named.dev;
  }

  /** Writes events as lines. Rejects with AuditWriteError. */
  async append(events: readonly AuditEvent[], durable = false): Promise<void> {
    const ends: (ChainEnd & { readonly bytes: number })[] = [];
    let text = '';
    let end = this.#end;
    const heading = this.#size === 0 ? [this.#heading(end, events[0]?.time)] : [];
    for (const event of [...heading, ...events]) {
      const { line, ...next } = sealLine(this.#files.key, end, event, event.time ?? Date.now());
      end = next;
      text += line;
      ends.push({ ...next, bytes: text.length });
    }
    const bytes = Buffer.from(text, 'latin1');
    let written = 0;
    try {
      while (written < bytes.length) written += (await this.#handle.write(bytes, written)).bytesWritten;
      if (durable) await this.#handle.datasync();
    } catch (error) {
      const whole = ends.filter((line) => line.bytes <= written);
      throw new AuditWriteError(error as Error, Math.max(0, whole.length - heading.length));
    } finally {
      const last = ends.findLast((line) => line.bytes <= written);
      if (last) this.#end = { sequence: last.sequence, hash: last.hash };
      this.#size += last?.bytes ?? 0;
      // Cut off the part of a line, so that it does not look like a crash. A failure leaves that to the next opening.
      if (written > (last?.bytes ?? 0)) await this.#handle.truncate(this.#size).catch(() => {});
    }
  }

  async close(): Promise<void> {
    await this.#handle.close().catch(() => {});
  }

  /** Renames the newest file, deletes the oldest ones above the bound. `open` then begins a new file. */
  static async rotate(files: AuditFiles): Promise<void> {
    await moveAway(files);
    const rotated = await rotatedFiles(files.file);
    for (const { path } of rotated.slice(0, Math.max(0, rotated.length - (files.filesMax - 1)))) await rm(path);
    await syncDirectory(dirname(files.file));
  }

  /** `time` is that of the first event, so that times do not go back. */
  #heading({ hash }: ChainEnd, time: number | undefined): AuditEvent {
    const object = { prev: hash, filesMax: this.#files.filesMax };
    return { actor: SERVER, action: FILE_BEGUN, object, outcome: 'done', ...(time !== undefined && { time }) };
  }
}

async function moveAway({ file }: AuditFiles): Promise<void> {
  const number = ((await rotatedFiles(file)).at(-1)?.number ?? 0) + 1;
  await rename(file, `${file}.${number}`);
}

function tornNotice(torn: string): AuditEvent {
  const object = { bytes: torn.length, begins: torn.slice(0, TORN_CHARS_QUOTED) };
  return { actor: SERVER, action: 'torn-line', object, outcome: 'cut-off' };
}

/** The last line of a text that ends with a line feed. */
function lastLine(text: string): ChainEnd | 'unreadable' {
  const line = readLine(text.slice(text.lastIndexOf('\n', text.length - 2) + 1, -1));
  return line ? { sequence: line.sequence, hash: line.hash } : 'unreadable';
}

async function lastOfRotated(file: string): Promise<ChainEnd | 'unreadable'> {
  const newest = (await rotatedFiles(file)).at(-1);
  if (!newest) return NO_LINE;
  const { text } = (await tailOf(newest.path, AUDIT_TAIL_BYTES)) ?? { text: '' };
  return text.endsWith('\n') ? lastLine(text) : 'unreadable';
}
