// The npm packages of this checkout, built from dist/ as it is, and installed into empty folders.
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const project = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);
const INSTALL_TIMEOUT_MS = 240_000;

export type PackageName = 'xlreg' | 'xlreg-client';

/** Builds both tarballs into a new folder, and returns it. */
export async function makeTarballs(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'xlreg-tarballs-'));
  await run(process.execPath, ['scripts/packages/tarballs.mjs', folder, '--built'], { cwd: project });
  return folder;
}

/** The file of a package in the folder that makeTarballs returned. */
export function tarballPath(tarballs: string, name: PackageName): string {
  return join(tarballs, `${name}-${version()}.tgz`);
}

/** Parts of a package's manifest. */
export interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | { readonly types: string }>>;
}

/** A program that imports each entry point with types, and its strict settings without any automatic types. */
export function consumerOf({ name, exports }: Manifest, moduleResolution: string) {
  // Types that could not be loaded would be `any`, which takes a number.
  const misuse = '// @ts-expect-error\nm0.parseRegCred(7);';
  const entries = Object.keys(exports).filter((entry) => typeof exports[entry] === 'object');
  const imports = entries.map((entry, i) => `import * as m${i} from '${name}${entry.slice(1)}';`);
  const tsconfig = {
    compilerOptions: {
      ...{ target: 'es2022', lib: ['es2022', 'dom'] },
      ...{ module: moduleResolution === 'bundler' ? 'esnext' : moduleResolution, moduleResolution },
      ...{ types: [], strict: true, skipLibCheck: false, noEmit: true },
    },
    files: ['consumer.ts'],
  };
  const code = `${imports.join('\n')}\n${misuse}\nexport { ${entries.map((_, i) => `m${i}`).join(', ')} };\n`;
  return { code, tsconfig };
}

/**
 * Installs a tarball into a new folder with the npm of `node`, and returns the folder. Resolves to undefined and logs
 * the reason if a dependency is neither in npm's cache nor within reach.
 */
export async function installTarball(
  tarballs: string,
  name: PackageName,
  node = process.execPath,
): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'xlreg-installed-'));
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
  return (await installPackages(folder, [tarballPath(tarballs, name)], node)) ? folder : undefined;
}

/** Installs packages into a folder. Resolves to false and logs the reason if one cannot be had. */
export async function installPackages(
  folder: string,
  packages: readonly string[],
  node = process.execPath,
): Promise<boolean> {
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', ...packages];
  try {
    await run(node, [npmCli(), ...args], { cwd: folder, timeout: INSTALL_TIMEOUT_MS, env: withoutNpm(process.env) });
    return true;
  } catch (error) {
    const { stderr } = error as { stderr: string };
    if (!/ENOTCACHED|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT/.test(stderr)) throw error;
    console.log(`SKIPPED, npm cannot install ${packages.join(' ')}: ${stderr.trim().split('\n')[0]}`);
    return false;
  }
}

/** Counts the packages, native modules and bytes of an installation. */
export function measureInstalled(folder: string) {
  const modules = join(folder, 'node_modules');
  const entries = readdirSync(modules, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as { packages: object };
  const packages = Object.keys(lock.packages).filter((path) => path !== '').length;
  return { megabytes: bytes / 1e6, packages, native: files.filter((file) => file.endsWith('.node')).length };
}

/** Scripts of npm hand the settings of this checkout's .npmrc to their children. */
function withoutNpm(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/^npm_/i.test(name)));
}

function version(): string {
  return JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')).version;
}

/** npm's own program, which any version of Node can run. npm_execpath is set in scripts of npm. */
function npmCli(): string {
  const given = process.env.npm_execpath;
  return given?.endsWith('npm-cli.js') ? given : resolve(process.execPath, '../../lib/node_modules/npm/bin/npm-cli.js');
}
