// Checks the imports between the folders of src/ against the table in docs/explanation/architecture.md, the only place
// that states the allowed directions. Prints each violation as FILE: FOLDER may not import TARGET, and exits with 1.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const PAGE = 'docs/explanation/architecture.md';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const table = readTable(readFileSync(PAGE, 'utf8'));
const problems = [...table.keys()].flatMap(checkRow).concat(unlistedRows(), cycles());
for (const problem of problems) console.error(problem);
if (problems.length === 0) console.log(`layers: ${table.size} folders and files import only what ${PAGE} allows`);
process.exitCode = problems.length === 0 ? 0 : 1;

/** Rows `| `name` | owns | imports | packages |`, by name: a folder, or a file that lies in src/ itself. */
function readTable(page) {
  const rows = page.matchAll(/^\| `([\w.-]+)` \|[^|]*\|([^|]*)\|([^|]*)\|$/gm);
  const words = (cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, word]) => word);
  return new Map(
    [...rows].map(([, name, imports, packages]) => [
      name,
      { imports: words(imports), packages: packages.trim() === 'anything' ? undefined : words(packages) },
    ]),
  );
}

function checkRow(name) {
  const { imports, packages } = table.get(name);
  const path = name === 'workers' ? name : `src/${name}`;
  if (!existsSync(path)) return [`${PAGE}: ${name} is in the table, ${path} does not exist`];
  return filesOf(path).flatMap((file) =>
    importsOf(file).flatMap((specifier) => {
      const local = specifier.startsWith('.');
      const target = local ? rowOf(normalize(join(dirname(file), specifier))) : packageOf(specifier);
      const allowed = local
        ? target === name || imports.includes(target)
        : packages === undefined || packages.includes(target);
      return allowed ? [] : [`${file}: ${name} may not import ${target}`];
    }),
  );
}

function unlistedRows() {
  return readdirSync('src')
    .filter((name) => !table.has(name))
    .map((name) => `src/${name} is not in the table of ${PAGE}`);
}

/** The allowed directions themselves have no cycle, so that the rows have an order from bottom to top. */
function cycles() {
  const remaining = new Map([...table].map(([name, { imports }]) => [name, imports.filter((one) => table.has(one))]));
  for (let before = -1; before !== remaining.size; ) {
    before = remaining.size;
    for (const [name, imports] of remaining) {
      if (!imports.some((one) => remaining.has(one))) remaining.delete(name);
    }
  }
  return remaining.size === 0 ? [] : [`${PAGE}: the table allows a cycle among ${[...remaining.keys()].join(', ')}`];
}

function filesOf(path) {
  if (path.endsWith('.ts')) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts'))
    .map((entry) => relative('.', join(entry.parentPath, entry.name)));
}

/** Module specifiers of static imports, dynamic imports and re-exports; types count. */
function importsOf(file) {
  const found = readFileSync(file, 'utf8').matchAll(/(?:(?<!\.)\bfrom|\bimport)\s*\(?\s*'([^']+)'/g);
  return [...found].map(([, specifier]) => specifier);
}

/** The first folder below src/, or the file's own name where it lies in src/ itself. */
function rowOf(path) {
  const [top, name] = path.split('/');
  return top === 'src' ? name : top;
}

/** `node:fs/promises` and `@grpc/grpc-js/x` count as their package. */
function packageOf(specifier) {
  const parts = specifier.split('/');
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}
