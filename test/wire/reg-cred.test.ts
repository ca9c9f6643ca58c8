// Reads and writes regCred.dat (C1 to C5).

import { createPublicKey } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRegCred, printRegCred, type RegCred, RegCredError } from '../../src/wire/reg-cred.ts';
import { exportSpki, printSshRsa } from '../../src/wire/rsa-key.ts';
import { parseVersion, printVersion } from '../../src/wire/version.ts';
import { fastest } from './fastest.ts';
import { bytes, privateKey, publicKey, vectorFile, vectors } from './vectors.ts';

const written = vectorFile('regcred/as-written.dat').toString('latin1');

/** A file's values, with keys as SubjectPublicKeyInfo. */
function described({ name, id, commsKey, sigKey, endPoints, version }: RegCred) {
  const [ck, sk] = [commsKey, sigKey].map((key) => exportSpki(key).toString('hex'));
  const hex = Buffer.from(id).toString('hex');
  return { name, id: hex, commsKey: ck, sigKey: sk, endPoints, version: printVersion(version) };
}

describe.each(vectors.regCreds)('$file', ({ file, how, name, id, commsKey, sigKey, endPoints, version }) => {
  const text = vectorFile(file).toString('latin1');

  it(`reads a file ${how} (C4)`, () => {
    const [ck, sk] = [commsKey, sigKey].map((key) => vectors.keys[key].spki);
    expect(described(parseRegCred(text))).toEqual({ name, id, commsKey: ck, sigKey: sk, endPoints, version });
  });

  it("writes the file's values in the standard form (C2)", () => {
    const again = printRegCred(parseRegCred(text));
    expect(again.split('\r\n').length).toBe(10 + endPoints.length);
    if (endPoints.length === 1) expect(again).toBe(written);
    expect(printRegCred(parseRegCred(again))).toBe(again);
  });
});

it('writes the vector byte for byte (C1, C2)', () => {
  const [vector] = vectors.regCreds;
  const cred: RegCred = {
    name: vector!.name,
    id: bytes(vector!.id),
    commsKey: publicKey('registryCk'),
    sigKey: publicKey('registrySk'),
    endPoints: vector!.endPoints,
    version: parseVersion(vector!.version)!,
  };
  expect(printRegCred(cred)).toBe(written);
});

it('writes only the public half of a private key (C2)', () => {
  const cred = parseRegCred(written);
  const secret = printRegCred({ ...cred, commsKey: createPublicKey(privateKey('registryCk')) });
  expect(secret).toBe(written);
});

it('reads back any name, ID, version and end points that it wrote (C3)', () => {
  const cred = parseRegCred(written);
  const label = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/);
  const endPoint = fc.record({
    host: fc.constantFrom('a.example', '10.0.0.1', '[::1]'),
    port: fc.integer({ min: 1, max: 65_535 }),
  });
  const arbitrary = fc.record({
    name: label,
    id: fc.constantFrom(20, 32).chain((length) => fc.uint8Array({ minLength: length, maxLength: length })),
    endPoints: fc.array(
      endPoint.map(({ host, port }) => `${host}:${port}`),
      { maxLength: 5 },
    ),
    version: fc.nat({ max: 2 ** 32 - 1 }),
  });
  fc.assert(
    fc.property(arbitrary, (fields) => {
      const text = printRegCred({ ...cred, ...fields });
      expect(described(parseRegCred(text))).toEqual(described({ ...cred, ...fields }));
      expect(described(parseRegCred(text.replaceAll('\r\n', '\n')))).toEqual(described({ ...cred, ...fields }));
    }),
  );
});

