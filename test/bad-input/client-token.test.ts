// Client messages with a bad name, end point or signature: rows B73, B79, B80 and B85 to B89. client-keys.test.ts has
// the rows of keys, client-id.test.ts those of IDs.

import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { makeMemberKeys, signedToken, type TokenOptions } from '../field/member-keys.ts';
import { OP } from '../field/protobuf.ts';
import { onWires, type Row, type Sends, testRows, useTarget } from './bad-input-harness.ts';
import { errorReply, served } from './endings.ts';

const target = useTarget();

const keys = makeMemberKeys();
const others = makeMemberKeys({ sig: 1 });

/** A Client message whose token is good but for the fields given. */
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

/** An end point of the maximal length. */
const LONGEST_END = `TcpEndPoint: ${'a234567890.'.repeat(21)}abcdef:4001`;

const rows: readonly Row[] = [
  {
    row: 'refuses a Client without ClientSpecs and ClientID (B73)',
    sends: [{ op: OP.Client }, { op: OP.Client, digSig: Buffer.alloc(256) }, { op: OP.Client, clientName: 'peer' }],
    ends: errorReply('nil XLRegMsg_Token argument'),
  },
  {
    row: 'refuses a DigSig that is missing, empty, of a wrong length, all FF or all 0 (B79)',
    sends: [
      client({ digSig: null }),
      ...[0, 1, 128, 255, 257, 512].map((length) => client({ digSig: randomBytes(length) })),
      client({ digSig: Buffer.alloc(256, 0xff) }),
      client({ digSig: Buffer.alloc(256) }),
      client({ digSig: Buffer.concat([Buffer.alloc(255), Buffer.from([1])]) }),
    ],
    ends: errorReply('bad digital signature'),
  },
  {
    row: 'refuses a DigSig by another key, with another digest, or over other fields (B79)',
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
    ends: errorReply('bad digital signature'),
  },
  {
    row: 'accepts end points split otherwise than signed, when all are valid (B80)',
    sends: [client({ myEnds: ['127.0.0.1:40011', '0.0.0.1:1'], signed: { myEnds: ['127.0.0.1:4001', '10.0.0.1:1'] } })],
    ends: served(OP.ClientOK),
  },
  {
    row: 'refuses end points split otherwise than signed, when one is not valid (B80)',
    sends: [client({ myEnds: ['127.0.0.1:400110', '.0.0.1:1'], signed: { myEnds: ['127.0.0.1:4001', '10.0.0.1:1'] } })],
    ends: errorReply('invalid endpoint'),
  },
  {
    row: 'refuses an empty or absent name (B85)',
    sends: [client({ name: '' }), client({ name: undefined })],
    ends: errorReply('invalid name'),
  },
  {
    row: 'refuses a name with newline, ESC, bidi, slash or .., or of 129 to 15,000 bytes (B86)',
    sends: BAD_NAMES.map((name) => client({ name })),
    ends: errorReply('invalid name'),
  },
  {
    row: 'accepts names of 1 and 128 characters, with every allowed character (B86)',
    sends: ['a', '_', '0', 'a'.repeat(128), 'Aa09_.-'].map((name) => client({ name })),
    ends: served(OP.ClientOK),
  },
  { row: 'accepts a token without MyEnds (B87)', sends: [client({ myEnds: [] })], ends: served(OP.ClientOK) },
  {
    row: 'refuses an end point with a bad host, a bad port, neither, or more than 255 characters (B88)',
    sends: BAD_ENDS.flatMap((end) => [client({ myEnds: [end] }), client({ myEnds: ['127.0.0.1:1', end] })]),
    ends: errorReply('invalid endpoint'),
  },
  {
    row: 'refuses 5 entries in MyEnds (B88)',
    sends: [5, 64].map((count) => client({ myEnds: Array(count).fill('127.0.0.1:1') })),
    ends: errorReply('invalid endpoint'),
  },
];
testRows(target, rows);

onWires(
  target,
  'refuses a Join of a client without MyEnds (B87)',
  async (wire) => {
    const { client: session } = await target.registry.register(wire, { name: 'peer', myEnds: [] });
    await session.create(target.unique('ends'), 2);
    const reply = await session.request({ op: OP.Join });
    expect(reply).toEqual({ op: OP.Error, errDesc: 'member must have at least 1 endPoints', tokens: [] });
  },
  { 'refusal one-end-point-needed': 1 },
);

onWires(target, 'returns unusual valid end points as they were sent (B89)', async (wire) => {
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
