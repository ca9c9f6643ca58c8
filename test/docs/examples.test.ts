// The `@example`s of all public functions and classes compile, and those for Node run against a registry. Besides the
// exports of their entry point they may use assert, readFile and writeFile; url and regCred, the registry's; member, who is
// alice of the complete cluster demo; and session, where she is identified.
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { transform } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, createMember, openMember, parseRegCred } from '../../src/client/index.ts';
import { type EntryPoint, entryPoints, type PublicDeclaration } from '../support/public-exports.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';

const run = promisify(execFile);
const project = resolve(import.meta.dirname, '../..');
const RUN_TIMEOUT_MS = 50_000;
const entries = entryPoints();
const client = entries.find(({ specifier }) => specifier === 'xlreg/client')!;
/** An entry point that needs a browser. */
const COMPILED_ONLY = ['xlreg/browser'];

interface Example {
  readonly name: string;
  readonly imports: readonly string[];
  readonly statements: string;
}

let registry: RegistryProcess;
let folder: string;
beforeAll(async () => {
  registry = await startRegistry();
  folder = await mkdtemp(join(tmpdir(), 'xlreg-examples-'));
  await mkdir(join(folder, 'xlreg-data'));
  await cp(join(registry.dataDir, 'regCred.dat'), join(folder, 'xlreg-data/regCred.dat'));
  await mkdir(join(folder, 'node_modules'));
  await symlink(project, join(folder, 'node_modules/xlreg'));
  await symlink(join(project, 'node_modules/@types'), join(folder, 'node_modules/@types'));
  await formDemo();
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  expect(await registry.stop()).toBe(0);
});

/** Alice and bob join demo, a cluster of two. */
async function formDemo(): Promise<void> {
  const regCred = parseRegCred(registry.regCredText);
  const alice = await openMember(join(folder, 'members/alice'), { name: 'alice', endPoints: ['127.0.0.1:4001'] });
  for (const member of [alice, await createMember({ name: 'bob', endPoints: ['127.0.0.1:4002'] })]) {
    const session = await connect(regCred);
    await session.identify(member);
    await session.create('demo', { size: 2, confirmMs: 0 });
    await session.join('demo');
    await session.bye();
  }
}

/** Declarations of the entry point; those that `xlreg` exports from `xlreg/client` count for the latter. */
function ownDeclarations({ specifier, declarations }: EntryPoint): readonly PublicDeclaration[] {
  if (specifier !== 'xlreg') return declarations;
  return declarations.filter(({ name }) => !client.names.has(name));
}

/** The examples of an entry point, without the comment's stars. */
function examplesOf(entry: EntryPoint): Example[] {
  return ownDeclarations(entry).flatMap(({ name, comment }) =>
    [...comment.matchAll(/@example\n \* ```ts\n([\s\S]*?) \* ```/g)].map(([, block], place) => {
      const lines = block!.replaceAll(/^ \* ?/gm, '').split('\n');
      const imports = lines.filter((line) => line.startsWith('import '));
      const statements = lines.filter((line) => !line.startsWith('import ')).join('\n');
      return { name: place === 0 ? name : `${name}${place + 1}`, imports, statements };
    }),
  );
}

/** True if the text uses the name without declaring it. */
function isFree(name: string, text: string): boolean {
  const declared = new RegExp(`\\b(?:const|using) (?:${name}\\b|\\{[^}]*\\b${name}\\b[^}]*\\} =)`);
  return new RegExp(`\\b${name}\\b`).test(text) && !declared.test(text);
}

