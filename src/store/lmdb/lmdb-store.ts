// Stage 4, sequential, called by commit-batch.ts; stored-record.ts has the bytes. The store on LMDB, in the data
// directory, written by one thread of one server. A commit is one transaction, which is on disk when transactionSync
// returns. It blocks the coordinator's thread, which may apply no command meanwhile anyway.
import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { FENCE_WAIT_AFTER_COMMIT_MS, FENCE_WAIT_MS } from '../../limits.ts';
import type {
  Change,
  ClientRecord,
  ClusterRecord,
  EntryRecord,
  MemberRecord,
  MemberRef,
  StoredRecord,
} from '../../registry/command.ts';
import type { Fence } from '../../shared-memory/fence.ts';
import {
  assertUnshared,
  type CommitOutcome,
  type Store,
  StoreFullError,
  type StoreItem,
  StoreUnreachableError,
  StoreUnusableError,
} from '../store.ts';
import {
  clientKey,
  clusterIdKey,
  clusterKey,
  decodeRecord,
  encodeClient,
  encodeCluster,
  encodeEntry,
  encodeMember,
  entryKey,
  entryRange,
  hasRegistration,
  isSameBytes,
  KEY_PREFIX,
  mayReplace,
  memberKey,
  memberOf,
  openValue,
  sealValue,
} from '../stored-record.ts';
import {
  claimTable,
  DATA_FILE,
  keepToOwner,
  newestTransaction,
  openTable,
  TABLE_DIRECTORY,
  type Table,
} from './open-table.ts';
import { packTable, unpack } from './table-reader.ts';
import { readAhead } from './table-reader-thread.ts';

/** Options of LmdbStore.open. */
export interface LmdbOptions {
  /** Hex. A directory belongs to one registry. */
  readonly registryId: string;
  /** Size in bytes at which the store counts as full; undefined for no limit but the disk. */
  readonly bytesMax: number | undefined;
  /** Term of a new table (W4); 1 by default. */
  readonly term?: number;
  /**
   * The store commits only while the fence is open; undefined if no lock is renewed, as for a copy that no server uses.
   */
  readonly fence?: Fence;
  /** Called after each transaction with the seconds that write and fsync took. */
  readonly synced?: (seconds: number) => void;
}

const PROBE_KEY = Buffer.from([KEY_PREFIX.meta, ...Buffer.from('probe')]);

/** Left free on the disk, so that it does not fill up within a transaction. */
const RESERVED_BYTES = 4 * 1024 * 1024;
/** Age in ms up to which the free space is not measured again; commits of 50 ms write far less than RESERVED_BYTES. */
const FREE_BYTES_KNOWN_MS = 50;
/** LMDB reports a full disk as an I/O error; below this free space, such an error means a full disk. */
const NEARLY_FULL_BYTES = 2 * RESERVED_BYTES;
/** From this size on, a thread of its own reads the table; for a smaller one, starting the thread takes longer. */
const READ_AHEAD_BYTES = 32 * 1024 * 1024;

/** LMDB's code for a full map, and the system's codes for a full disk. */
const FULL_CODES: ReadonlySet<unknown> = new Set([-30792, 28, 'ENOSPC']);

export class LmdbStore implements Store {
  readonly term: number;
  readonly #directory: string;
  readonly #bytesMax: number | undefined;
  readonly #synced: (seconds: number) => void;
  readonly #fence: Fence | undefined;
  readonly #table: Table;
  /** Descriptor of the data file, for its length and its newest transaction. */
  readonly #file: number;
  /** ID of the newest transaction. */
  #newest: number;
  #freeBytesKnown = 0;
  /** End of the validity of `#freeBytesKnown`, on performance.now(). */
  #freeBytesKnownUntil = 0;
  /** The latest backup. */
  #backup: Promise<void> | undefined;
  #closed = false;

  private constructor(
    directory: string,
    { bytesMax, fence, synced = () => {} }: LmdbOptions,
    table: Table,
    term: number,
  ) {
    this.term = term;
    this.#directory = directory;
    this.#bytesMax = bytesMax;
    this.#synced = synced;
    this.#fence = fence;
    this.#table = table;
    this.#file = openSync(join(directory, DATA_FILE), 'r+');
    this.#newest = newestTransaction(this.#file)!.id;
  }

