// The settings as people read about them: for help, reference pages and the reload.
import { z } from 'zod';
import { GROUPS, settings, texts } from './settings.ts';

/** A setting as people read about it. */
interface DescribedSetting {
  readonly name: string;
  readonly value: string;
  readonly about: string;
  /** The default: a value of the setting, or words. */
  readonly fallback: string;
  readonly isLiteral: boolean;
  /** The value in the example of a configuration file. */
  readonly example: unknown;
  /** True if SIGHUP applies a change. */
  readonly reloads: boolean;
  /** The bounds of a number. */
  readonly range: { readonly least: number; readonly most: number } | undefined;
}

interface DescribedGroup {
  readonly title: string;
  readonly text: string | undefined;
  readonly settings: readonly DescribedSetting[];
}

/** All settings by group, in the order of the schema. */
export function describeSettings(): DescribedGroup[] {
  const described = Object.entries(settings.shape).map(([name, schema]) => describe(name, schema));
  return Object.entries(GROUPS).map(([key, { title, text }]) => ({
    ...{ title, text },
    settings: described.filter(({ group }) => group === key),
  }));
}

function describe(name: string, schema: z.ZodType): DescribedSetting & { readonly group: string } {
  const { group, value, about, otherwise, example, reloads } = texts.get(schema)!;
  const hasDefault = schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault;
  const literal = hasDefault ? schema.def.defaultValue : undefined;
  const fallback = otherwise ?? String(literal);
  const isLiteral = otherwise === undefined;
  return {
    ...{ name, group, value, about, fallback, isLiteral, range: rangeOf(schema) },
    reloads: reloads ?? GROUPS[group].reloads ?? false,
    example: example ?? literal,
  };
}

function rangeOf(schema: unknown): DescribedSetting['range'] {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) return rangeOf(schema.def.innerType);
  if (schema instanceof z.ZodPipe) return rangeOf(schema.def.out);
  if (!(schema instanceof z.ZodNumber)) return undefined;
  return { least: schema.minValue!, most: schema.maxValue! };
}