/** One module with a function for each example; it runs them in turn and prints each name. */
function moduleOf(entry: EntryPoint, examples: readonly Example[]): string {
  const isRun = !COMPILED_ONLY.includes(entry.specifier);
  const own = isRun ? ['parseRegCred', 'openMember', 'connect'] : [];
  const text = examples.map(({ statements }) => statements).join('\n');
  const used = (names: Iterable<string>) => [...names].filter((name) => new RegExp(`\\b${name}\\b`).test(text));
  const fromEntry = new Set([...used(entry.names), ...own.filter((name) => entry.names.has(name))]);
  const fromClient = isRun ? [...used(client.names), ...own].filter((name) => !entry.names.has(name)) : [];
  const given = isRun
    ? `const url = 'http://127.0.0.1:${registry.wsPort}';
       const regCred = parseRegCred(await readFile('xlreg-data/regCred.dat', 'ascii'));
       const member = await openMember('members/alice', { name: 'alice', endPoints: ['127.0.0.1:4001'] });`
    : `declare const regCred: entry.RegCred; declare const member: entry.Member;
       declare const session: Awaited<ReturnType<typeof entry.connect>>;`;
  const functions = examples.map(({ name, statements }) => {
    const needsSession = isRun && isFree('session', statements);
    const open = needsSession ? 'const session = await connect(regCred); await session.identify(member);' : '';
    return `async function example_${name}() {\n${open}\n${statements}\n${needsSession ? 'await session.bye();' : ''}}`;
  });
  const calls = examples.map(({ name }) => `await example_${name}(); console.log('ran ${name}');`);
  return [
    "import assert from 'node:assert/strict';",
    "import { readFile, writeFile } from 'node:fs/promises';",
    `import type * as entry from '${entry.specifier}';`,
    `import { ${[...fromEntry].join(', ')} } from '${entry.specifier}';`,
    fromClient.length > 0 ? `import { ${[...new Set(fromClient)].join(', ')} } from 'xlreg/client';` : '',
    ...new Set(examples.flatMap(({ imports }) => imports)),
    given,
    ...functions,
    ...calls,
    'export type { entry };',
  ].join('\n');
}

it('every public function has an example', () => {
  const functions = entries.flatMap(({ declarations }) => declarations.filter(({ kind }) => kind === 'function'));
  expect(functions.length).toBeGreaterThan(20);
  expect(functions.filter(({ comment }) => !comment.includes('@example')).map(({ name }) => name)).toEqual([]);
});

const fileOf = ({ specifier }: EntryPoint) => specifier.replace('/', '-');

it('the examples of all entry points compile', async () => {
  const compilerOptions = {
    ...{ target: 'es2022', lib: ['es2023', 'dom'], module: 'nodenext', types: ['node'], strict: true, noEmit: true },
  };
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  for (const entry of entries) await writeFile(join(folder, `${fileOf(entry)}.ts`), moduleOf(entry, examplesOf(entry)));
  const files = entries.map((entry) => `${fileOf(entry)}.ts`);
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  const tsc = join(project, 'node_modules/typescript/bin/tsc');
  const { stdout } = await run(process.execPath, [tsc, '-p', folder]).catch((error) => error);
  expect(stdout).toBe('');
});

describe.each(entries)('the examples of $specifier', (entry) => {
  const examples = examplesOf(entry);
  const file = fileOf(entry);

  it('are found, each in a block of TypeScript', () => {
    const marks = ownDeclarations(entry).reduce((sum, { comment }) => sum + comment.split('@example').length - 1, 0);
    expect(examples.length).toBe(marks);
    expect(marks).toBeGreaterThan(0);
  });

  it.skipIf(COMPILED_ONLY.includes(entry.specifier))('run against a registry', async () => {
    const { code } = await transform(moduleOf(entry, examples), { loader: 'ts', format: 'esm', target: 'node20' });
    await writeFile(join(folder, `${file}.mjs`), code);
    const ran = await run(process.execPath, [`${file}.mjs`], { cwd: folder, timeout: RUN_TIMEOUT_MS }).catch(
      (error) => error,
    );
    expect(ran).toMatchObject({ stderr: '' });
    for (const { name } of examples) expect(ran.stdout).toContain(`ran ${name}\n`);
  });
});
