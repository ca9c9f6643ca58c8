// All dialects (H2).
import type { Dialect } from './dialect.ts';
import { chained } from './dialect-chained.ts';
import { prefixed } from './dialect-prefixed.ts';
import type { DialectName } from './hello.ts';

/** The dialects by name. */
export const DIALECTS: Readonly<Record<DialectName, Dialect>> = { chained, prefixed };
