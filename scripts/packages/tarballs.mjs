// npm run tarballs [-- DIR]: builds the npm packages xlreg and xlreg-client into DIR [packages]. Each stands alone: neither
// depends on the other, so npm never asks a registry for a name that is not ours.
//
// A package is its entry points and all that they import; so are its dependencies.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { codeOf } from './imports.mjs';

const top = fileURLToPath(new URL('../..', import.meta.url));
const root = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8'));

const PACKAGES = [
  {
    manifest: fieldsOf(root, ['name', 'description', 'keywords', 'bin', 'exports', 'optionalDependencies']),
    // Threads are started by the URL of their file, and the files of the status page are read.
    entries: threadEntries,
    folders: ['dist/src/admin/page'],
    // An application runs with the versions that were tested.
    version: (version) => version,
  },
  {
    manifest: JSON.parse(readFileSync(join(top, 'packaging/npm/xlreg-client/package.json'), 'utf8')),
    entries: () => [],
    folders: [],
    // A library shares its dependencies with other packages, and gets their fixes.
    version: (version) => `^${version}`,
  },
];

/** The declarations of Node, which those of the packages import: only TypeScript needs them, in the program's version. */
const TYPES = {
  peerDependencies: { '@types/node': '>=20' },
  peerDependenciesMeta: { '@types/node': { optional: true } },
};

process.chdir(top);
const { values, positionals } = parseArgs({ allowPositionals: true, options: { built: { type: 'boolean' } } });
const destination = resolve(positionals[0] ?? 'packages');
// --built takes dist/ as it is.
if (!values.built) run(process.execPath, ['scripts/build.mjs']);
mkdirSync(destination, { recursive: true });
for (const described of PACKAGES) {
  const folder = mkdtempSync(join(tmpdir(), 'xlreg-tarball-'));
  try {
    stage(described, folder);
    const { stdout } = run('npm', ['pack', folder, '--pack-destination', destination, '--ignore-scripts', '--json']);
    const [{ filename, size, entryCount }] = JSON.parse(stdout);
    console.log(`${join(destination, filename)}: ${size} bytes, ${entryCount} files`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function stage({ manifest, entries, folders, version }, folder) {
  const { files, packages } = codeOf([...entryPoints(manifest), ...entries()]);
  for (const file of files) {
    const text = readFileSync(file, 'utf8');
    write(join(folder, file), file.endsWith('.d.ts') ? withNodeTypes(text) : withoutMap(text));
  }
  for (const path of folders) cpSync(path, join(folder, path), { recursive: true });
  cpSync('LICENSE', join(folder, 'LICENSE'));
  write(join(folder, 'CHANGELOG.md'), withoutLinks(readFileSync('CHANGELOG.md', 'utf8')));
  cpSync(`packaging/npm/${manifest.name}/README.md`, join(folder, 'README.md'));
  const unlisted = packages.filter((name) => !(name in root.dependencies));
  if (unlisted.length > 0) throw new Error(`package.json does not list ${unlisted.join(', ')} under dependencies`);
  const dependencies = Object.fromEntries(packages.map((name) => [name, version(root.dependencies[name])]));
  const shared = fieldsOf(root, ['version', 'license', 'type', 'private', 'engines']);
  write(
    join(folder, 'package.json'),
    `${JSON.stringify({ ...manifest, ...shared, dependencies, ...TYPES }, undefined, 2)}\n`,
  );
}

function fieldsOf(object, names) {
  return Object.fromEntries(names.map((name) => [name, object[name]]));
}

function threadEntries() {
  const names = readdirSync('dist/workers').filter((name) => name.endsWith('.js'));
  return names.map((name) => `dist/workers/${name}`);
}

/** The files that `bin` and `exports` name. */
function entryPoints({ bin = {}, exports }) {
  const named = Object.values(exports).flatMap((target) => (typeof target === 'string' ? [] : Object.values(target)));
  return [...Object.values(bin), ...named].map((path) => path.replace('./', ''));
}

/** The sources that a map names are not in the package. */
function withoutMap(text) {
  return text.replace(/\n\/\/# sourceMappingURL=\S+\s*$/, '\n');
}

/** The pages of the checkout are not in the package. */
function withoutLinks(markdown) {
  return markdown.replaceAll(/\[([^\]]*)\]\((?![a-z]+:)[^)\s]+\)/g, '$1');
}

/** Declarations that need Node's say so: TypeScript 6 and 7 load no types by themselves, nor does `types: []`. */
function withNodeTypes(text) {
  const needs = /\bfrom 'node:|\bBuffer(?:Encoding)?\b|\bNodeJS\./.test(text);
  return needs ? `/// <reference types="node" />\n${text}` : text;
}

function write(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode: text.startsWith('#!') ? 0o755 : 0o644 });
}

function run(command, args) {
  const done = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (done.error) throw done.error;
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${done.status}`);
  return done;
}
