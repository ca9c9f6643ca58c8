// The package xlreg-client in the programs of others: TypeScript 5.5 to 7, each supported Node, CommonJS and jest, with the
// settings that docs/how-to/import-the-library.md shows.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installNode, NODE_MAJORS } from '../support/node-versions.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { consumerOf, installPackages, installTarball, type Manifest, makeTarballs } from '../support/tarballs.ts';

const run = promisify(execFile);
const TYPESCRIPTS = ['5.5', '5.6', '5.7', '5.8', '5.9', '6.0', '7.0'];
const RESOLUTIONS = ['node16', 'nodenext', 'bundler'];
/** The last declarations of Node that TypeScript 5.5 reads. */
const NODE_TYPES = '@types/node@20.19.43';

const tarballs = await makeTarballs();
const folder = await installTarball(tarballs, 'xlreg-client');
const removed = [tarballs, folder];
const guide = readFileSync(resolve(import.meta.dirname, '../../docs/how-to/import-the-library.md'), 'utf8');
const inside = (...path: string[]) => join(folder!, ...path);

let registry: RegistryProcess;
beforeAll(async () => {
  registry = await startRegistry();
  if (folder === undefined) return;
  mkdirSync(inside('xlreg-data'));
  cpSync(join(registry.dataDir, 'regCred.dat'), inside('xlreg-data/regCred.dat'));
});
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
  for (const made of removed) if (made !== undefined) rmSync(made, { recursive: true });
});

/** The example of the package's README. */
function readmeExample(): string {
  return /```ts\n([\s\S]*?)```/.exec(readFileSync(inside('node_modules/xlreg-client/README.md'), 'utf8'))![1]!;
}

/** The blocks of the guide's section with this word behind their fence. */
function blocks(title: string, word: string): string[] {
  const section = guide.slice(guide.indexOf(`## ${title}`)).split(/\n## /, 2)[0]!;
  return [...section.matchAll(new RegExp(`\`\`\`${word}[^\\n]*\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, text]) => text!);
}

describe.skipIf(folder === undefined)('xlreg-client with TypeScript', () => {
  let installed = false;
  beforeAll(async () => {
    const aliases = TYPESCRIPTS.map((version) => `ts${version}@npm:typescript@~${version}.0`);
    installed = await installPackages(folder!, [...aliases, NODE_TYPES]);
  });

  describe.each(TYPESCRIPTS)('%s', (version) => {
    const compile = () => run(process.execPath, [inside('node_modules', `ts${version}`, 'bin/tsc'), '-p', folder!]);

    it.for(RESOLUTIONS)('compiles with `types: []` and %s resolution', async (resolution, { expect, skip }) => {
      if (!installed) return skip();
      const manifest = JSON.parse(readFileSync(inside('node_modules/xlreg-client/package.json'), 'utf8')) as Manifest;
      const { code, tsconfig } = consumerOf(manifest, resolution);
      setType('module');
      writeFileSync(inside('consumer.ts'), `${code}\n${readmeExample()}`);
      writeFileSync(inside('tsconfig.json'), JSON.stringify(tsconfig));
      expect(await compile().catch((error) => error)).toMatchObject({ stdout: '' });
    });

    it.skipIf(Number(version) < 5.8)('compiles a CommonJS program', async ({ skip }) => {
      if (!installed) return skip();
      const { tsconfig } = consumerOf({ name: 'xlreg-client', exports: {} }, 'nodenext');
      writeFileSync(
        inside('consumer.cts'),
        "import client = require('xlreg-client');\nclient.connect.length.toFixed();\n",
      );
      writeFileSync(inside('tsconfig.json'), JSON.stringify({ ...tsconfig, files: ['consumer.cts'] }));
      expect(await compile().catch((error) => error)).toMatchObject({ stdout: '' });
    });
  });
});

describe.skipIf(folder === undefined).each([...NODE_MAJORS])('xlreg-client on Node %s', (major) => {
  let node: string | undefined;
  beforeAll(async () => {
    const installed = await installNode(major, 300_000);
    removed.push(installed?.folder);
    node = installed?.program;
  });

  it('joins a cluster by the example in its README, from ES modules and from CommonJS', async ({ skip }) => {
    if (node === undefined) return skip();
    const example = readmeExample().replaceAll("'demo'", `'node${major}'`);
    const bob = example.replaceAll('alice', 'bob').replace('4001', '4002').replace('members/', `members/${major}-`);
    writeFileSync(inside('alice.mjs'), example.replace('members/', `members/${major}-`));
    writeFileSync(inside('bob.cjs'), inCommonJs(bob));
    const members = await Promise.all(
      ['alice.mjs', 'bob.cjs'].map((file) => run(node!, [file], { cwd: folder!, timeout: 60_000 })),
    );
    for (const { stdout } of members) {
      expect(stdout).toContain("alice [ '127.0.0.1:4001' ]");
      expect(stdout).toContain("bob [ '127.0.0.1:4002' ]");
    }
  });
});

describe.skipIf(folder === undefined)('xlreg-client with jest', () => {
  const test = (load: string): string => `${load}
    test('connects', async () => {
      const regCred = client.parseRegCred(fs.readFileSync('xlreg-data/regCred.dat', 'ascii'));
      const session = await client.connect(regCred);
      expect(session.dialect).toBe('sealed');
      await session.bye();
    });`;

  it('runs by both ways of the guide', async ({ skip }) => {
    if (!(await installPackages(folder!, ['jest@30', '@babel/plugin-transform-modules-commonjs']))) return skip();
    setType('commonjs');
    const [configs, commands] = [blocks('jest', 'json'), blocks('jest', 'sh')];
    expect([configs.length, commands.length]).toEqual([2, 2]);
    const ways = [
      { file: 'esm.test.mjs', load: "import fs from 'node:fs'; import * as client from 'xlreg-client';" },
      { file: 'commonjs.test.js', load: "const fs = require('node:fs'); const client = require('xlreg-client');" },
    ];
    for (const [way, { file, load }] of ways.entries()) {
      writeFileSync(inside(file), test(load));
      writeFileSync(inside('jest.config.json'), configs[way]!);
      const { stderr } = await run('sh', ['-c', commands[way]!.trim()], { cwd: folder!, timeout: 240_000 });
      expect(stderr).toContain(`PASS ./${file}`);
      expect(stderr).toMatch(/Tests: +1 passed, 1 total/);
      rmSync(inside(file));
    }
  });
});

/** Sets the module format of the folder's `.ts` and `.js` files, and keeps the dependencies. */
function setType(type: 'module' | 'commonjs'): void {
  const manifest = JSON.parse(readFileSync(inside('package.json'), 'utf8'));
  writeFileSync(inside('package.json'), JSON.stringify({ ...manifest, type }));
}

/** A program with static imports as one that requires the same. */
function inCommonJs(code: string): string {
  const [imports, statements] = [code.match(/^import .*$/gm)!, code.replaceAll(/^import .*$/gm, '')];
  const required = imports.map((line) => line.replace(/^import (.*) from ('.*');$/, 'const $1 = require($2);'));
  expect(required.filter((line) => line.startsWith('import'))).toEqual([]);
  return `${required.join('\n')}\n(async () => {${statements}})();\n`;
}
