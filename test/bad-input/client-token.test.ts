// Bad Client messages, rows B73, B79, B80 and B85 to B89: what is wrong is the name, the end points, or the signature.
// (Keys: client-keys.test.ts, IDs: client-id.test.ts.)

import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { makeMemberKeys, signedToken, type TokenOptions } from '../field/member-keys.ts';
import { OP } from '../field/protobuf.ts';
import { onWires, type Row, type Sends, testRows, useTarget } from './bad-input-harness.ts';
import { served, told } from './endings.ts';

const target = useTarget();

const keys = makeMemberKeys();
const others = makeMemberKeys({ sig: 1 });

/** A Client message with a token that is good but for what is told. */
const client = (token: Partial<TokenOptions>): Sends => ({
  op: OP.Client,
  clientSpecs: signedToken({ name: 'peer', myEnds: ['127.0.0.1:4001'], keys, ...token }),
});

const BAD_NAMES = [
  ...['a\nb', 'a\r', 'a\tb', 'a\x1b[31m', 'a\x7f', 'a\u202eb', 'a\u2066b', 'a/b', 'a\\b', '../x', '..', '.', '.a'],
  ...['-', '-a', ' a', 'a ', 'a b', 'a:b', 'a,b', 'a=b', 'a\u00e9', '\ud83d\ude00', '\ufeffa', 'a%00', '$(x)', '<b>'],
  ...[129, 256, 15_000].map((length) => 'a'.repeat(length)),
];

const BAD_ENDS = [
  ...['127.0.0.1:0', '127.0.0.1:65536', '127.0.0.1:99999999999', '127.0.0.1:-1', '127.0.0.1:+1', '127.0.0.1:1e3'],
  ...['x\ny', 'x\ny:1', '127.0.0.1:1\n', '127.0.0.1', '127.0.0.1:', ':4001', 'node1.example', '', ' ', 'a b:1'],
  ...['[fe80::1%eth0]:4001', '[fe80::1%251]:4001', '::1:4001', 'fe80::1', '[::1]', '[::1]:0', '[::1:4001', '[]:1'],
  ...[
    '[127.0.0.1]:1',
    '[::g]:1',
    '256.0.0.1:1',
    '1.2.3:1',
    '1.2.3.4.5:1',
    '01.2.3.4:1',
    ' 127.0.0.1:1',
    '127.0.0.1:1 ',
  ],
  ...['UdpEndPoint: 127.0.0.1:1', 'TcpEndPoint: ', 'TcpEndPoint: TcpEndPoint: 127.0.0.1:1', 'TcpEndPoint:127.0.0.1:1'],
  ...['a..b:1', '-a.example:1', '.a:1', 'h\u00f6st:1', 'a/b:1', 'a@b:1', `${'a'.repeat(64)}:1`],
  `${'a234567890.'.repeat(23)}a:1`,
];

/** The longest end point there may be. */
const LONGEST_END = `TcpEndPoint: ${'a234567890.'.repeat(21)}abcdef:4001`;

