// Tokens: names, IDs, end points and signatures (T1 to T8), with signatures made by openssl.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkToken, isEndPoint, isNodeId, signToken, verifySignature } from '../../src/wire/member-token.ts';
import type { Token } from '../../src/wire/message.ts';
import { isName } from '../../src/wire/name.ts';
import { parseSpki } from '../../src/wire/rsa-key.ts';
import { uint64 } from './arbitrary-messages.ts';
import { fastest } from './fastest.ts';
import { bytes, messageOf, privateKey, tokenFieldsOf, vectors } from './vectors.ts';

const NO_ID = messageOf(vectors.tokens.find(({ name }) => name === 'no ID')!.fields);
const memberSk = privateKey('memberSk');
const memberKey = parseSpki(bytes(vectors.keys.memberSk.spki))!;

/** The token with these fields, signed anew. */
function signed(fields: Token): Token {
  return signToken({ ...NO_ID, ...fields }, memberSk);
}

describe('signatures', () => {
  it.each(vectors.tokens)('accepts the signature of $name (T6, T7)', ({ fields }) => {
    expect(checkToken(messageOf(fields))).toBeUndefined();
  });

  it.each(vectors.badSignatures)('refuses a DigSig $reason (T8)', ({ digSig }) => {
    expect(checkToken({ ...NO_ID, DigSig: bytes(digSig) })).toBe('signature-invalid');
  });

  it('refuses an absent DigSig (T8)', () => {
    const { DigSig: _, ...unsigned } = NO_ID;
    expect(checkToken(unsigned)).toBe('signature-invalid');
    expect(checkToken({ ...unsigned, DigSig: null })).toBe('signature-invalid');
  });

  it.each(vectors.tokens.filter(({ name }) => !name.startsWith('the ')))(
    'signs $name as openssl does (T6)',
    ({ name, fields, signed: over }) => {
      const vector = messageOf(fields);
      const again = signToken(vector, memberSk);
      expect(verifySignature(memberKey, [bytes(over)], vector.DigSig!)).toBe(true);
      // We sign without the ID (T7).
      expect(tokenFieldsOf(again).DigSig === fields.DigSig).toBe(!name.endsWith('signed with it'));
      expect(checkToken(again)).toBeUndefined();
    },
  );

  it('signs a token with an ID without covering the ID (T7)', () => {
    const ID = bytes(vectors.clientById.clientId);
    const [name, attrs] = [Buffer.from('node-1'), bytes('0200000000000000')];
    const [comms, sig] = [Buffer.from(NO_ID.CommsKey!), Buffer.from(NO_ID.SigKey!)];
    const ends = Buffer.from(NO_ID.MyEnds!.join(''));
    const readings = (parts: Buffer[]) => verifySignature(memberKey, [Buffer.concat(parts)], signed({ ID }).DigSig!);
    expect(readings([name, attrs, comms, sig, ends])).toBe(true);
    expect(readings([name, attrs, ID, comms, sig, ends])).toBe(false);
    expect(readings([ID, name, attrs, comms, sig, ends])).toBe(false);
  });

  it('refuses another ID under a signature that covers the ID (T7)', () => {
    const token = messageOf(vectors.tokens.find(({ name }) => name === 'ID of 32 bytes, signed with it')!.fields);
    expect(checkToken({ ...token, ID: Buffer.alloc(32, 7) })).toBe('signature-invalid');
    const { ID: _, ...without } = token;
    expect(checkToken(without)).toBe('signature-invalid');
  });

  it('signs all 64 bits of Attrs, as 8 bytes (T6)', () => {
    fc.assert(
      fc.property(uint64, uint64, (attrs, other) => {
        const [Attrs, Other] = [attrs, other].map((value) => messageOf({ Attrs: value.toString() }).Attrs!);
        const token = signed({ Attrs: Attrs! });
        expect(checkToken(token)).toBeUndefined();
        expect(checkToken({ ...token, Attrs: Other! })).toBe(attrs === other ? undefined : 'signature-invalid');
      }),
      { numRuns: 30 },
    );
  });

  it('signs absent Attrs as zero (T6)', () => {
    const { Attrs: _, ...without } = NO_ID;
    const token = signToken(without, memberSk);
    expect(checkToken({ ...token, ...messageOf({ Attrs: '0' }) })).toBeUndefined();
  });

  it('signs every other field (T6)', () => {
    const token = signed({});
    const other = bytes(vectors.keys.registryCk.spki);
    expect(checkToken({ ...token, Name: 'node-2' })).toBe('signature-invalid');
    expect(checkToken({ ...token, CommsKey: other })).toBe('signature-invalid');
    expect(checkToken({ ...token, SigKey: other })).toBe('signature-invalid');
    expect(checkToken({ ...token, MyEnds: NO_ID.MyEnds!.slice(1) })).toBe('signature-invalid');
    expect(checkToken({ ...token, MyEnds: [] })).toBe('signature-invalid');
  });

  it('accepts end points split otherwise only if each is valid (T8)', () => {
    const token = signed({ MyEnds: ['a:11', 'b:22'] });
    expect(checkToken({ ...token, MyEnds: ['a:1', '1b:22'] })).toBeUndefined();
    expect(checkToken({ ...token, MyEnds: ['a:11b', ':22'] })).toBe('end-point-invalid');
    expect(checkToken({ ...token, MyEnds: ['a:11b:22'] })).toBe('end-point-invalid');
  });

  it('spends no RSA on a signature of another length than the modulus (T8)', () => {
    const [right, short] = [NO_ID.DigSig!, NO_ID.DigSig!.subarray(1)];
    const verifying = fastest(20, () => verifySignature(memberKey, [Buffer.alloc(600)], right));
    expect(fastest(20, () => verifySignature(memberKey, [Buffer.alloc(600)], short))).toBeLessThan(verifying / 4);
  });

  it('accepts a signature over ClientID and salt2, and refuses one over salt1 or the ID alone (T10)', () => {
    const { signed, digSig, digSigOverSalt1, digSigOverIdAlone } = vectors.clientById;
    const verifies = (digSig: string) => verifySignature(memberKey, [bytes(signed)], bytes(digSig));
    expect([digSig, digSigOverSalt1, digSigOverIdAlone].map(verifies)).toEqual([true, false, false]);
  });
});