describe('invalid files', () => {
  const lines = written.trimEnd().split('\r\n');
  const [, , idLine, ckLine, skLine] = lines;
  const key = printSshRsa(publicKey('registryCk'));
  const changed = (from: string | RegExp, to: string): string => {
    const text = written.replace(from, () => to);
    expect(text).not.toBe(written);
    return text;
  };

  it.each(lines.map((line, at) => [line.trim().slice(0, 20), at] as const))(
    'refuses a file without the line %s (C5)',
    (_, at) => {
      // An end point's line is the only one that a file may lack (C3).
      const without = [...lines.slice(0, at), ...lines.slice(at + 1), ''].join('\r\n');
      if (lines[at]!.includes('TcpEndPoint')) expect(parseRegCred(without).endPoints).toEqual([]);
      else expect(() => parseRegCred(without)).toThrow(RegCredError);
    },
  );

  it.each(lines.map((line, at) => [line.trim().slice(0, 20), at] as const))(
    'refuses a file with %s twice (C5)',
    (_, at) => {
      const twice = [...lines.slice(0, at), lines[at]!, ...lines.slice(at), ''].join('\r\n');
      if (lines[at]!.includes('TcpEndPoint')) expect(parseRegCred(twice).endPoints.length).toBe(2);
      else expect(() => parseRegCred(twice)).toThrow(RegCredError);
    },
  );

  it.each(lines.slice(1).map((_, at) => at))('refuses a file with lines %i and the next swapped (C1, C5)', (at) => {
    const exchanged = lines.with(at, lines[at + 1]!).with(at + 1, lines[at]!);
    expect(() => parseRegCred([...exchanged, ''].join('\r\n'))).toThrow(RegCredError);
  });

  it.each([
    ['nothing', ''],
    ['empty lines alone', '\r\n\r\n'],
    ['an unknown line', changed('    Version', '    Colour: red\r\n    Version')],
    ['an unknown line among the end points', changed('    }', '         UdpEndPoint: a:1\r\n    }')],
    ['a line behind the end', `${written}Name: xlReg\r\n`],
    ['a second file behind the end', written + written],
    ['something in front', `x\r\n${written}`],
    ['no name', changed('Name: xlReg', 'Name:')],
    ['a name that breaks T2', changed('Name: xlReg', 'Name: xl Reg')],
    ['a key of other case', changed('Name:', 'name:')],
    ['no space behind the colon', changed('Name: ', 'Name:')],
    ['an ID of 31 bytes', changed(idLine!, idLine!.slice(0, -2))],
    ['an ID of odd digits', changed(idLine!, idLine!.slice(0, -1))],
    ['an ID that is no hex', changed(idLine!, `${idLine!.slice(0, -1)}g`)],
    ['an ID with 0x', changed('ID: ', 'ID: 0x')],
    ['no comms key', changed(ckLine!, '    CommsPubKey: ')],
    ['a comms key of another kind', changed('CommsPubKey: ssh-rsa', 'CommsPubKey: ssh-dss')],
    ['a sig key cut short', changed(skLine!, skLine!.slice(0, -20))],
    ['a key on two lines', changed(key, `${key.slice(0, 80)}\r\n${key.slice(80)}`)],
    ['an end point without a port', changed('TcpEndPoint: 50.18.104.7:56789', 'TcpEndPoint: 50.18.104.7')],
    ['an end point that is none', changed('50.18.104.7:56789', '50.18.104.777:56789')],
    ['an end point without its key', changed('TcpEndPoint: ', '')],
    ['a version of one field', changed('Version: 0.4.3', 'Version: 4')],
    ['a version of five fields', changed('Version: 0.4.3', 'Version: 0.4.3.2.1')],
    ['no version', changed('Version: 0.4.3', 'Version:')],
    ['an opening brace of its own', changed('regCred {', 'regCred\r\n{')],
    ['CR for CRLF', written.replaceAll('\r\n', '\r')],
  ])('refuses a file with %s (C5)', (_, text) => {
    expect(() => parseRegCred(text)).toThrow(RegCredError);
  });

  it.each([
    ['a space too many in front of a value', changed('Name: xlReg', 'Name:  xlReg')],
    ['TcpEndPoint twice on a line', changed('TcpEndPoint: ', 'TcpEndPoint: TcpEndPoint: ')],
    ['a byte order mark', `\ufeff${written}`],
    ['a space that is not ASCII', changed('    Version', '\u00a0   Version')],
  ])('refuses a file with %s (C3, C5)', (_, text) => {
    expect(() => parseRegCred(text)).toThrow(RegCredError);
  });

  it('names the line in its error, without quoting it (C5)', () => {
    const secret = written.replace('Name: xlReg', 'Name: s e c r e t');
    expect(() => parseRegCred(secret)).toThrow(/^line 2 /);
    expect(() => parseRegCred(secret)).not.toThrow(/s e c r e t/);
  });

  it('throws RegCredError and nothing else, whatever the file has (C5)', () => {
    const line = fc.constantFrom(...lines, '', ' ', '}', '{', 'TcpEndPoint', 'TcpEndPoint: ', '__proto__: x');
    fc.assert(
      fc.property(fc.array(fc.oneof(line, fc.string()), { maxLength: 12 }), (file) => {
        try {
          parseRegCred(file.join('\n'));
        } catch (error) {
          expect(error).toBeInstanceOf(RegCredError);
        }
      }),
    );
  });
});

describe('a hostile file', () => {
  const MAX = 65_536;
  /** The file with a name line of this many characters. */
  const withLine = (chars: number, line: (blanks: string) => string) =>
    written.replace(/ {4}Name: .*/, () => line(' '.repeat(chars)));
  const rejects = (text: string) => () => expect(() => parseRegCred(text)).toThrow(RegCredError);

  it.each([
    ['blanks within a line', (blanks: string) => `Name:${blanks}x`],
    ['blanks at both ends', (blanks: string) => `${blanks}x${blanks}`],
    ['blanks in a key', (blanks: string) => `Name: xlReg\r\nID: 00\r\nCommsPubKey: ssh-rsa${blanks}AA${blanks}x`],
    ['colons', (blanks: string) => blanks.replaceAll(' ', ': ').slice(0, blanks.length)],
    ['ends of lines', (blanks: string) => blanks.replaceAll(' ', '\r')],
  ])('reads %s in time proportional to its length (C5)', (_, line) => {
    const [small, large] = [withLine(3_000, line), withLine(24_000, line)].map((text) => fastest(3, rejects(text)));
    // For 8 times the length, linear costs 8 times as much and quadratic 64 times.
    expect(large! / small!).toBeLessThan(30);
  });

  it('refuses more than 65,536 bytes (C5)', () => {
    const padded = (length: number) => written + ' '.repeat(length - written.length);
    expect(parseRegCred(padded(MAX)).name).toBe('xlReg');
    expect(() => parseRegCred(padded(MAX + 1))).toThrow('credentials have at most 65536 bytes');
  });
});
