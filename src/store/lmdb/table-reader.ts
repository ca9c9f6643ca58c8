// Reads all records of a table, packed into pieces of 256 KB. A large table has millions of records, so the cost per
// record dominates the start of a server.
//
//   piece = { keyLength(2) valueLength(4) key value }
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { StoredRecord } from '../../registry/command.ts';
import { StoreUnusableError } from '../store.ts';
import { decodeRecord, KEY_PREFIX, openValue } from '../stored-record.ts';
import { DATA_FILE, openTable, requireMeta, TABLE_DIRECTORY, type Table, type Transaction } from './open-table.ts';

/** Loaded tokens are views of their piece. A piece is freed when no record uses it any more. */
const PIECE_BYTES = 256 * 1024;
const LENGTHS_BYTES = 6;

/** Yields every record: clients, then clusters, then members, then entries. Throws StoreUnusableError at a damaged one. */
export function* packTable(table: Table, transaction: Transaction): Iterable<Uint8Array> {
  let piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
  let at = 0;
  for (const { key, value } of recordsOf(table, transaction)) {
    openValue(key, value);
    const bytes = LENGTHS_BYTES + key.length + value.length;
    const full = at + bytes > piece.length ? piece.subarray(0, at) : undefined;
    if (full) {
      piece = Buffer.allocUnsafeSlow(Math.max(PIECE_BYTES, bytes));
      at = 0;
    }
    piece.writeUInt16LE(key.length, at);
    piece.writeUInt32LE(value.length, at + 2);
    piece.set(key, at + LENGTHS_BYTES);
    piece.set(value, at + LENGTHS_BYTES + key.length);
    at += bytes;
    // Yield only after `value` is copied: LMDB may reuse its memory before this resumes.
    if (full) yield full;
  }
  yield piece.subarray(0, at);
}

/** Keys and values of all records. The index of clusters by ID lies between members and entries. */
function* recordsOf(table: Table, transaction: Transaction): Iterable<{ key: Buffer; value: Buffer }> {
  for (const [first, last] of [
    [KEY_PREFIX.client, KEY_PREFIX.member],
    [KEY_PREFIX.entry, KEY_PREFIX.entry],
  ] as const) {
    const range = { transaction, start: Buffer.of(first), end: Buffer.of(last + 1) };
    yield* table.getRange(range) as Iterable<{ key: Buffer; value: Buffer }>;
  }
}

/** The records of a piece, as views of its memory. */
export function unpack(piece: Uint8Array): StoredRecord[] {
  const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
  const records: StoredRecord[] = [];
  for (let at = 0; at < bytes.length; ) {
    const keyAt = at + LENGTHS_BYTES;
    const valueAt = keyAt + bytes.readUInt16LE(at);
    at = valueAt + bytes.readUInt32LE(at + 2);
    records.push(decodeRecord({ bytes, keyAt, valueAt, end: at }));
  }
  return records;
}

/** A snapshot of a table. */
export interface StoredTable {
  /** The registry that owns the table; hex. */
  readonly registryId: string;
  /** The IDs in the index of clusters. */
  readonly clusterIds: ReadonlySet<string>;
  /** Some at a time. Throws StoreUnusableError at a damaged record. */
  readonly records: Iterable<readonly StoredRecord[]>;
}

/**
 * Passes a snapshot of a table to `look`. No other process may have the table open: opening it can make the other lose
 * a commit (see LmdbStore). Rejects with StoreUnusableError if there is no readable table.
 */
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
    return await look({ registryId, clusterIds, records: unpackAll(packTable(table, transaction)) });
  } finally {
    transaction.done();
    await table.close();
  }
}

function* unpackAll(pieces: Iterable<Uint8Array>): Iterable<readonly StoredRecord[]> {
  for (const piece of pieces) yield unpack(piece);
}
