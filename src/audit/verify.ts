// Verifies an audit log: walks its files from the oldest to the newest, and names the first line that is wrong.
import type { KeyObject } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { rotatedFiles, tailOf } from './audit-files.ts';
import { type ChainEnd, FILE_BEGUN, hashOf, readLine } from './audit-line.ts';

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
  readonly files: number;
  lines: number;
  first: number | undefined;
  last: ChainEnd | undefined;
  lost: number;
  torn: number;
  /** True once a line has the expected hash. */
  expected: boolean;
}

/** Verifies the log whose newest file is `file`. With `expect`, one of its lines must have this hash. */
export async function verifyAudit(file: string, key: KeyObject, expect?: string): Promise<Verification> {
  const rotated = (await rotatedFiles(file)).map(({ path }) => path);
  const exists = await access(file).then(
    () => true,
    () => false,
  );
  const paths = exists ? [...rotated, file] : rotated;
  const walk: Walk = {
    ...{ key, files: paths.length, lines: 0, first: undefined, last: undefined, lost: 0, torn: 0 },
    expected: expect === undefined,
  };
  let problem: string | undefined;
  try {
    if (paths.length === 0) throw new Broken(`there is no audit log at ${file}`);
    for (const path of paths) await walkFile(walk, path, path === file, expect);
    if (!walk.expected) {
      throw new Broken(`no line has the hash ${expect}: the newest lines were cut off, or it is not of this log`);
    }
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    problem = error.message;
  }
  const { lines, files, first, last, lost, torn } = walk;
  return { lines, files, first, last, lost, torn, problem };
}

async function walkFile(walk: Walk, path: string, isNewest: boolean, expect: string | undefined): Promise<void> {
  const endsWhole = ((await tailOf(path, 1))?.text ?? '\n') === '\n';
  let number = 0;
  const lines = createInterface({ input: createReadStream(path, 'latin1'), crlfDelay: Number.POSITIVE_INFINITY });
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
  walk.last ??= beginningOf(walk, line, object, where);
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
  if (line.hash === expect) walk.expected = true;
  if (action === 'lines-lost') walk.lost += Number(object?.lines);
  if (action === 'torn-line') walk.torn += 1;
}

/** The end of the chain before the first line of the oldest file. */
function beginningOf(walk: Walk, { sequence }: ChainEnd, object: Entry['object'], where: string): ChainEnd {
  // A rotation deletes the oldest file only if there are filesMax others.
  if (sequence > 1 && walk.files < Number(object?.filesMax)) {
    throw new Broken(`${where} has number ${sequence}: the files with the lines before it are missing`);
  }
  return { sequence: sequence - 1, hash: String(object?.prev) };
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
