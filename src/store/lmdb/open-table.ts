// Opens a table in LMDB, after checks of the file that LMDB does not make itself.
import { chmodSync, closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { type Key, open, type RootDatabase } from 'lmdb';
import { StoreUnusableError } from '../store.ts';
import { KEY_PREFIX, openValue, sealValue } from '../stored-record.ts';

/** A handle of LMDB. A value from a range is a view that is valid until the next one is read. */
export type Table = RootDatabase<Buffer, Key>;
export type Transaction = ReturnType<Table['useReadTransaction']>;

/** The table's directory within a data directory. */
export const TABLE_DIRECTORY = 'table';
export const DATA_FILE = 'data.mdb';
/** LMDB's table of readers. */
const READERS_FILE = 'lock.mdb';
const PRIVATE_FILE = 0o600;
/** An option that the types of lmdb lack. */
const MODES = { permissionsMode: PRIVATE_FILE };

/**
 * Address space reserved for the file: enough for ten million members. A larger file makes LMDB map twice as much each
 * time. LMDB keeps the old maps, whose resident pages count again, so the first map has to be large.
 */
const MAP_BYTES = 16 * 1024 ** 3;

const SCHEMA_VERSION = 1;
const META_KEY = Buffer.from([KEY_PREFIX.meta, ...Buffer.from('registry')]);
/** LMDB's file begins with two meta pages. These are the offsets of the fields used here, within a page. */
const META = { bytes: 160, magicAt: 24, pageBytesAt: 48, lastPageAt: 144, transactionAt: 152 } as const;
const LMDB_MAGIC = 0xbeefc0de;

/** The meta record of a table. */
interface Meta {
  readonly schema: number;
  readonly registryId: string;
  /** 1 to 2^53-1 (W4). Tables of before have none: it is 1 then. */
  readonly term: number;
}

const SHARED_VALUES = {
  encode: (value: Buffer) => value,
  // `shared` is longer than the value; only `length` bytes belong to it.
  decode: (shared: Uint8Array, length: number) => Buffer.from(shared.buffer, shared.byteOffset, length),
  needsStableBuffer: false,
};

/** Opens or creates the table in `directory`. Throws StoreUnusableError. */
export function openTable(directory: string, readOnly: boolean): Table {
  try {
    assertWhole(join(directory, DATA_FILE));
    for (const name of [DATA_FILE, READERS_FILE]) keepToOwner(join(directory, name));
    return open({
      path: directory,
      noSubdir: false,
      readOnly,
      mapSize: MAP_BYTES,
      ...MODES,
      // With the default, overlapping sync, a table may not survive a loss of power.
      overlappingSync: false,
      keyEncoding: 'binary',
      encoder: SHARED_VALUES,
      cache: false,
      compression: false,
    }) as Table;
  } catch (error) {
    if (error instanceof StoreUnusableError) throw error;
    throw new StoreUnusableError(`cannot open the table in ${directory}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/**
 * Sets a file's mode to 0600: older versions left it to the umask, and LMDB sets no mode for backups. Leaves the mode
 * alone if the process is not the owner, the file system is read-only, or there is no file.
 */
export function keepToOwner(path: string): void {
  try {
    chmodSync(path, PRIVATE_FILE);
  } catch (error) {
    if (!['ENOENT', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/**
 * LMDB maps the file into memory. If the file is shorter than its newest meta page says, reading crashes the process.
 */
function assertWhole(path: string): void {
  if (!existsSync(path)) return;
  const file = openSync(path, 'r');
  try {
    const newest = newestTransaction(file);
    if (newest === undefined) throw new StoreUnusableError(`${path} is not a file of LMDB`);
    const { size } = fstatSync(file);
    if (size < newest.bytes)
      throw new StoreUnusableError(`${path} is truncated: it has ${size} of ${newest.bytes} bytes; restore a backup`);
  } finally {
    closeSync(file);
  }
}

/**
 * ID of the newest transaction in a data file, and the bytes that the file has to have; undefined if it is not LMDB's.
 */
export function newestTransaction(file: number): { id: number; bytes: number } | undefined {
  const first = metaPage(file, 0);
  const pageBytes = first?.readUInt32LE(META.pageBytesAt) ?? 0;
  const second = pageBytes < META.bytes ? undefined : metaPage(file, pageBytes);
  if (!first || !second) return undefined;
  const later = second.readBigUInt64LE(META.transactionAt) > first.readBigUInt64LE(META.transactionAt);
  const newest = later ? second : first;
  const bytes = (Number(newest.readBigUInt64LE(META.lastPageAt)) + 1) * pageBytes;
  return { id: Number(newest.readBigUInt64LE(META.transactionAt)), bytes };
}

function metaPage(file: number, at: number): Buffer | undefined {
  const bytes = Buffer.alloc(META.bytes);
  const read = readSync(file, bytes, 0, META.bytes, at);
  return read === META.bytes && bytes.readUInt32LE(META.magicAt) === LMDB_MAGIC ? bytes : undefined;
}

/**
 * Claims an empty table for this registry, with this term, or checks that it owns the table. Returns the table's term.
 * Throws StoreUnusableError.
 */
export function claimTable(table: Table, directory: string, registryId: string, term: number): number {
  const meta = readMeta(table, directory);
  if (meta === undefined) {
    writeMeta(table, { schema: SCHEMA_VERSION, registryId, term });
    return term;
  }
  if (meta.registryId !== registryId) {
    throw new StoreUnusableError(`${directory} belongs to the registry ${meta.registryId}, not to ${registryId}`);
  }
  return meta.term;
}

/**
 * Raises the term of a table that no process uses to `least`, and by one at least (W4). It is on disk when this
 * resolves. Rejects with StoreUnusableError.
 */
export async function raiseTerm(dataDirectory: string, least: number): Promise<void> {
  const directory = join(dataDirectory, TABLE_DIRECTORY);
  const table = openTable(directory, false);
  try {
    const meta = requireMeta(table, directory);
    writeMeta(table, { ...meta, term: Math.max(meta.term + 1, least) });
  } finally {
    await table.close();
  }
}

function writeMeta(table: Table, meta: Meta): void {
  const text = JSON.stringify(meta);
  table.transactionSync(() => table.putSync(META_KEY, sealValue(META_KEY, [Buffer.from(text)])));
}

/** The meta record; undefined if the table is empty. Throws StoreUnusableError. */
function readMeta(table: Table, directory: string): Meta | undefined {
  const value = table.getBinary(META_KEY);
  if (value === undefined) {
    if (table.getKeysCount({ limit: 1 }) > 0) throw new StoreUnusableError(`${directory} is not a table of xlReg`);
    return undefined;
  }
  const meta = parseMeta(openValue(META_KEY, value).toString());
  if (meta === undefined) throw new StoreUnusableError(`the meta record of ${directory} is damaged`);
  if (meta.schema > SCHEMA_VERSION) {
    throw new StoreUnusableError(`${directory} is of schema ${meta.schema}; this server knows ${SCHEMA_VERSION}`);
  }
  return meta;
}

/** Undefined if the text is no meta record. */
function parseMeta(text: string): Meta | undefined {
  try {
    const { schema, registryId, term = 1 } = JSON.parse(text);
    if (typeof schema !== 'number' || typeof registryId !== 'string') return undefined;
    return Number.isSafeInteger(term) && term >= 1 ? { schema, registryId, term } : undefined;
  } catch {
    return undefined;
  }
}

/** The meta record. Throws StoreUnusableError, also if the table is empty. */
export function requireMeta(table: Table, directory: string): Meta {
  const meta = readMeta(table, directory);
  if (meta === undefined) throw new StoreUnusableError(`${directory} is empty`);
  return meta;
}
