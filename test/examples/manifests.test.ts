// The examples that nothing runs: compose file, Kubernetes manifests and CI job. They parse, have only keys that their
// schemas know, and their xlreg commands have only flags that exist.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { helpFor } from '../../src/cli/help.ts';
import { outlineOf } from '../../src/cli/help-outline.ts';
import { readConfig } from '../../src/config.ts';
import { loadNpmSchemas, npmSchemasFolder } from '../support/npm-schemas.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const textOf = (name: string) => readFileSync(join(root, 'examples', name), 'utf8');
const TSC = join(root, 'node_modules/typescript/bin/tsc');
const TIMEOUT_MS = 120_000;

const folder = npmSchemasFolder();

/** A manifest of Kubernetes, as far as these tests look into it. */
interface Manifest {
  readonly kind: string;
  readonly spec: {
    readonly serviceName?: string;
    readonly template?: { readonly spec: { readonly containers: readonly Container[] } };
  };
  readonly metadata: { readonly name: string };
}

interface Container {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
}

/** Fails unless the command exists, and each of its flags; for serve, unless the settings are good. */
async function assertCommand([command, ...args]: readonly string[], env: Readonly<Record<string, string>> = {}) {
  if (command === 'serve') return void readConfig(args, env);
  const known = outlineOf((await helpFor(command))!).flags.map(({ name }) => `--${name}`);
  const given = args.filter((arg) => arg.startsWith('--'));
  expect(given.length).toBeGreaterThan(0);
  expect(given.filter((flag) => !known.includes(flag))).toEqual([]);
}

describe.skipIf(folder === undefined)('the example', () => {
  it(
    'compose.yaml is a compose file whose members start before the registry',
    async () => {
      const { parseAllDocuments, Ajv, composeSchema } = await loadNpmSchemas(folder!);
      const [document] = parseAllDocuments(textOf('compose/compose.yaml'), { merge: true });
      expect(document!.errors).toEqual([]);
      const file = document!.toJS() as {
        services: Record<string, { command?: string[]; environment?: Record<string, string>; depends_on?: string[] }>;
      };
      const validate = new Ajv({ strict: false, validateFormats: false }).compile(withoutIds(composeSchema));
      expect(validate(file), JSON.stringify(validate.errors)).toBe(true);
      expect(validate({ services: { alice: { imagee: 'x' } } })).toBe(false);
      const { registry, ...members } = file.services;
      expect(registry!.depends_on).toEqual(Object.keys(members));
      expect(() => readConfig([], registry!.environment!)).not.toThrow();
      for (const { command } of Object.values(members)) await assertCommand(command!);
    },
    TIMEOUT_MS,
  );

  it(
    'cluster.yaml has manifests that Kubernetes takes',
    async () => {
      const { parseAllDocuments, apps, core } = await loadNpmSchemas(folder!);
      const documents = parseAllDocuments(textOf('kubernetes/cluster.yaml'));
      expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
      const manifests = documents.map((document) => document.toJS() as Manifest);
      expect(manifests.map(({ kind }) => kind)).toEqual(['Service', 'StatefulSet', 'Service', 'StatefulSet']);
      for (const manifest of manifests) {
        const Model = { ...core, ...apps }[manifest.kind]!;
        expect(() => new Model(manifest).validate()).not.toThrow();
      }
      expect(() => new apps.StatefulSet!({ ...manifests[1], spec: { serviceName: 'x' } }).validate()).toThrow();
      for (const { spec } of manifests.filter(({ kind }) => kind === 'StatefulSet')) {
        expect(manifests.some(({ kind, metadata }) => kind === 'Service' && metadata.name === spec.serviceName)).toBe(
          true,
        );
        const [{ args, env }] = spec.template!.spec.containers as [Container];
        const settings = env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value] as const]));
        await assertCommand(args, Object.fromEntries(settings));
      }
      expect(complaintsOf(manifests)).toBe('');
      const odd = { ...manifests[0]!, odd: 1 };
      expect(complaintsOf([odd])).toMatch(/odd.* does not exist in type 'IService'/);
    },
    TIMEOUT_MS,
  );

  it(
    'github-workflow.yaml is a workflow of GitHub Actions',
    async () => {
      const { parseWorkflow, NoOperationTraceWriter, parseAllDocuments } = await loadNpmSchemas(folder!);
      const errorsIn = (content: string) =>
        parseWorkflow({ name: 'workflow.yaml', content }, new NoOperationTraceWriter()).context.errors.getErrors();
      const text = textOf('ci/github-workflow.yaml');
      expect(errorsIn(text)).toEqual([]);
      expect(errorsIn(text.replace('services:', 'servces:'))).toHaveLength(1);
      const { jobs } = parseAllDocuments(text)[0]!.toJS() as {
        jobs: { test: { services: { registry: { env: Record<string, string> } }; steps: { run?: string }[] } };
      };
      expect(() => readConfig([], jobs.test.services.registry.env)).not.toThrow();
      const runs = jobs.test.steps.flatMap(({ run = '' }) => /\bxlreg (.*)/.exec(run)?.[1] ?? []);
      expect(runs).toHaveLength(1);
      await assertCommand(runs[0]!.split(' '));
    },
    TIMEOUT_MS,
  );
});

/** The schema without the keyword `id` of an older draft, whose values are text; a property of that name is an object. */
function withoutIds(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutIds);
  if (typeof schema !== 'object' || schema === null) return schema;
  const kept = Object.entries(schema).filter(
    ([key, value]) => !((key === 'id' || key === '$schema') && typeof value === 'string'),
  );
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutIds(value)]));
}

/** The compiler's complaints about manifests as literals of their types: it refuses keys that they do not have. */
function complaintsOf(manifests: readonly Manifest[]): string {
  const literals = manifests.map(
    (manifest, place) => `export const manifest${place}: I${manifest.kind} = ${JSON.stringify(manifest)};`,
  );
  const imports =
    "import type { IStatefulSet } from 'kubernetes-models/apps/v1';\nimport type { IService } from 'kubernetes-models/v1';";
  const name = `manifests-${process.pid}-${Math.random().toString(36).slice(2)}.ts`;
  const path = join(folder!, name);
  writeFileSync(path, `${imports}\n${literals.join('\n')}\n`);
  onTestFinished(() => rmSync(path, { force: true }));
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--types', '', '--ignoreConfig'];
  try {
    execFileSync(process.execPath, [TSC, ...options, path], { cwd: folder!, encoding: 'utf8', stdio: 'pipe' });
    return '';
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}
