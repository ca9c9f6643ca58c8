// npm run site: builds the static site into site/dist/html, with all pages of docs/ and the API reference of the entry
// points in package.json. Installs its own dependencies first if they are missing or stale. Ends with 1 if a public
// declaration has no doc comment, or a link leads nowhere. Its search needs no network and no server.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkLinks } from './links.mjs';
import { copyPages } from './pages.mjs';

const own = fileURLToPath(new URL('.', import.meta.url));
const top = fileURLToPath(new URL('..', import.meta.url));
const [staged, html] = [join(own, 'dist/pages'), join(own, 'dist/html')];
const manifest = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8'));

install();
// TypeDoc has a TypeScript of its own, which is installed only here.
const { Application, Converter, ReflectionKind, TSConfigReader } = await import('typedoc');
rmSync(join(own, 'dist'), { recursive: true, force: true });
mkdirSync(staged, { recursive: true });
const documents = copyPages(top, staged).map((page) => join(staged, page));
const isBuilt = await build();
const { pages, bad } = checkLinks(html);
for (const link of bad) console.error(link);
console.log(`site: ${pages} pages in ${html}, ${bad.length} bad links`);
process.exitCode = isBuilt && bad.length === 0 ? 0 : 1;

function install() {
  const [lock, installed] = [join(own, 'package-lock.json'), join(own, 'node_modules/.package-lock.json')];
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  const { status } = spawnSync('npm', ['ci'], { cwd: own, stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}

/** The entry points with types, by TypeDoc's name for them: their folder in src, or `index` for src itself. */
function entryPoints() {
  const typed = Object.entries(manifest.exports).filter(([, target]) => target.types !== undefined);
  const named = new Map(
    typed.map(([path, { types }]) => {
      const source = join(top, types.replace('./dist/', '').replace(/\.d\.ts$/, '.ts'));
      const folder = relative(join(top, 'src'), dirname(source));
      return [folder === '' ? 'index' : folder, { source, specifier: `${manifest.name}${path.slice(1)}` }];
    }),
  );
  // TypeDoc describes an export where it sees it first: those of xlreg/client there, not in xlreg.
  return new Map([...named].toSorted(([one], [other]) => Number(one === 'index') - Number(other === 'index')));
}

/** Returns false after a warning: of a missing doc comment, a type that is not exported, or a broken link. */
async function build() {
  const entries = entryPoints();
  const app = await Application.bootstrap(
    {
      ...{
        name: 'xlReg',
        entryPoints: [...entries.values()].map(({ source }) => source),
        tsconfig: join(own, 'tsconfig.json'),
        out: html,
      },
      ...{ readme: join(staged, 'README.md'), projectDocuments: documents, alwaysCreateEntryPointModule: true },
      ...{ excludeExternals: true, excludeInternal: true, excludePrivate: true, excludeProtected: true },
      // `npm run types` checks them, with the TypeScript of the checkout.
      skipErrorChecking: true,
      // No public address has the sources.
      ...{ disableSources: true, disableGit: true, hideGenerator: true, githubPages: false },
      ...{ searchInDocuments: true, searchInComments: true, groupOrder: ['Tutorial', 'How-to', '*', 'Repository'] },
      validation: { notExported: true, invalidLink: true, invalidPath: true, rewrittenLink: true, notDocumented: true },
    },
    [new TSConfigReader()],
  );
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.children) module.name = entries.get(module.name)?.specifier ?? module.name;
    for (const reflection of Object.values(project.reflections)) {
      if (isUnspecific(reflection, ReflectionKind)) project.removeReflection(reflection);
    }
  });
  const project = await app.convert();
  if (project === undefined) return false;
  const inLiterals = Object.values(project.reflections).filter((one) => isPartOfAlternative(one, ReflectionKind));
  app.options.setValue('intentionallyNotDocumented', [...new Set(inLiterals.map((one) => one.getFullName()))]);
  app.validate(project);
  await app.generateOutputs(project);
  return !app.logger.hasErrors() && !app.logger.hasWarnings();
}

/** Methods of Node's streams that no program calls, and the `name` of an error, which is that of its class. */
function isUnspecific(reflection, kinds) {
  if (reflection.kindOf(kinds.Method)) return reflection.name.startsWith('_');
  const isName = reflection.kindOf(kinds.Property) && reflection.name === 'name' && !reflection.hasComment();
  return (
    isName &&
    reflection.parent?.children?.some(
      ({ name }) => name === 'message' || name === 'stack' || name === 'constructor',
    ) === true
  );
}

/** Properties of a type's alternatives, such as those of an event: the comment is on the alternative. */
function isPartOfAlternative(reflection, kinds) {
  const { parent } = reflection;
  if (!reflection.kindOf(kinds.Property) || reflection.hasComment() || !parent.kindOf(kinds.TypeLiteral)) return false;
  return parent.parent.kindOf([kinds.TypeAlias, kinds.Property]);
}
