// The code about itself: how long its files are, that each says what it is for, how they are named, and that the rules it
// cites are rules.

import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const LINES_MAX = 400;
const NAMES_OF_NOTHING = ['utils', 'util', 'common', 'helpers', 'helper', 'types', 'misc', 'shared', 'lib'];

/** The TypeScript of a folder, without what is generated. */
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

it('there is code to look at', () => {
  expect(sources.length).toBeGreaterThan(30);
});

describe.each(sources)('%s', (path) => {
  it(`has at most ${LINES_MAX} lines`, () => {
    expect(linesOf(path).length).toBeLessThanOrEqual(LINES_MAX);
  });

  it.skipIf(path.startsWith('workers'))('opens with a comment on what it is for', () => {
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
  const defined = linesOf('docs/PROTOCOL.md').flatMap((line) => /^\s*- \*\*([A-Z]\d+)\*\*/.exec(line)?.[1] ?? []);

  /** Rules are a letter of the document's and a number; ranges are cited by their ends. */
  const citation = new RegExp(`\\b[${[...new Set(defined.map((id) => id[0]))].join('')}]\\d{1,2}\\b`, 'g');

  /** What a file says in its comments. */
  function commentsOf(path: string): string {
    return linesOf(path)
      .map((line) => /(?:^|\s)\/\/\s.*$|^\s*(?:\/\*\*|\*)\s.*$|\/\*\*.*\*\/$/.exec(line)?.[0] ?? '')
      .join('\n');
  }

  it('are each defined once', () => {
    expect(defined.length).toBeGreaterThan(60);
    expect(defined.filter((id, at) => defined.indexOf(id) !== at)).toEqual([]);
  });

  it.each([...sources, 'proto/xlreg.proto'])('that %s cites are in docs/PROTOCOL.md', (path) => {
    const cited = [...commentsOf(path).matchAll(citation)].map(([id]) => id);
    expect(cited.filter((id) => !defined.includes(id))).toEqual([]);
  });

  it('that the document cites are in it', () => {
    const cited = [...linesOf('docs/PROTOCOL.md').join('\n').matchAll(citation)].map(([id]) => id);
    expect(cited.filter((id) => !defined.includes(id))).toEqual([]);
  });

  it('that tests are named after are in it', () => {
    const named = sourcesIn('test').flatMap((path) =>
      linesOf(path).flatMap(
        (line) => /^\s*(?:it|describe)\b.*?['"`]((?:[A-Z]\d{1,2}(?:, | to |: ))+)/.exec(line)?.[1] ?? [],
      ),
    );
    const cited = named.flatMap((ids) => ids.match(/[A-Z]\d+/g) ?? []);
    expect(cited.length).toBeGreaterThan(100);
    expect([...new Set(cited)].filter((id) => !defined.includes(id))).toEqual([]);
  });
});
