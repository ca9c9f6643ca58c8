// docs/reference/openapi.json in itself: references, servers, parameters, and an example for each JSON body.
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

interface Schema {
  readonly $ref?: string;
  readonly examples?: readonly unknown[];
}
interface Body {
  readonly schema: Schema;
  readonly example?: unknown;
}
interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema: Schema;
  readonly example?: unknown;
}
interface Operation {
  readonly summary: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Body>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Body>> }>>;
}

const text = await readFile(new URL('../../docs/reference/openapi.json', import.meta.url), 'utf8');
const { servers, paths, components } = JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/')) as {
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
};
const { schemas } = components;
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ route: `${method.toUpperCase()} ${path}`, path, operation })),
);

function problemOf(schema: Schema, value: unknown): string | undefined {
  return z.fromJSONSchema({ ...schema, $defs: schemas } as never).safeParse(value).error?.message;
}

/** The example of a body, or that of the schema that it names. */
function exampleOf({ schema, example }: Body): unknown {
  return example ?? schemas[schema.$ref?.replace('#/$defs/', '') ?? '']?.examples?.[0];
}

it('names the server, and only schemas that exist', () => {
  expect(servers.map(({ url }) => url)).toEqual(['http://127.0.0.1:56791']);
  const named = [...text.matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name!);
  expect(named.filter((name) => !(name in schemas))).toEqual([]);
});

it.each(Object.entries(schemas))('has a valid example of the schema %s', (_, schema) => {
  expect(schema.examples).toHaveLength(1);
  expect(problemOf(schema, schema.examples![0])).toBeUndefined();
});

describe.each(operations)('$route', ({ path, operation }) => {
  const { parameters = [], requestBody, responses } = operation;

  it('has a valid example of each JSON body', () => {
    const contents = [requestBody?.content, ...Object.values(responses).map(({ content }) => content)];
    for (const body of contents.flatMap((content) => content?.['application/json'] ?? [])) {
      const example = exampleOf(body);
      expect(example).toBeDefined();
      expect(problemOf(body.schema, example)).toBeUndefined();
    }
  });

  it('has a valid example of each parameter, and all parameters of its path', () => {
    for (const { name, schema, example } of parameters) expect(problemOf(schema, example), name).toBeUndefined();
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    expect(parameters.filter((one) => one.in === 'path').map(({ name }) => name)).toEqual(inPath);
  });

  it('refuses with a Refusal', () => {
    const refusals = Object.entries(responses).filter(([status]) => Number(status) >= 400 && Number(status) !== 503);
    for (const [status, { content }] of refusals) {
      expect(content, status).toEqual({ 'application/json': { schema: { $ref: '#/$defs/Refusal' } } });
    }
  });
});