  /** Opens or creates the table in a data directory whose lock this process holds. Throws StoreUnusableError. */
  static open(dataDirectory: string, options: LmdbOptions): LmdbStore {
    const directory = join(dataDirectory, TABLE_DIRECTORY);
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new StoreUnusableError(`cannot create ${directory}: ${(error as Error).message}`, { cause: error });
    }
    const table = openTable(directory, false);
    let term: number;
    try {
      term = claimTable(table, directory, options.registryId, options.term ?? 1);
    } catch (error) {
      void table.close();
      throw error;
    }
    return new LmdbStore(directory, options, table, term);
  }

  async *load(): AsyncIterable<readonly StoredRecord[]> {
    this.#assertOpen();
    if (this.size() >= READ_AHEAD_BYTES) {
      for await (const piece of readAhead(this.#directory)) yield unpack(piece);
      return;
    }
    const transaction = this.#table.useReadTransaction();
    try {
      for (const piece of packTable(this.#table, transaction)) yield unpack(piece);
    } finally {
      transaction.done();
    }
  }

  async commit(batch: readonly StoreItem[]): Promise<CommitOutcome[]> {
    this.#assertOpen();
    return this.#write(() => batch.map((item) => this.#apply('kind' in item ? [item] : item)));
  }

  async probe(): Promise<void> {
    this.#assertOpen();
    this.#write(() => this.#table.putSync(PROBE_KEY, sealValue(PROBE_KEY, [Buffer.of(1)])));
  }

  room(): number {
    return Math.max(0, Math.min(this.#freeBytes() - RESERVED_BYTES, (this.#bytesMax ?? Infinity) - this.size()));
  }

  size(): number {
    return fstatSync(this.#file).size;
  }

  async backup(directory: string): Promise<void> {
    this.#assertOpen();
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#backup = this.#table.backup(directory, true);
    await this.#backup;
    keepToOwner(join(directory, DATA_FILE));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // Closing the table during a backup would crash the process.
    await this.#backup?.catch(() => {});
    await this.#table.close();
    closeSync(this.#file);
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error('the store is closed');
  }

  /** Runs `body` as one transaction: all of it is on disk when this returns, or nothing if it throws StoreFullError. */
  #write<T>(body: () => T): T {
    if (this.#fence?.waitOpen(FENCE_WAIT_MS) === false) {
      throw new StoreUnreachableError(`the lock of the data directory is not renewed: ${this.#directory}`);
    }
    const result = this.#transact(body);
    // The process may have been suspended during the commit for long enough to lose the lock.
    if (this.#fence?.waitOpen(FENCE_WAIT_AFTER_COMMIT_MS) === false) {
      throw new StoreUnusableError(`the lock of the data directory was lost during a commit: ${this.#directory}`);
    }
    return result;
  }

  #transact<T>(body: () => T): T {
    if (this.#bytesMax !== undefined && this.size() >= this.#bytesMax) {
      throw new StoreFullError(`the store has reached its limit of ${this.#bytesMax} bytes`);
    }
    if (this.#freeBytes() < RESERVED_BYTES) throw new StoreFullError('the disk of the store is full');
    let result: T;
    let changed = 0;
    try {
      result = this.#table.transactionSync(() => {
        this.#assertNext();
        const result = body();
        changed = performance.now();
        return result;
      });
      this.#synced((performance.now() - changed) / 1000);
    } catch (error) {
      if (error instanceof StoreUnusableError) throw error;
      this.#freeBytesKnownUntil = 0;
      const full = FULL_CODES.has((error as { code?: unknown }).code) || this.#freeBytes() < NEARLY_FULL_BYTES;
      throw full ? new StoreFullError('the disk of the store is full', { cause: error }) : error;
    }
    this.#completeFile();
    return result;
  }

  /**
   * Another process that opens the table during a commit can set LMDB's transaction counter back. The next transaction
   * would then overwrite one that is on disk. Throws StoreUnusableError in that case.
   */
  #assertNext(): void {
    if (this.#table.getWriteTxnId() === this.#newest + 1) return;
    throw new StoreUnusableError(
      `another process has opened ${this.#directory}; all acknowledged changes are stored. Start the server again`,
    );
  }

  /**
   * LMDB never writes pages that a transaction took and freed again, so the file can end before its last page. Extends
   * it.
   */
  #completeFile(): void {
    const { id, bytes } = newestTransaction(this.#file)!;
    this.#newest = id;
    if (this.size() < bytes) ftruncateSync(this.#file, bytes);
  }

  #freeBytes(): number {
    const now = performance.now();
    if (now >= this.#freeBytesKnownUntil) {
      const { bavail, bsize } = statfsSync(this.#directory);
      this.#freeBytesKnown = bavail * bsize;
      this.#freeBytesKnownUntil = now + FREE_BYTES_KNOWN_MS;
    }
    return this.#freeBytesKnown;
  }

  #apply(changes: readonly Change[]): CommitOutcome {
    assertUnshared(changes);
    for (const change of changes) {
      const conflict = this.#conflictOf(change, changes);
      if (conflict) return conflict;
    }
    for (const change of changes) this.#carryOut(change);
    return { kind: 'stored' };
  }

  /** The conflict of a change; undefined if there is none. `together` has all changes of the item. */
  #conflictOf(change: Change, together: readonly Change[]): CommitOutcome | undefined {
    switch (change.kind) {
      case 'client': {
        const current = this.#read<ClientRecord>(clientKey(change.clientId));
        if (current === undefined || mayReplace(change, current)) return undefined;
        return { kind: 'conflict', current: [current] };
      }
      case 'cluster': {
        const current = this.#read<ClusterRecord>(clusterKey(change.name));
        return current === undefined || current.id === change.id ? undefined : { kind: 'conflict', current: [current] };
      }
      case 'member': {
        const conflict = this.#seatConflict(
          memberKey(change.clusterId, change.index),
          change.clientId,
          change.replaces,
        );
        if (conflict) return conflict;
        return this.#table.doesExist(clusterIdKey(change.clusterId)) ? undefined : { kind: 'conflict', current: [] };
      }
      case 'entry': {
        const { clusterId, key, value, ifAbsent } = change;
        const isNew = together.some((other) => other.kind === 'cluster' && other.id === clusterId);
        if (!isNew && !this.#table.doesExist(clusterIdKey(clusterId))) return { kind: 'conflict', current: [] };
        const current = ifAbsent && this.#read<EntryRecord>(entryKey(clusterId, key));
        return current && !isSameBytes(current.value, value) ? { kind: 'conflict', current: [current] } : undefined;
      }
      case 'member-removal':
        return this.#seatConflict(memberKey(change.clusterId, change.index), change.clientId);
      default:
        return undefined;
    }
  }

  #carryOut(change: Change): void {
    const table = this.#table;
    switch (change.kind) {
      case 'client': {
        const key = clientKey(change.clientId);
        table.putSync(key, encodeClient(key, change));
        return;
      }
      case 'cluster': {
        const key = clusterKey(change.name);
        table.putSync(key, encodeCluster(key, change));
        const idKey = clusterIdKey(change.id);
        table.putSync(idKey, sealValue(idKey, [key.subarray(1)]));
        return;
      }
      case 'member': {
        const key = memberKey(change.clusterId, change.index);
        const client = this.#read<ClientRecord>(clientKey(change.clientId));
        const ofClient = client !== undefined && hasRegistration(client, change);
        table.putSync(key, encodeMember(key, change, ofClient));
        return;
      }
      case 'entry': {
        const key = entryKey(change.clusterId, change.key);
        table.putSync(key, encodeEntry(key, change));
        return;
      }
      case 'client-removal':
        table.removeSync(clientKey(change.clientId));
        return;
      case 'cluster-removal':
        table.removeSync(clusterKey(change.name));
        table.removeSync(clusterIdKey(change.id));
        for (let index = 0; index < change.seats; index++) table.removeSync(memberKey(change.id, index));
        for (const key of [...table.getKeys(entryRange(change.id))]) table.removeSync(key);
        return;
      case 'member-removal':
        table.removeSync(memberKey(change.clusterId, change.index));
        return;
      case 'entry-removal':
        table.removeSync(entryKey(change.clusterId, change.key));
    }
  }

  /** A conflict if another client has the seat; else undefined. */
  #seatConflict(key: Buffer, clientId: string, replaces?: string): CommitOutcome | undefined {
    const current = this.#read<MemberRecord | MemberRef>(key);
    if (current === undefined || current.clientId === clientId || current.clientId === replaces) return undefined;
    return { kind: 'conflict', current: [current.kind === 'seat' ? this.#memberOf(current) : current] };
  }

  /** The record under a key; the key's prefix determines `T`. */
  #read<T extends StoredRecord>(key: Buffer): T | undefined {
    const value = this.#table.getBinary(key);
    if (value === undefined) return undefined;
    openValue(key, value);
    const bytes = Buffer.concat([key, value]);
    return decodeRecord({ bytes, keyAt: 0, valueAt: key.length, end: bytes.length }) as T;
  }

  #memberOf(seat: MemberRef): MemberRecord {
    const client = this.#read<ClientRecord>(clientKey(seat.clientId));
    if (client === undefined) throw new StoreUnusableError(`the client ${seat.clientId} of a seat is not stored`);
    return memberOf(seat, client);
  }
}
