// proto/xlreg.proto as protobufjs' parser reads it, to compare with src/wire's tables and generated code.

import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';

const PROTO = readFileSync(new URL('../../proto/xlreg.proto', import.meta.url), 'utf8');
const root = protobuf.parse(PROTO, { keepCase: true }).root;

/** XLRegMsg, its Token and its TokenSpec. */
export const messageType: protobuf.Type = root.lookupType('reg.XLRegMsg');
export const tokenType: protobuf.Type = root.lookupType('reg.XLRegMsg.Token');
export const tokenSpecType: protobuf.Type = root.lookupType('reg.XLRegMsg.TokenSpec');

/** The Ops' numbers by name. */
export const opNumbers: Readonly<Record<string, number>> = root.lookupEnum('reg.XLRegMsg.Tag').values;

/** Kinds of the types that the schema defines. */
const KINDS: Readonly<Record<string, string>> = { Tag: 'op', Token: 'token', TokenSpec: 'token-spec' };

/** The fields' kinds by number. */
export function kindsOf(type: protobuf.Type): Map<number, string> {
  const kinds = type.fieldsArray.map(({ id, type }): [number, string] => [id, KINDS[type] ?? type]);
  return new Map(kinds.sort(([a], [b]) => a - b));
}

/** The fields of the old dialects. Numbers from 32 on are unknown there (M5). */
export function oldKindsOf(type: protobuf.Type): Map<number, string> {
  return new Map([...kindsOf(type)].filter(([number]) => number < 32));
}
