// The files and packages that built code needs, found by its imports.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** Follows the imports of files in dist/, with their type declarations. Returns sorted paths and names of packages. */
export function codeOf(entries) {
  const [files, packages] = [new Set(), new Set()];
  const pending = [...entries];
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    if (files.has(file)) continue;
    files.add(file);
    const declarations = file.replace(/\.js$/, '.d.ts');
    if (existsSync(declarations)) pending.push(declarations);
    for (const specifier of importsOf(file)) {
      if (specifier.startsWith('.')) pending.push(built(normalize(join(dirname(file), specifier))));
      else if (!specifier.startsWith('node:')) packages.add(packageOf(specifier));
    }
  }
  return { files: [...files].toSorted(), packages: [...packages].toSorted() };
}

/** Declarations name a module by its source: `./x.ts` is in x.d.ts, whose code the importing file has imported. */
function built(path) {
  return /(?<!\.d)\.ts$/.test(path) ? path.replace(/\.ts$/, '.d.ts') : path;
}

/** Module specifiers of static imports, dynamic imports and re-exports. */
function importsOf(file) {
  const found = readFileSync(file, 'utf8').matchAll(
    /(?:(?<!\.)\b(?:from|import)\s*\(?|\bimport \w+ = require\()\s*["']([^"'\n]+)["']/g,
  );
  return [...found].map(([, specifier]) => specifier);
}

/** `protobufjs/minimal.js` and `@grpc/grpc-js/x` count as their package. */
function packageOf(specifier) {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}
