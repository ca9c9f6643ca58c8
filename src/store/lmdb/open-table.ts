// How a table in LMDB is opened, and what is looked at before it is relied on.
import { chmodSync, closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { type Key, open, type RootDatabase } from 'lmdb';
import { StoreUnusableError } from '../store.ts';
import { KEY_PREFIX, openValue, sealValue } from '../stored-record.ts';

/** A handle of LMDB. A value from a range is a view that lasts until the next one is read. */
export type Table = RootDatabase<Buffer, Key>;
export type Transaction = ReturnType<Table['useReadTransaction']>;

/** Where the table is in a data directory. */
export const TABLE_DIRECTORY = 'table';
export const DATA_FILE = 'data.mdb';
/** LMDB's table of readers. */
const READERS_FILE = 'lock.mdb';
const PRIVATE_FILE = 0o600;
/** An option that LMDB's types do not have. */
const MODES = { permissionsMode: PRIVATE_FILE };

/**
 * Addresses taken for the file, which need not be there: ten million members. Beyond it LMDB takes twice as many each time,
 * from a megabyte on if it is not told, and keeps the old ones, whose pages count as resident once more each.
 */
const MAP_BYTES = 16 * 1024 ** 3;

const SCHEMA_VERSION = 1;
const META_KEY = Buffer.from([KEY_PREFIX.meta, ...Buffer.from('registry')]);
/** How LMDB's file begins: two meta pages. The fields of each that matter here, and where they stand in their page. */
const META = { bytes: 160, magicAt: 24, pageBytesAt: 48, lastPageAt: 144, transactionAt: 152 } as const;
const LMDB_MAGIC = 0xbeefc0de;

/** What a table says of itself. */
interface Meta {
  readonly schema: number;
  readonly registryId: string;
}

const SHARED_VALUES = {
  encode: (value: Buffer) => value,
  // The buffer it comes in is longer than it says.
  decode: (shared: Uint8Array, length: number) => Buffer.from(shared.buffer, shared.byteOffset, length),
  needsStableBuffer: false,
};

/** Opens the table in a directory of its own. Throws StoreUnusableError. */
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
      // With its default, overlapping, a table did not survive a loss of power.
      overlappingSync: false,
      keyEncoding: 'binary',
      encoder: SHARED_VALUES,
      cache: false,
      compression: false,
    }) as Table;
  } catch (error) {
    if (error instanceof StoreUnusableError) throw error;
    throw new StoreUnusableError(`${directory} cannot be opened: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Takes a file from all but its owner. Older versions left it to the umask, and LMDB sets no mode for copies. Whoever is not
 * the owner, or has a file system that is read-only, reads it as it is.
 */
export function keepToOwner(path: string): void {
  try {
    chmodSync(path, PRIVATE_FILE);
  } catch (error) {
    if (!['ENOENT', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/** LMDB maps the file into memory: what its newest meta page promises has to be there, or reading it ends the process. */
function assertWhole(path: string): void {
  if (!existsSync(path)) return;
  const file = openSync(path, 'r');
  try {
    const newest = newestTransaction(file);
    if (newest === undefined) throw new StoreUnusableError(`${path} is not a table of LMDB`);
    const { size } = fstatSync(file);
    if (size < newest.bytes)
      throw new StoreUnusableError(`${path} is cut off: it has ${size} bytes of ${newest.bytes}`);
  } finally {
    closeSync(file);
  }
}

/** The number of the newest transaction in a data file, and the bytes the file has to have; undefined if it is no table. */
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

/** Makes an empty table this registry's, or checks that it is. */
export function claimTable(table: Table, directory: string, registryId: string): void {
  const meta = readMeta(table, directory);
  if (meta === undefined) {
    const text = JSON.stringify({ schema: SCHEMA_VERSION, registryId });
    table.transactionSync(() => table.putSync(META_KEY, sealValue(META_KEY, [Buffer.from(text)])));
  } else if (meta.registryId !== registryId) {
    throw new StoreUnusableError(`${directory} belongs to the registry ${meta.registryId}, not to ${registryId}`);
  }
}

/** What the table says of itself; undefined if it is empty. */
function readMeta(table: Table, directory: string): Meta | undefined {
  const value = table.getBinary(META_KEY);
  if (value === undefined) {
    if (table.getKeysCount({ limit: 1 }) > 0) throw new StoreUnusableError(`${directory} is not a table of xlReg`);
    return undefined;
  }
  const meta = parseMeta(openValue(META_KEY, value).toString());
  if (meta === undefined) throw new StoreUnusableError(`${directory} does not say whose table it is`);
  if (meta.schema > SCHEMA_VERSION) {
    throw new StoreUnusableError(`${directory} is of schema ${meta.schema}; this server knows ${SCHEMA_VERSION}`);
  }
  return meta;
}

/** Undefined if the text is none. */
function parseMeta(text: string): Meta | undefined {
  try {
    const { schema, registryId } = JSON.parse(text);
    return typeof schema === 'number' && typeof registryId === 'string' ? { schema, registryId } : undefined;
  } catch {
    return undefined;
  }
}

/** What a table that cannot be empty says of itself. Throws StoreUnusableError. */
export function requireMeta(table: Table, directory: string): Meta {
  const meta = readMeta(table, directory);
  if (meta === undefined) throw new StoreUnusableError(`${directory} is empty`);
  return meta;
}
