// docs/reference/output.schema.json: the JSON that each command prints, as JSON Schema.
import { z } from 'zod';
import { JSON_FORMS, PARTS } from '../../src/cli/json-forms.ts';

/** The page's place, relative to docs/reference. */
export const OUTPUT_SCHEMA = 'output.schema.json';

/** One schema with a definition for each form, by its name. */
export function outputSchema(): string {
  const forms = z.registry<{ id: string }>();
  for (const [id, form] of Object.entries({ ...PARTS, ...JSON_FORMS })) forms.add(form, { id });
  const { schemas } = z.toJSONSchema(forms, {
    io: 'output',
    uri: (id) => `#/$defs/${id}`,
    override({ jsonSchema }) {
      // A later version may add keys, which must not break a program that validates.
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
    },
  });
  const definitions = Object.entries(schemas).map(([id, { $schema: _, $id: __, ...schema }]) => [id, schema] as const);
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'What xlreg commands print with --json',
    description: 'One definition for each command; error is the last line of stderr after a failure.',
    $comment: 'Made by npm run reference.',
    $defs: Object.fromEntries(definitions),
  };
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}
