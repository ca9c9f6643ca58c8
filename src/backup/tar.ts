// The part of the tar format (POSIX ustar) that an archive of a backup needs: files and directories with short names.
// GNU's base-256 sizes allow tables above 8 GiB.
import { BackupError } from './registry-files.ts';

/** Headers and the padding of files are in blocks. */
export const BLOCK_BYTES = 512;

/** A file, or a directory if its path ends in a slash. */
export interface TarEntry {
  readonly path: string;
  readonly mode: number;
  readonly size: number;
  readonly time: Date;
}

/** Offset and length of the header's fields used here. */
const FIELD = {
  path: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  time: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  magic: [257, 8],
} as const;
/** The largest size in eleven octal digits. */
const OCTAL_SIZE_MAX = 8 ** 11 - 1;
const BASE_256 = 0x80;

/** The header of an entry. Throws RangeError if the path is longer than 100 bytes. */
export function fileHeader({ path, mode, size, time }: TarEntry): Buffer {
  if (Buffer.byteLength(path) > FIELD.path[1]) throw new RangeError(`${path} is too long for an archive`);
  const header = Buffer.alloc(BLOCK_BYTES);
  const put = ([at]: readonly [number, number], text: string) => header.write(text, at, 'latin1');
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0');
  put(FIELD.path, path);
  put(FIELD.mode, octal(mode, 7));
  put(FIELD.uid, octal(0, 7));
  put(FIELD.gid, octal(0, 7));
  if (size <= OCTAL_SIZE_MAX) put(FIELD.size, octal(size, 11));
  else {
    header[FIELD.size[0]] = BASE_256;
    header.writeBigUInt64BE(BigInt(size), FIELD.size[0] + 4);
  }
  put(FIELD.time, octal(Math.floor(time.getTime() / 1000), 11));
  put(FIELD.type, path.endsWith('/') ? '5' : '0');
  put(FIELD.magic, 'ustar\u000000');
  put(FIELD.checksum, `${octal(checksumOf(header), 6)}\u0000 `);
  return header;
}

/** The entry of a header; undefined at the end of the archive. Throws BackupError if the block is no header. */
export function readHeader(block: Buffer): TarEntry | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  const text = ([at, length]: readonly [number, number]) =>
    block.toString('latin1', at, at + length).split('\0', 1)[0]!;
  const octal = (field: readonly [number, number]) => Number.parseInt(text(field), 8);
  const plain = text(FIELD.type) === '0' || text(FIELD.type) === '5';
  if (!text(FIELD.magic).startsWith('ustar') || octal(FIELD.checksum) !== checksumOf(block) || !plain) {
    throw new BackupError('this is no backup of xlReg, or it is damaged');
  }
  const large = block[FIELD.size[0]] === BASE_256;
  const size = large ? Number(block.readBigUInt64BE(FIELD.size[0] + 4)) : octal(FIELD.size);
  if (!Number.isSafeInteger(size)) throw new BackupError('a size in the backup is damaged');
  return { path: text(FIELD.path), mode: octal(FIELD.mode), size, time: new Date(octal(FIELD.time) * 1000) };
}

/** The zeros after a file of this size. */
export function padding(size: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES);
}

export function endOfArchive(): Buffer {
  return Buffer.alloc(2 * BLOCK_BYTES);
}

/** The sum of the bytes, with the field of the checksum as spaces. */
function checksumOf(header: Buffer): number {
  const [at, length] = FIELD.checksum;
  const sum = (bytes: Buffer) => bytes.reduce((total, byte) => total + byte, 0);
  return sum(header) - sum(header.subarray(at, at + length)) + length * 0x20;
}
