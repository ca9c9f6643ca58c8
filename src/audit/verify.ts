// Verifies an audit log: walks its files from the oldest to the newest, and names the first line that is wrong.
import type { KeyObject } from 'node:crypto';
import { createInterface } from 'node:readline';
import { type ChainEnd, FILE_BEGUN, hashOf, readLine } from './audit-line.ts';
import { closeSnapshot, type LogFile, openSnapshot } from './snapshot.ts';

/** Result of a verification. */
export interface Verification {
  /** Sound lines, up to the first wrong one. */
  readonly lines: number;
  readonly files: number;
  /** The number of the first line. */
  readonly first: number | undefined;
  /** The last sound line. */
  readonly last: ChainEnd | undefined;
  /** Lines that the log itself reports as lost, and as torn by a crash. */
  readonly lost: number;
  readonly torn: number;
  /** Undefined if the log is sound. */
  readonly problem: string | undefined;
}

/** The line or the file that breaks the chain. */
class Broken extends Error {
  override readonly name = 'Broken';
}

interface Walk {
  readonly key: KeyObject;
  /** Files begun so far. */
  files: number;
  /** `--audit-files` at the beginning of the last one. */
  filesMax: number;
  /** True once there were as many files as are kept: only then a rotation deletes the oldest. */
  hasAllFiles: boolean;
  lines: number;
  first: number | undefined;
  last: ChainEnd | undefined;
  lost: number;
  torn: number;
  /** True once a line has the expected hash. */
  expected: boolean;
}

/**
 * Verifies the log whose newest file is `file`; its server may run. With `expect`, one of its lines must have this hash.
 * Rejects with SnapshotError or a system error.
 */
export async function verifyAudit(file: string, key: KeyObject, expect?: string): Promise<Verification> {
  const logFiles = await openSnapshot(file);
  const walk: Walk = {
    ...{ key, files: 0, filesMax: 0, hasAllFiles: false },
    ...{ lines: 0, first: undefined, last: undefined, lost: 0, torn: 0 },
    expected: expect === undefined,
  };
  let problem: string | undefined;
  try {
    if (logFiles.length === 0) throw new Broken(`there is no audit log at ${file}`);
    for (const logFile of logFiles) await walkFile(walk, logFile, logFile.path === file, expect);
    checkBeginning(walk, logFiles, file);
    if (!walk.expected) {
      throw new Broken(`no line has the hash ${expect}: the newest lines were cut off, or it is not of this log`);
    }
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    problem = error.message;
  } finally {
    await closeSnapshot(logFiles);
  }
  const { lines, first, last, lost, torn } = walk;
  return { lines, files: logFiles.length, first, last, lost, torn, problem };
}

async function walkFile(walk: Walk, { path, handle, size, endsWhole }: LogFile, isNewest: boolean, expect?: string) {
  if (size === 0) return;
  let number = 0;
  const input = handle.createReadStream({ encoding: 'latin1', end: size - 1, autoClose: false });
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  let held: string | undefined;
  for await (const line of lines) {
    if (held !== undefined) checkLine(walk, held, `${path}, line ${++number}`, number === 1, expect);
    held = line;
  }
  if (held !== undefined && endsWhole) {
    checkLine(walk, held, `${path}, line ${++number}`, number === 1, expect);
  } else if (held !== undefined && held !== '') {
    const mends = isNewest ? ': the server stopped while it wrote it, and its next start mends this' : '';
    throw new Broken(`${path}, line ${number + 1} is torn${mends}`);
  }
}

function checkLine(walk: Walk, text: string, where: string, isFirst: boolean, expect: string | undefined): void {
  const line = readLine(text);
  if (!line) throw new Broken(`${where} is not a line of an audit log`);
  const { action, object } = parse(line.body) ?? {};
  if (isFirst && action !== FILE_BEGUN) throw new Broken(`${where}: the beginning of the file is missing`);
  // Each file repeats the hash before it.
  walk.last ??= { sequence: line.sequence - 1, hash: String(object?.prev) };
  const { sequence, hash } = walk.last;
  if (line.sequence !== sequence + 1) {
    throw new Broken(
      `${where} has number ${line.sequence} and follows number ${sequence}: lines are missing or in another order`,
    );
  }
  if (line.hash !== hashOf(walk.key, hash, line.body)) {
    throw new Broken(`${where} (number ${line.sequence}) does not match its hash: it was changed, or lines before it`);
  }
  walk.last = { sequence: line.sequence, hash: line.hash };
  walk.first ??= line.sequence;
  walk.lines += 1;
  if (isFirst) beginFile(walk, Number(object?.filesMax));
  if (line.hash === expect) walk.expected = true;
  if (action === 'lines-lost') walk.lost += Number(object?.lines);
  if (action === 'torn-line') walk.torn += 1;
}

function beginFile(walk: Walk, filesMax: number): void {
  walk.files += 1;
  walk.filesMax = filesMax;
  walk.hasAllFiles ||= walk.files >= filesMax;
}

/** The number of files may have changed with `--audit-files`, so each file's beginning tells it anew. */
function checkBeginning(walk: Walk, logFiles: readonly LogFile[], file: string): void {
  const newest = logFiles.at(-1)!;
  // The server has deleted the oldest file, and not begun the newest yet.
  if (newest.path !== file || newest.size === 0) beginFile(walk, walk.filesMax);
  if (walk.first === undefined || walk.first === 1 || walk.hasAllFiles) return;
  const { path } = logFiles[0]!;
  throw new Broken(`${path}, line 1 has number ${walk.first}: the files with the lines before it are missing`);
}

interface Entry {
  readonly action?: unknown;
  readonly object?: Readonly<Record<string, unknown>>;
}

function parse(body: string): Entry | undefined {
  try {
    return JSON.parse(`${body}}`) as Entry;
  } catch {
    return undefined;
  }
}
