// The durable table: LMDB in the data directory, written by one thread of one server. A commit is one transaction, which
// is on disk when transactionSync returns; the coordinator, whose thread this is, has nothing better to do meanwhile.
import { closeSync, existsSync, mkdirSync, openSync, readSync, statfsSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { type Key, open, type RootDatabase } from 'lmdb';
import type { Change, LoadedMember } from '../registry/command.ts';
import { type CommitOutcome, type Store, StoreFullError, StoreUnusableError } from './store.ts';
import {
  clientKey,
  clusterIdKey,
  clusterKey,
  decodeClient,
  decodeCluster,
  decodeMember,
  encodeClient,
  encodeCluster,
  encodeMember,
  KEY_PREFIX,
  type Keep,
  memberKey,
  openValue,
  sealValue,
} from './stored-record.ts';

/** How a store is opened. */
export interface LmdbOptions {
  /** Hex; a directory belongs to one registry. */
  readonly registryId: string;
  /** Bytes of the data file beyond which the store counts as full; undefined for as much as the disk has. */
  readonly bytesMax: number | undefined;
}

/** Where the table is in a data directory. */
export const TABLE_DIRECTORY = 'table';
const DATA_FILE = 'data.mdb';

const SCHEMA_VERSION = 1;
const META_KEY = Buffer.from([KEY_PREFIX.meta, ...Buffer.from('registry')]);
const PROBE_KEY = Buffer.from([KEY_PREFIX.meta, ...Buffer.from('probe')]);

/** Left free on the disk, so that LMDB does not run into its end in the middle of a transaction. */
const RESERVED_BYTES = 4 * 1024 * 1024;
/** LMDB tells a disk that is full as an I/O error; with less than this free, that is what it was. */
const NEARLY_FULL_BYTES = 2 * RESERVED_BYTES;
/** Memory that loaded tokens share; a piece is free again when none of its tokens is in use any more. */
const TOKEN_PIECE_BYTES = 256 * 1024;

/** Records that load() gives back at a time. */
const LOAD_BATCH = 1_024;

/** How LMDB's file begins: two meta pages. The fields of each that matter here, and where they stand in their page. */
const META = { bytes: 160, magicAt: 24, pageBytesAt: 48, lastPageAt: 144, transactionAt: 152 } as const;
const LMDB_MAGIC = 0xbeefc0de;

/** LMDB's error for a full map, and the system's for a full disk. */
const FULL_CODES: ReadonlySet<unknown> = new Set([-30792, 28, 'ENOSPC']);

/** The library takes options here that its declarations do not have. */
type Table = RootDatabase<Buffer, Key> & {
  getBinaryFast(key: Key, options: { readonly transaction: Transaction }): Buffer | undefined;
};
type Transaction = ReturnType<RootDatabase['useReadTransaction']>;

export class LmdbStore implements Store {
  readonly #directory: string;
  readonly #bytesMax: number | undefined;
  readonly #table: Table;
  /** The backup made last. */
  #copying: Promise<void> | undefined;
  #closed = false;

  private constructor(directory: string, bytesMax: number | undefined, table: Table) {
    this.#directory = directory;
    this.#bytesMax = bytesMax;
    this.#table = table;
  }

  /** Opens the table in a data directory whose lock this process holds, or begins one. Throws StoreUnusableError. */
  static open(dataDirectory: string, { registryId, bytesMax }: LmdbOptions): LmdbStore {
    const directory = join(dataDirectory, TABLE_DIRECTORY);
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new StoreUnusableError(`${directory} cannot be made: ${(error as Error).message}`, { cause: error });
    }
    const table = openTable(directory, false);
    claimTable(table, directory, registryId);
    return new LmdbStore(directory, bytesMax, table);
  }

  async *load(): AsyncIterable<readonly (Change | LoadedMember)[]> {
    this.#assertOpen();
    const transaction = this.#table.useReadTransaction();
    try {
      yield* readRecords(this.#table, transaction);
    } finally {
      transaction.done();
    }
  }

  async commit(batch: readonly Change[]): Promise<CommitOutcome[]> {
    this.#assertOpen();
    return this.#write(() => batch.map((change) => this.#apply(change)));
  }

  async probe(): Promise<void> {
    this.#assertOpen();
    this.#write(() => this.#table.putSync(PROBE_KEY, sealValue(PROBE_KEY, [Buffer.of(1)])));
  }

  size(): number {
    return statSync(join(this.#directory, DATA_FILE)).size;
  }

  async backup(directory: string): Promise<void> {
    this.#assertOpen();
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#copying = this.#table.backup(directory, true);
    await this.#copying;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // Closed under a copy that is being made, the table would end the process.
    await this.#copying?.catch(() => {});
    await this.#table.close();
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error('the store is closed');
  }

  /** One transaction: all of it is on disk when this returns, or nothing of it ever was. */
  #write<T>(body: () => T): T {
    if (this.#bytesMax !== undefined && this.size() >= this.#bytesMax) {
      throw new StoreFullError(`the store has reached its limit of ${this.#bytesMax} bytes`);
    }
    if (this.#freeBytes() < RESERVED_BYTES) throw new StoreFullError('the disk of the store is full');
    let result: T;
    try {
      result = this.#table.transactionSync(body);
    } catch (error) {
      const full = FULL_CODES.has((error as { code?: unknown }).code) || this.#freeBytes() < NEARLY_FULL_BYTES;
      throw full ? new StoreFullError('the disk of the store is full', { cause: error }) : error;
    }
    this.#completeFile();
    return result;
  }

  /** Pages that were taken and given back within a transaction are never written: at the file's end it is too short then. */
  #completeFile(): void {
    const { lastPageNumber, pageSize } = this.#table.getStats() as { lastPageNumber: number; pageSize: number };
    const bytes = (lastPageNumber + 1) * pageSize;
    if (this.size() < bytes) truncateSync(join(this.#directory, DATA_FILE), bytes);
  }

  #freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#directory);
    return bavail * bsize;
  }

  #apply(change: Change): CommitOutcome {
    const table = this.#table;
    switch (change.kind) {
      case 'client': {
        const key = clientKey(change.clientId);
        const standing = this.#read(key, decodeClient);
        if (standing && standing.sigKeyDigest !== change.sigKeyDigest) return { kind: 'lost', standing: [standing] };
        table.putSync(key, encodeClient(key, change));
        return { kind: 'stored' };
      }
      case 'cluster': {
        const key = clusterKey(change.name);
        const standing = this.#read(key, decodeCluster);
        if (standing && standing.id !== change.id) return { kind: 'lost', standing: [standing] };
        table.putSync(key, encodeCluster(key, change));
        const idKey = clusterIdKey(change.id);
        table.putSync(idKey, sealValue(idKey, [key.subarray(1)]));
        return { kind: 'stored' };
      }
      case 'member': {
        const key = memberKey(change.clusterId, change.index);
        const standing = this.#read(key, decodeMember);
        if (standing && standing.clientId !== change.clientId) {
          return { kind: 'lost', standing: [{ ...standing, token: standing.token ?? this.#tokenOf(standing) }] };
        }
        if (!table.doesExist(clusterIdKey(change.clusterId))) return { kind: 'lost', standing: [] };
        const ofClient = Buffer.compare(this.#tokenOf(change), change.token) === 0;
        table.putSync(key, encodeMember(key, ofClient ? { ...change, token: undefined } : change));
        return { kind: 'stored' };
      }
      case 'client-removal':
        table.removeSync(clientKey(change.clientId));
        return { kind: 'stored' };
      case 'cluster-removal':
        table.removeSync(clusterKey(change.name));
        table.removeSync(clusterIdKey(change.id));
        for (let index = 0; index < change.members; index++) table.removeSync(memberKey(change.id, index));
        return { kind: 'stored' };
    }
  }

  #read<T>(key: Buffer, decode: (key: Buffer, value: Buffer) => T): T | undefined {
    const value = this.#table.getBinary(key);
    return value && decode(key, value);
  }

  /** The token of a member's client; empty if that is not stored. */
  #tokenOf({ clientId }: { readonly clientId: string }): Uint8Array {
    return this.#read(clientKey(clientId), decodeClient)?.token ?? new Uint8Array(0);
  }
}

/** A table as it is at one moment, be it in use or not. */
export interface StoredTable {
  /** Whose it is, hex. */
  readonly registryId: string;
  /** Under which IDs its clusters can be found. */
  readonly clusterIds: ReadonlySet<string>;
  /** Some at a time; throws StoreUnusableError at a record that is not what was written. */
  readonly records: Iterable<readonly (Change | LoadedMember)[]>;
}

/** Looks into a table from outside. Rejects with StoreUnusableError if there is none that can be read. */
export async function readTable<T>(dataDirectory: string, look: (stored: StoredTable) => Promise<T>): Promise<T> {
  const directory = join(dataDirectory, TABLE_DIRECTORY);
  if (!existsSync(join(directory, DATA_FILE))) throw new StoreUnusableError(`there is no table in ${directory}`);
  const table = openTable(directory, true);
  const transaction = table.useReadTransaction();
  try {
    const { registryId } = requireMeta(table, directory);
    const clusterIds = new Set<string>();
    const range = { transaction, start: Buffer.of(KEY_PREFIX.clusterId), end: Buffer.of(KEY_PREFIX.clusterId + 1) };
    for (const key of table.getKeys(range)) clusterIds.add((key as Buffer).toString('hex', 1));
    return await look({ registryId, clusterIds, records: readRecords(table, transaction) });
  } finally {
    transaction.done();
    await table.close();
  }
}

function openTable(directory: string, readOnly: boolean): Table {
  try {
    assertWhole(join(directory, DATA_FILE));
    return open({
      path: directory,
      noSubdir: false,
      readOnly,
      // With its default, overlapping, a table did not survive a loss of power.
      overlappingSync: false,
      keyEncoding: 'binary',
      encoding: 'binary',
      cache: false,
      compression: false,
    }) as Table;
  } catch (error) {
    if (error instanceof StoreUnusableError) throw error;
    throw new StoreUnusableError(`${directory} cannot be opened: ${(error as Error).message}`, { cause: error });
  }
}

/** LMDB maps the file into memory: what its newest meta page promises has to be there, or reading it ends the process. */
function assertWhole(path: string): void {
  if (!existsSync(path)) return;
  const file = openSync(path, 'r');
  const page = (at: number) => {
    const bytes = Buffer.alloc(META.bytes);
    const read = readSync(file, bytes, 0, META.bytes, at);
    if (read < META.bytes || bytes.readUInt32LE(META.magicAt) !== LMDB_MAGIC)
      throw new StoreUnusableError(`${path} is not a table of LMDB`);
    return bytes;
  };
  try {
    const first = page(0);
    const pageBytes = first.readUInt32LE(META.pageBytesAt);
    if (pageBytes < META.bytes) throw new StoreUnusableError(`${path} is not a table of LMDB`);
    const second = page(pageBytes);
    const newer = [first, second].sort((a, b) =>
      a.readBigUInt64LE(META.transactionAt) < b.readBigUInt64LE(META.transactionAt) ? 1 : -1,
    )[0]!;
    const needed = (Number(newer.readBigUInt64LE(META.lastPageAt)) + 1) * pageBytes;
    const { size } = statSync(path);
    if (size < needed) throw new StoreUnusableError(`${path} is cut off: it has ${size} bytes of ${needed}`);
  } finally {
    closeSync(file);
  }
}

/** Makes an empty table this registry's, or checks that it is. */
function claimTable(table: Table, directory: string, registryId: string): void {
  const meta = readMeta(table, directory);
  if (meta === undefined) {
    const text = JSON.stringify({ schema: SCHEMA_VERSION, registryId });
    table.transactionSync(() => table.putSync(META_KEY, sealValue(META_KEY, [Buffer.from(text)])));
  } else if (meta.registryId !== registryId) {
    throw new StoreUnusableError(`${directory} belongs to the registry ${meta.registryId}, not to ${registryId}`);
  }
}

/** What the table says of itself; undefined if it is empty. */
function readMeta(table: Table, directory: string): { schema: number; registryId: string } | undefined {
  const value = table.getBinary(META_KEY);
  if (value === undefined) {
    if (table.getKeysCount({ limit: 1 }) > 0) throw new StoreUnusableError(`${directory} is not a table of xlReg`);
    return undefined;
  }
  const meta = JSON.parse(openValue(META_KEY, value).toString()) as { schema: number; registryId: string };
  if (meta.schema > SCHEMA_VERSION) {
    throw new StoreUnusableError(`${directory} is of schema ${meta.schema}; this server knows ${SCHEMA_VERSION}`);
  }
  return meta;
}

function requireMeta(table: Table, directory: string): { schema: number; registryId: string } {
  const meta = readMeta(table, directory);
  if (meta === undefined) throw new StoreUnusableError(`${directory} is empty`);
  return meta;
}

function* readRecords(table: Table, transaction: Transaction): Iterable<readonly (Change | LoadedMember)[]> {
  yield* readRange(table, transaction, KEY_PREFIX.client, decodeClient);
  yield* readRange(table, transaction, KEY_PREFIX.cluster, decodeCluster);
  yield* readRange(table, transaction, KEY_PREFIX.member, decodeMember);
}

type Decode<T> = (key: Buffer, value: Buffer, keep: Keep) => T;

function* readRange<T>(
  table: Table,
  transaction: Transaction,
  prefix: number,
  decode: Decode<T>,
): Iterable<readonly T[]> {
  const keep = tokenKeeper();
  let records: T[] = [];
  for (const key of table.getKeys({ transaction, start: Buffer.of(prefix), end: Buffer.of(prefix + 1) })) {
    // A buffer that is used again for the next value, and whose own length is not that of its memory.
    const shared = table.getBinaryFast(key, { transaction })!;
    const value = Buffer.from(shared.buffer, shared.byteOffset, shared.length);
    if (records.push(decode(key as Buffer, value, keep)) === LOAD_BATCH) {
      yield records;
      records = [];
    }
  }
  yield records;
}

/** Copies tokens side by side into large pieces of memory: a piece for each would cost more than its bytes do. */
function tokenKeeper(): Keep {
  let piece = Buffer.alloc(0);
  let at = 0;
  return (token) => {
    if (at + token.length > piece.length) {
      piece = Buffer.allocUnsafeSlow(Math.max(TOKEN_PIECE_BYTES, token.length));
      at = 0;
    }
    piece.set(token, at);
    at += token.length;
    return piece.subarray(at - token.length, at);
  };
}
