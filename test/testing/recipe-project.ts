// The recipes of docs/how-to/test-with-a-registry.md as projects that have xlreg installed.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect } from 'vitest';

const project = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(project, 'docs/how-to/test-with-a-registry.md'), 'utf8');

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** Makes an empty project, which is removed behind the last test of the file. */
export function emptyProject(): string {
  const folder = mkdtempSync(join(tmpdir(), 'xlreg-recipe-'));
  folders.push(folder);
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
  return folder;
}

/** The variables of a shell: those of the running Vitest would reach the one of a recipe. */
export const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_|npm_|TEST)/i.test(name)),
);

/** Writes the files of a section into a new project. A file's first line is a comment with its name. */
export function projectOf(heading: string, packages: readonly string[]): string {
  const section = page.slice(page.indexOf(`\n## ${heading}\n`) + 1).split(/\n## /, 1)[0]!;
  const files = [...section.matchAll(/```\w+\n(\/\/ (\S+)\n[\s\S]*?)```/g)];
  expect(files.length).toBeGreaterThan(0);
  const folder = emptyProject();
  for (const [, text, name] of files) writeFileSync(join(folder, name!), text!);
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(project, join(folder, 'node_modules/xlreg'));
  for (const name of packages) symlinkSync(join(project, 'node_modules', name), join(folder, 'node_modules', name));
  return folder;
}
