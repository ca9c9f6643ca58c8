// A backup as one stream: a tar archive of its directory, which `tar -x` unpacks too. The last file, SHA256SUMS, has the
// digest of each other one, so a stream that ends early is told apart from a whole one.
//
//   NAME/  NAME/table/  NAME/table/data.mdb  NAME/ck.pem …  NAME/SHA256SUMS  end of archive
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod, type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BackupError,
  IDENTITY_FILES,
  identityFilesOf,
  modeOf,
  PREVIOUS_KEY_FILE,
  TABLE_DIRECTORY,
  TABLE_FILE,
} from './registry-files.ts';
import { BLOCK_BYTES, endOfArchive, fileHeader, padding, readHeader, type TarEntry } from './tar.ts';

const SUMS_FILE = 'SHA256SUMS';
const TABLE_PATH = `${TABLE_DIRECTORY}/${TABLE_FILE}`;
const FILES: ReadonlySet<string> = new Set([TABLE_PATH, PREVIOUS_KEY_FILE, ...IDENTITY_FILES, SUMS_FILE]);
/** Bytes of any file but the table. Keys and credentials have a few kilobytes. */
const SMALL_FILE_BYTES_MAX = 1024 * 1024;
/** Bytes that one turn of the event loop sends. */
const PIECE_BYTES = 64 * 1024;

/** The table of an archive: its open file, and the SHA-256 of its contents in hex. */
export interface ArchivedTable {
  readonly file: FileHandle;
  readonly digest: string;
}

/** Yields the archive of a registry with the identity in `dataDirectory`. `name` is that of its directory. */
export async function* writeArchive(name: string, dataDirectory: string, table: ArchivedTable): AsyncIterable<Buffer> {
  const time = new Date();
  const small = identityFilesOf(dataDirectory).map((file) => [file, readFileSync(join(dataDirectory, file))] as const);
  const sums = [
    `${table.digest}  ${TABLE_PATH}\n`,
    ...small.map(([file, bytes]) => `${createHash('sha256').update(bytes).digest('hex')}  ${file}\n`),
  ];
  const header = (path: string, mode: number, size: number) =>
    fileHeader({ path: `${name}/${path}`, mode, size, time });
  yield header('', 0o700, 0);
  yield header(`${TABLE_DIRECTORY}/`, 0o700, 0);
  const { size } = await table.file.stat();
  yield header(TABLE_PATH, modeOf(TABLE_PATH), size);
  yield* piecesOf(table.file, size);
  yield padding(size);
  for (const [file, bytes] of [...small, [SUMS_FILE, Buffer.from(sums.join(''))] as const]) {
    yield Buffer.concat([header(file, modeOf(file), bytes.length), bytes, padding(bytes.length)]);
  }
  yield endOfArchive();
}

async function* piecesOf(file: FileHandle, size: number): AsyncIterable<Buffer> {
  for (let at = 0; at < size; ) {
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, size - at));
    const { bytesRead } = await file.read(piece, 0, piece.length, at);
    if (bytesRead === 0) throw new BackupError('the copy of the table became shorter');
    yield piece.subarray(0, bytesRead);
    at += bytesRead;
  }
}

/** Unpacks an archive into an empty directory. Rejects with BackupError unless every byte is there and right. */
export async function readArchive(archive: AsyncIterable<Uint8Array>, to: string): Promise<void> {
  const bytes = new ByteSource(archive);
  const found = new Map<string, string>();
  let sums: string | undefined;
  await mkdir(join(to, TABLE_DIRECTORY), { mode: 0o700 });
  for (;;) {
    const entry = readHeader(await bytes.exactly(BLOCK_BYTES));
    if (entry === undefined) break;
    const path = entry.path.slice(entry.path.indexOf('/') + 1);
    if (entry.path.endsWith('/')) continue;
    assertExpected(path, entry, found);
    if (path === SUMS_FILE) sums = (await bytes.exactly(entry.size)).toString();
    else found.set(path, await writeFile(join(to, path), modeOf(path), bytes.pieces(entry.size)));
    await bytes.exactly(padding(entry.size).length);
  }
  assertSums(sums, found);
}

function assertExpected(path: string, { size }: TarEntry, found: ReadonlyMap<string, string>): void {
  if (!FILES.has(path) || found.has(path)) throw new BackupError(`the backup has an unexpected file ${path}`);
  if (path !== TABLE_PATH && size > SMALL_FILE_BYTES_MAX) throw new BackupError(`${path} of the backup is too long`);
}

function assertSums(sums: string | undefined, found: ReadonlyMap<string, string>): void {
  const expected = new Map((sums ?? '').split('\n').map((line) => [line.slice(66), line.slice(0, 64)]));
  for (const name of [TABLE_PATH, ...IDENTITY_FILES]) {
    if (!found.has(name) || !expected.has(name)) throw new BackupError(`the backup lacks ${name}`);
  }
  for (const [name, digest] of found) {
    if (expected.get(name) !== digest) throw new BackupError(`${name} of the backup is damaged`);
  }
}

/** Writes and syncs a file. Resolves to the SHA-256 of its contents, in hex. */
async function writeFile(path: string, mode: number, pieces: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'wx', mode);
  try {
    for await (const piece of pieces) {
      hash.update(piece);
      await file.writeFile(piece);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  await chmod(path, mode);
  return hash.digest('hex');
}

/** Bytes of a stream, in the amounts that a reader wants. */
class ByteSource {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);
  #taken = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#iterator = source[Symbol.asyncIterator]();
  }

  /** Yields the next `count` bytes. Throws BackupError if the stream ends before. */
  async *pieces(count: number): AsyncIterable<Buffer> {
    for (let left = count; left > 0; ) {
      if (this.#rest.length === 0) await this.#more();
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      this.#taken += piece.length;
      left -= piece.length;
      yield piece;
    }
  }

  /** The next `count` bytes at once: few. */
  async exactly(count: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this.pieces(count)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#iterator.next();
    if (done) throw new BackupError(`the backup is incomplete: it ends after ${this.#taken} bytes`);
    this.#rest = Buffer.from(value.buffer, value.byteOffset, value.length);
  }
}
