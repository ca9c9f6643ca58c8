// proto/xlreg.proto as protobufjs' parser reads it, to compare with src/wire's tables and generated code.

import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';

const PROTO = readFileSync(new URL('../../proto/xlreg.proto', import.meta.url), 'utf8');
const root = protobuf.parse(PROTO, { keepCase: true }).root;

/** XLRegMsg and its Token. */
export const messageType: protobuf.Type = root.lookupType('reg.XLRegMsg');
export const tokenType: protobuf.Type = root.lookupType('reg.XLRegMsg.Token');

/** The Ops' numbers by name. */
export const opNumbers: Readonly<Record<string, number>> = root.lookupEnum('reg.XLRegMsg.Tag').values;

/** The fields' types by number; message types as `Tag` and `Token`. */
export function kindsOf(type: protobuf.Type): Map<number, string> {
  const kinds = type.fieldsArray.map(({ id, type }): [number, string] => [
    id,
    type === 'Tag' ? 'op' : type === 'Token' ? 'token' : type,
  ]);
  return new Map(kinds.sort(([a], [b]) => a - b));
}

/** The fields of the old dialects. Numbers from 32 on are unknown there (M5). */
export function oldKindsOf(type: protobuf.Type): Map<number, string> {
  return new Map([...kindsOf(type)].filter(([number]) => number < 32));
}
