// proto/xlreg.proto as protobufjs' own parser reads it: what the tables and the generated code of src/wire are held
// against.

import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';

const PROTO = readFileSync(new URL('../../proto/xlreg.proto', import.meta.url), 'utf8');
const root = protobuf.parse(PROTO, { keepCase: true }).root;

/** XLRegMsg and its Token. */
export const messageType: protobuf.Type = root.lookupType('reg.XLRegMsg');
export const tokenType: protobuf.Type = root.lookupType('reg.XLRegMsg.Token');

/** Numbers by name of the messages. */
export const opNumbers: Readonly<Record<string, number>> = root.lookupEnum('reg.XLRegMsg.Tag').values;

/** Types by field number, with `Tag` and `Token` by what they are. */
export function kindsOf(type: protobuf.Type): Map<number, string> {
  const kinds = type.fieldsArray.map(({ id, type }): [number, string] => [
    id,
    type === 'Tag' ? 'op' : type === 'Token' ? 'token' : type,
  ]);
  return new Map(kinds.sort(([a], [b]) => a - b));
}
