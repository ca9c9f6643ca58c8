// The files of an audit log: FILE is the newest one; FILE.1, FILE.2, … are the former ones, the oldest first.
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { writeDurably } from '../runtime/atomic-file.ts';

/** The audit log in the data directory, unless --audit-log names another file. */
export const AUDIT_FILE = 'audit.log';

/** The key of the chain, in the data directory; mode 0600. */
export const AUDIT_KEY_FILE = 'audit-key';

const KEY_BYTES = 32;

/** A former file of the log. */
export interface RotatedFile {
  readonly number: number;
  readonly path: string;
}

/** The former files, the oldest first. Empty if the directory is missing. */
export async function rotatedFiles(file: string): Promise<RotatedFile[]> {
  const names = await readdir(dirname(file)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const prefix = `${basename(file)}.`;
  const numbers = names.flatMap((name) => {
    const digits = name.startsWith(prefix) ? name.slice(prefix.length) : '';
    return /^[1-9]\d{0,14}$/.test(digits) ? [Number(digits)] : [];
  });
  return numbers.sort((a, b) => a - b).map((number) => ({ number, path: `${file}.${number}` }));
}

/** Reads the key; undefined if there is none. */
export async function readAuditKey(dataDirectory: string): Promise<KeyObject | undefined> {
  const path = join(dataDirectory, AUDIT_KEY_FILE);
  if (!existsSync(path)) return undefined;
  const hex = (await readFile(path, 'utf8')).trim();
  if (!/^[0-9a-f]{64}$/.test(hex)) throw new AuditKeyError(`${path} does not hold the key of an audit log`);
  return createSecretKey(hex, 'hex');
}

/** Reads the key, or creates it. Rejects with AuditKeyError. */
export async function openAuditKey(dataDirectory: string): Promise<KeyObject> {
  const known = await readAuditKey(dataDirectory);
  if (known) return known;
  await writeDurably(dataDirectory, AUDIT_KEY_FILE, `${randomBytes(KEY_BYTES).toString('hex')}\n`, 0o600);
  return (await readAuditKey(dataDirectory))!;
}

/** The key's file is unusable. */
export class AuditKeyError extends Error {
  override readonly name = 'AuditKeyError';
}

/** The last bytes of a file, `most` at most; undefined if there is no such file. */
export async function tailOf(path: string, most: number): Promise<{ text: string; size: number } | undefined> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!file) return undefined;
  try {
    const { size } = await file.stat();
    const bytes = Buffer.alloc(Math.min(size, most));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, size - bytes.length);
    return { text: bytes.toString('latin1', 0, bytesRead), size };
  } finally {
    await file.close();
  }
}
