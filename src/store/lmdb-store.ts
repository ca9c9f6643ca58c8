// The durable table: LMDB in the data directory, written by one thread of one server. A commit is one transaction, which
// is on disk when transactionSync returns; the coordinator, whose thread this is, has nothing better to do meanwhile.
import { closeSync, existsSync, mkdirSync, openSync, readSync, statfsSync, statSync } from 'node:fs';
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
/** Records that load() gives back at a time. */
const LOAD_BATCH = 1_024;

/** How LMDB's file begins: two meta pages. The fields of each that matter here, and where they stand in their page. */
const META = { bytes: 160, magicAt: 24, pageBytesAt: 48, lastPageAt: 144, transactionAt: 152 } as const;
const LMDB_MAGIC = 0xbeefc0de;

/** LMDB's error for a full map, and the system's for a full disk. */
const FULL_CODES: ReadonlySet<unknown> = new Set([-30792, 28, 'ENOSPC']);

type Table = RootDatabase<Buffer, Key>;

export class LmdbStore implements Store {
  readonly #directory: string;
  readonly #bytesMax: number | undefined;
  readonly #table: Table;
  #closed = false;

  private constructor(directory: string, bytesMax: number | undefined, table: Table) {
    this.#directory = directory;
    this.#bytesMax = bytesMax;
    this.#table = table;
  }

  /** Opens the table in a data directory whose lock this process holds, or begins one. Throws StoreUnusableError. */
  static open(dataDirectory: string, { registryId, bytesMax }: LmdbOptions): LmdbStore {
    const directory = join(dataDirectory, TABLE_DIRECTORY);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const table = openTable(directory, false);
    claimTable(table, directory, registryId);
    return new LmdbStore(directory, bytesMax, table);
  }

  async *load(): AsyncIterable<readonly (Change | LoadedMember)[]> {
    this.#assertOpen();
    yield* readRecords(this.#table);
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
    await this.#table.backup(directory, true);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
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
    try {
      return this.#table.transactionSync(body);
    } catch (error) {
      const full = FULL_CODES.has((error as { code?: unknown }).code) || this.#freeBytes() < NEARLY_FULL_BYTES;
      throw full ? new StoreFullError('the disk of the store is full', { cause: error }) : error;
    }
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

/** Every record of a table that nobody need have open for writing: for looking into it from outside. */
export async function* readStoredRecords(dataDirectory: string): AsyncIterable<readonly (Change | LoadedMember)[]> {
  const directory = join(dataDirectory, TABLE_DIRECTORY);
  if (!existsSync(join(directory, DATA_FILE))) throw new StoreUnusableError(`there is no table in ${directory}`);
  const table = openTable(directory, true);
  try {
    requireMeta(table, directory);
    yield* readRecords(table);
  } finally {
    await table.close();
  }
}

/** The ID of the registry that a table belongs to, hex. */
export async function registryOfTable(dataDirectory: string): Promise<string> {
  const directory = join(dataDirectory, TABLE_DIRECTORY);
  const table = openTable(directory, true);
  try {
    return requireMeta(table, directory).registryId;
  } finally {
    await table.close();
  }
}

function openTable(directory: string, readOnly: boolean): Table {
  assertWhole(join(directory, DATA_FILE));
  try {
    return open<Buffer, Key>({
      path: directory,
      noSubdir: false,
      readOnly,
      // With its default, overlapping, a table did not survive a loss of power.
      overlappingSync: false,
      keyEncoding: 'binary',
      encoding: 'binary',
      cache: false,
      compression: false,
    });
  } catch (error) {
    throw new StoreUnusableError(`${directory} cannot be opened: ${(error as Error).message}`, { cause: error });
  }
}

/** LMDB maps the file into memory: what its newest meta page promises has to be there, or reading it ends the process. */
function assertWhole(path: string): void {
  if (!existsSync(path)) return;
  const file = openSync(path, 'r');
  const page = (at: number) => {
    const bytes = Buffer.alloc(META.bytes);
    readSync(file, bytes, 0, META.bytes, at);
    if (bytes.readUInt32LE(META.magicAt) !== LMDB_MAGIC) throw new StoreUnusableError(`${path} is not a table of LMDB`);
    return bytes;
  };
  try {
    const first = page(0);
    const pageBytes = first.readUInt32LE(META.pageBytesAt);
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

async function* readRecords(table: Table): AsyncIterable<readonly (Change | LoadedMember)[]> {
  yield* readRange(table, KEY_PREFIX.client, decodeClient);
  yield* readRange(table, KEY_PREFIX.cluster, decodeCluster);
  yield* readRange(table, KEY_PREFIX.member, decodeMember);
}

function* readRange<T>(
  table: Table,
  prefix: number,
  decode: (key: Buffer, value: Buffer) => T,
): Iterable<readonly T[]> {
  let records: T[] = [];
  for (const { key, value } of table.getRange({ start: Buffer.of(prefix), end: Buffer.of(prefix + 1) })) {
    if (records.push(decode(key as Buffer, value)) === LOAD_BATCH) {
      yield records;
      records = [];
    }
  }
  yield records;
}