describe('the order of faults', () => {
  const WRONG = {
    Name: '-',
    ID: Buffer.alloc(31),
    CommsKey: Buffer.alloc(3),
    MyEnds: [':'],
    DigSig: Buffer.alloc(3),
  } as const satisfies Token;
  const ORDER = [
    ['Name', 'name-invalid'],
    ['ID', 'node-id-length'],
    ['CommsKey', 'rsa-key-invalid'],
    ['MyEnds', 'end-point-invalid'],
    ['DigSig', 'signature-invalid'],
  ] as const;

  it.each(ORDER)('reports %s before all faults that follow it (T1)', (field, fault) => {
    const from = ORDER.findIndex(([name]) => name === field);
    const wrong = Object.fromEntries(ORDER.slice(from).map(([name]) => [name, WRONG[name]]));
    expect(checkToken({ ...NO_ID, ...wrong })).toBe(fault);
  });

  it("reports an empty token's missing name (T1)", () => {
    expect(checkToken({})).toBe('name-invalid');
  });
});

describe('IDs', () => {
  it('accepts IDs of 20 and 32 bytes, and of no other length (T3)', () => {
    const lengths = Array.from({ length: 70 }, (_, length) => length);
    expect(lengths.filter((length) => isNodeId(Buffer.alloc(length)))).toEqual([20, 32]);
    for (const length of [0, 19, 21, 31, 33, 64]) {
      expect(checkToken(signed({ ID: Buffer.alloc(length, 1) }))).toBe('node-id-length');
    }
  });
});

describe('keys', () => {
  it.each(vectors.publicKeys.hostile)('refuses as CommsKey and as SigKey: $reason (T4)', ({ spki }) => {
    expect(checkToken({ ...NO_ID, CommsKey: bytes(spki) })).toBe('rsa-key-invalid');
    expect(checkToken({ ...NO_ID, SigKey: bytes(spki) })).toBe('rsa-key-invalid');
  });

  it('refuses an absent key (T4)', () => {
    expect(checkToken({ ...NO_ID, CommsKey: null })).toBe('rsa-key-invalid');
    expect(checkToken({ ...NO_ID, SigKey: null })).toBe('rsa-key-invalid');
  });

  it.each(vectors.publicKeys.odd)('accepts a key within bounds that verifies nothing: $reason (T4)', ({ spki }) => {
    expect(checkToken({ ...NO_ID, SigKey: bytes(spki) })).toBe('signature-invalid');
  });
});