const rows: readonly Row[] = [
  {
    row: 'no ClientSpecs and no ClientID (B73)',
    sends: [{ op: OP.Client }, { op: OP.Client, digSig: Buffer.alloc(256) }, { op: OP.Client, clientName: 'peer' }],
    ends: told('nil XLRegMsg_Token argument'),
  },
  {
    row: 'DigSig missing, empty, of a wrong length, all FF, all 0 (B79)',
    sends: [
      client({ digSig: null }),
      ...[0, 1, 128, 255, 257, 512].map((length) => client({ digSig: randomBytes(length) })),
      client({ digSig: Buffer.alloc(256, 0xff) }),
      client({ digSig: Buffer.alloc(256) }),
      client({ digSig: Buffer.concat([Buffer.alloc(255), Buffer.from([1])]) }),
    ],
    ends: told('bad digital signature'),
  },
  {
    row: 'DigSig by another key, with another digest, over other fields (B79)',
    sends: [
      client({ signingKey: others.sigPrivate }),
      client({ signingKey: keys.commsPrivate }),
      client({ digest: 'RSA-SHA256' }),
      client({ digest: 'RSA-MD5' }),
      ...[{ attrs: 1 }, { name: 'other' }, { commsKey: others.sigKey }, { sigKey: others.sigKey }].map((signed) =>
        client({ signed }),
      ),
      ...[{ myEnds: [] }, { myEnds: ['127.0.0.1:4002'] }].map((signed) => client({ signed })),
      client({ myEnds: ['127.0.0.1:1', 'b:2'], signed: { myEnds: ['b:2', '127.0.0.1:1'] } }),
      client({ id: randomBytes(32), signWithId: true, signed: { id: randomBytes(32) } }),
    ],
    ends: told('bad digital signature'),
  },
  {
    row: 'end points cut elsewhere than they were signed, all valid (B80)',
    sends: [client({ myEnds: ['127.0.0.1:40011', '0.0.0.1:1'], signed: { myEnds: ['127.0.0.1:4001', '10.0.0.1:1'] } })],
    ends: served(OP.ClientOK),
  },
  {
    row: 'end points cut elsewhere than they were signed, one not valid (B80)',
    sends: [client({ myEnds: ['127.0.0.1:400110', '.0.0.1:1'], signed: { myEnds: ['127.0.0.1:4001', '10.0.0.1:1'] } })],
    ends: told('invalid endpoint'),
  },
  {
    row: 'name empty or absent (B85)',
    sends: [client({ name: '' }), client({ name: undefined })],
    ends: told('invalid name'),
  },
  {
    row: 'name with newline, ESC, bidi, slash, .., of 129 to 15,000 bytes (B86)',
    sends: BAD_NAMES.map((name) => client({ name })),
    ends: told('invalid name'),
  },
  {
    row: 'names of 1 and 128 characters, with all that is allowed (B86)',
    sends: ['a', '_', '0', 'a'.repeat(128), 'Aa09_.-'].map((name) => client({ name })),
    ends: served(OP.ClientOK),
  },
  { row: 'MyEnds empty (B87)', sends: [client({ myEnds: [] })], ends: served(OP.ClientOK) },
  {
    row: 'MyEnds with a bad host, a bad port, neither, of more than 255 characters (B88)',
    sends: BAD_ENDS.flatMap((end) => [client({ myEnds: [end] }), client({ myEnds: ['127.0.0.1:1', end] })]),
    ends: told('invalid endpoint'),
  },
  {
    row: '5 entries in MyEnds (B88)',
    sends: [5, 64].map((count) => client({ myEnds: Array(count).fill('127.0.0.1:1') })),
    ends: told('invalid endpoint'),
  },
];
testRows(target, rows);

onWires(
  target,
  'MyEnds empty, refused at Join (B87)',
  async (wire) => {
    const { client: session } = await target.registry.register(wire, { name: 'peer', myEnds: [] });
    await session.create(target.unique('ends'), 2);
    const reply = await session.request({ op: OP.Join });
    expect(reply).toEqual({ op: OP.Error, errDesc: 'member must have at least 1 endPoints', tokens: [] });
  },
  { 'refusal one-end-point-needed': 1 },
);

onWires(target, 'unusual end points that are right, given out as they were sent (B89)', async (wire) => {
  expect(LONGEST_END).toHaveLength(255);
  const ends = [
    ...[
      '[::]:4001',
      '127.0.0.1:4001',
      'node1.example:1',
      'TcpEndPoint: 10.0.0.1:1',
      'TcpEndPoint: [2001:db8::1]:65535',
    ],
    ...['localhost:65535', 'a:1', 'node_1.example.:80', '[::ffff:10.0.0.1]:1', LONGEST_END],
  ];
  for (let at = 0; at < ends.length; at += 4) {
    const myEnds = ends.slice(at, at + 4);
    const { client: session } = await target.registry.register(wire, { name: 'peer', myEnds });
    await session.create(target.unique('unusual'), 2);
    await session.join();
    expect((await session.getCluster()).tokens[0]!.myEnds).toEqual(myEnds);
  }
});
