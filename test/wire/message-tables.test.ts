// Compares the tables of fields in docs/reference/protocol.md with proto/xlreg.proto, so that a client can be written from
// the page alone.

import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { tableBehind } from '../session/protocol-tables.ts';

const root = protobuf.loadSync('proto/xlreg.proto');
const message = root.lookupType('reg.XLRegMsg');
const types: Readonly<Record<string, protobuf.Type>> = {
  XLRegMsg: message,
  Token: message.lookupType('Token'),
  TokenSpec: message.lookupType('TokenSpec'),
};

/** `name number type` of each field in a table whose columns are groups of three, by the heading above it. */
function documented(start: string): Map<string, string[]> {
  const [head, ...rows] = tableBehind(start);
  const found = new Map<string, string[]>();
  for (let at = 0; at < head!.length; at += 4) {
    let owner = head![at]!;
    for (const row of rows) {
      const [name, number, type] = row.slice(at, at + 3);
      if (name!.startsWith('**')) owner = name!.replaceAll('*', '');
      else if (name !== '') found.set(owner, [...(found.get(owner) ?? []), `${name} ${number} ${type}`]);
    }
  }
  return found;
}

function declared(owner: string, isIn: (id: number) => boolean): string[] {
  return types[owner]!.fieldsArray.filter(({ id }) => isIn(id)).map(
    ({ name, id, type, repeated }) => `${name} ${id} ${repeated ? 'repeated ' : ''}${type === 'Tag' ? 'enum' : type}`,
  );
}

describe('the tables of fields', () => {
  const old = documented('- **M1**');
  const sealed = documented('  Fields from 32 on belong');

  it.each(['XLRegMsg', 'Token'])('give each field of %s that all dialects have (M1)', (owner) => {
    expect(old.get(owner)!.sort()).toEqual(declared(owner, (id) => id < 32).sort());
  });

  it.each(['XLRegMsg', 'Token'])('give each field of %s that sealed alone has (M1)', (owner) => {
    expect(sealed.get(owner)!.sort()).toEqual(declared(owner, (id) => id >= 32).sort());
  });

  it('give each field of TokenSpec (A1)', () => {
    expect(sealed.get('TokenSpec')!.sort()).toEqual(declared('TokenSpec', () => true).sort());
  });
});