describe('names', () => {
  const NAMES = ['a', 'A', '0', '_', 'node-1', 'a.b', 'a..b', 'a-', 'a.', 'x'.repeat(128)];
  const OBJECT_NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
  it.each([...NAMES, ...OBJECT_NAMES])('accepts the name %s (T2)', (name) => {
    expect(isName(name)).toBe(true);
    expect(checkToken(signed({ Name: name }))).toBeUndefined();
  });

  it.each([
    '',
    '.',
    '.a',
    '-',
    '-a',
    'a b',
    ' a',
    'a ',
    'a\n',
    '\na',
    'a\0',
    'a/b',
    'é',
    'ａ',
    'a\u200b',
    'x'.repeat(129),
  ])('refuses the name %j (T2)', (name) => {
    expect(isName(name)).toBe(false);
    expect(checkToken({ ...NO_ID, Name: name })).toBe('name-invalid');
  });

  it('refuses an absent name (T2)', () => {
    expect(isName(undefined)).toBe(false);
    expect(isName(null)).toBe(false);
  });

  it('accepts names of the allowed characters and lengths alone (T2)', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        const [first, ...rest] = [...name];
        const allowed = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_';
        const right = name.length >= 1 && name.length <= 128 && allowed.includes(first!);
        expect(isName(name)).toBe(right && rest.every((char) => `${allowed}.-`.includes(char)));
      }),
    );
  });
});

describe('end points', () => {
  const label = 'a'.repeat(63);
  const GOOD = [
    'a:1',
    'node1.example:65535',
    'localhost:4001',
    'a-b_c.d:80',
    'node1.example.:80',
    'xn--bcher-kva.example:80',
    '10.0.0.1:4001',
    '0.0.0.0:1',
    '255.255.255.255:65535',
    '[::]:4001',
    '[::1]:1',
    '[2001:db8::7]:56790',
    '[::ffff:1.2.3.4]:80',
    '[2001:DB8:0:0:0:0:0:7]:80',
    'TcpEndPoint: 10.0.0.1:1',
    'TcpEndPoint: [::1]:1',
    '1a:80',
    `${label}.${label}.${label}.${'a'.repeat(57)}:65535`,
  ];
  it.each(GOOD)('accepts %s (T5)', (endPoint) => {
    expect(isEndPoint(endPoint)).toBe(true);
  });

  it.each([
    '',
    ':',
    ':1',
    'a',
    'a:',
    'a:0',
    'a:65536',
    'a:100000',
    'a:-1',
    'a:+1',
    'a:1.5',
    'a:1e3',
    'a:0x50',
    'a: 1',
    'a:1 ',
    ' a:1',
    'a :1',
    'a:1\n',
    'a:1\0',
    'a b:1',
    'a:b:1',
    '-a:1',
    '.a:1',
    'a..b:1',
    '.:1',
    'é:1',
    'a:１',
    `${'a'.repeat(64)}:1`,
    '10.0.0:1',
    '10.0.0.256:1',
    '10.0.0.1.5:1',
    '10.00.0.1:1',
    '::1:80',
    '2001:db8::7:80',
    '[]:1',
    '[::1:1',
    '::1]:1',
    '[::1]',
    '[::1]1',
    '[10.0.0.1]:1',
    '[a]:1',
    '[fe80::1%eth0]:1',
    '[fe80::1%1]:1',
    '[::1]x:1',
    'http://a:1',
    'a:1/x',
    'user@a:1',
    'TcpEndPoint:10.0.0.1:1',
    'tcpendpoint: 10.0.0.1:1',
    'TcpEndPoint:  10.0.0.1:1',
    'TcpEndPoint: TcpEndPoint: 10.0.0.1:1',
    'TcpEndPoint: ',
  ])('refuses %j (T5)', (endPoint) => {
    expect(isEndPoint(endPoint)).toBe(false);
    expect(checkToken({ ...NO_ID, MyEnds: [endPoint] })).toBe('end-point-invalid');
    expect(checkToken({ ...NO_ID, MyEnds: ['a:1', endPoint] })).toBe('end-point-invalid');
  });

  it('accepts at most 255 characters, the prefix included (T5)', () => {
    const host = `${label}.${label}.${label}.`;
    const bare = `${host}${'a'.repeat(255 - host.length - 2)}:1`;
    expect(bare.length).toBe(255);
    expect(isEndPoint(bare)).toBe(true);
    expect(isEndPoint(`${host}a${bare.slice(host.length)}`)).toBe(false);
    const prefixed = `TcpEndPoint: ${bare}`;
    expect(isEndPoint(prefixed)).toBe(false);
    expect(isEndPoint(`TcpEndPoint: ${host}${'a'.repeat(255 - host.length - 2 - 13)}:1`)).toBe(true);
  });

  it('accepts 0 to 4 in a token (T5)', () => {
    expect(checkToken(signed({ MyEnds: [] }))).toBeUndefined();
    expect(checkToken(signed({ MyEnds: GOOD.slice(0, 4) }))).toBeUndefined();
    expect(checkToken(signed({ MyEnds: GOOD.slice(0, 5) }))).toBe('end-point-invalid');
  });

  it('refuses everything else, in little time (T5)', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        fc.pre(!/:\d{1,5}$/.test(text));
        expect(isEndPoint(text)).toBe(false);
      }),
    );
  });
});
