// Checks the code's form: the length, header and name of each file, and that docs/reference/protocol.md defines each
// rule id cited.

import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const PROTOCOL = 'docs/reference/protocol.md';
const LINES_MAX = 400;
/** Rule ids in parentheses at the end of a string: of a test's name, its template, or a row that gives it one. */
const CITED_BY_TITLE = /\(([A-Z]\d{1,3}(?:(?:, | to )[A-Z]\d{1,3})*)\)['"`]/g;
/** The letter of the bad-input catalogue's rows, which the protocol does not define. */
const BAD_INPUT_ROW = 'B';
const NAMES_OF_NOTHING = ['utils', 'util', 'common', 'helpers', 'helper', 'types', 'misc', 'shared', 'lib'];

/** The TypeScript files of a folder, without generated ones. */
function sourcesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !path.split(sep).includes('generated'))
    .sort();
}

function linesOf(path: string): string[] {
  return readFileSync(join(root, path), 'utf8').split('\n');
}

const sources = [...sourcesIn('src'), ...sourcesIn('workers')];

it('finds the sources', () => {
  expect(sources.length).toBeGreaterThan(30);
});

describe.each(sources)('%s', (path) => {
  it(`has at most ${LINES_MAX} lines`, () => {
    expect(linesOf(path).length).toBeLessThanOrEqual(LINES_MAX);
  });

  it.skipIf(path.startsWith('workers'))('opens with a comment', () => {
    const [first, second] = linesOf(path);
    const opening = first!.startsWith('#!') ? second! : first!;
    expect(opening).toMatch(/^(\/\/ \S|\/\*\* \S)/);
  });

  it('has a name that says something', () => {
    const parts = [...dirname(path).split(sep), basename(path, '.ts')];
    expect(parts.filter((part) => NAMES_OF_NOTHING.includes(part))).toEqual([]);
    expect(basename(path)).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*\.ts$/);
  });
});

describe('rules', () => {
  const defined = linesOf(PROTOCOL).flatMap((line) => /^\s*- \*\*([A-Z]\d+)\*\*/.exec(line)?.[1] ?? []);

  /** A rule's id: a letter that the document uses, and a number. A range is cited by its ends. */
  const citation = new RegExp(`\\b[${[...new Set(defined.map((id) => id[0]))].join('')}]\\d{1,2}\\b`, 'g');

  /** The text of a file's comments, without the name of the JavaScript engine, which looks like a rule. */
  function commentsOf(path: string): string {
    return linesOf(path)
      .map((line) => /(?:^|\s)\/\/\s.*$|^\s*(?:\/\*\*|\*)\s.*$|\/\*\*.*\*\/$/.exec(line)?.[0] ?? '')
      .join('\n')
      .replaceAll(/\bV8\b/g, '');
  }

  it('are each defined once', () => {
    expect(defined.length).toBeGreaterThan(60);
    expect(defined.filter((id, at) => defined.indexOf(id) !== at)).toEqual([]);
  });

  it.each([...sources, 'proto/xlreg.proto'])('that %s cites are in the protocol', (path) => {
    const cited = [...commentsOf(path).matchAll(citation)].map(([id]) => id);
    expect(cited.filter((id) => !defined.includes(id))).toEqual([]);
  });

  it('that the protocol cites are in it', () => {
    const cited = [...linesOf(PROTOCOL).join('\n').matchAll(citation)].map(([id]) => id);
    expect(cited.filter((id) => !defined.includes(id))).toEqual([]);
  });

  it('are cited at the end of test names', () => {
    const named = sourcesIn('test').flatMap((path) =>
      linesOf(path).flatMap((line) => [...line.matchAll(CITED_BY_TITLE)].map(([, ids]) => ids!)),
    );
    const cited = named.flatMap((ids) => ids.match(/[A-Z]\d+/g) ?? []).filter((id) => !id.startsWith(BAD_INPUT_ROW));
    expect(cited.length).toBeGreaterThan(100);
    expect([...new Set(cited)].filter((id) => !defined.includes(id))).toEqual([]);
  });
});
