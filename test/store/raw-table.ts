// Direct access to an LMDB table, for changes behind the store's back. Also runs programs with the built store in their
// own process, for tests that may end it.

import { execFile } from 'node:child_process';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Key, open, type RootDatabase } from 'lmdb';
import { TABLE_DIRECTORY } from '../../src/store/lmdb/open-table.ts';

export type RawTable = RootDatabase<Buffer, Key>;

/** Opens a table that is closed, applies a change, and closes it. */
export async function meddle(dataDirectory: string, change: (table: RawTable) => void): Promise<void> {
  const path = join(dataDirectory, TABLE_DIRECTORY);
  const table = open<Buffer, Key>({
    path,
    overlappingSync: false,
    keyEncoding: 'binary',
    encoding: 'binary',
    cache: false,
  });
  try {
    table.transactionSync(() => change(table));
  } finally {
    await table.close();
  }
}

/** The offset of the transaction counter in LMDB's lock file. */
const COUNT_AT = 8;

/** Sets back the transaction counter of an open table, as LMDB itself may when another process opens it. */
export function setBack(dataDirectory: string, by: number): void {
  const file = openSync(join(dataDirectory, TABLE_DIRECTORY, 'lock.mdb'), 'r+');
  try {
    const count = Buffer.alloc(8);
    readSync(file, count, 0, count.length, COUNT_AT);
    count.writeBigUInt64LE(count.readBigUInt64LE() - BigInt(by));
    writeSync(file, count, 0, count.length, COUNT_AT);
  } finally {
    closeSync(file);
  }
}

const STORE_FOLDER = fileURLToPath(new URL('../../dist/src/store', import.meta.url));

/** The path of a table's data in its data directory. */
export function dataFile(dataDirectory: string): string {
  return join(dataDirectory, TABLE_DIRECTORY, 'data.mdb');
}

/** Runs a program with LmdbStore, readTable and verifyStore in scope; resolves with the lines that it wrote. */
export async function runProgram(program: string, ...args: string[]): Promise<string[]> {
  const imports = [
    `import { LmdbStore } from ${JSON.stringify(join(STORE_FOLDER, 'lmdb/lmdb-store.js'))};`,
    `import { readTable } from ${JSON.stringify(join(STORE_FOLDER, 'lmdb/table-reader.js'))};`,
    `import { verifyStore } from ${JSON.stringify(join(STORE_FOLDER, 'verify.js'))};`,
    `import { StoreUnusableError } from ${JSON.stringify(join(STORE_FOLDER, 'store.js'))};`,
  ];
  const text = [...imports, program].join('\n');
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', text, ...args]);
  return stdout.split('\n').filter((line) => line !== '');
}
