// Odd protobuf: rows B54 to B58 and B62 to B71. Such bytes are messages, and each gets a reply, at least an Error.

import { expect } from 'vitest';
import { makeMemberKeys, signedToken } from '../field/member-keys.ts';
import { encodeMessage, OP } from '../field/protobuf.ts';
import { bytesField, key, overlongVarint, varint, varintField } from '../field/wire-fields.ts';
import { THOROUGH } from '../support/thorough.ts';
import { onWires, type Row, testRows, useTarget } from './bad-input-harness.ts';
import { errorReply, served } from './endings.ts';
import { bye, cat, hex, manyFields, times, unknown } from './field-samples.ts';

const target = useTarget();

const registrysOwn = [OP.RegCredReply, OP.ClientOK, OP.CreateReply, OP.JoinReply, OP.ClusterMembers];
const outOfRange = [
  ...[0n, 99n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n, 2n ** 32n + 3n, 2n ** 53n + 3n, 2n ** 63n + 3n],
  ...[-1n, -(2n ** 31n), 2n ** 64n - 2n ** 32n + 3n],
  ...Array.from({ length: THOROUGH ? 242 : 24 }, (_, i) => BigInt(14 + i)),
];
const tokenWith = (extra: Uint8Array): Buffer => signedToken({ name: 'peer', extra });

const rows: Row[] = [
  ...(['anonymous', 'identified'] as const).flatMap((as): Row[] => [
    {
      row: `refuses Op 2, 4, 6, 8 and 10 of a session that is ${as} (B55)`,
      as,
      sends: registrysOwn.flatMap((op) => [{ op }, { ...manyFields, op }]),
      ends: errorReply('unexpected message type'),
    },
    {
      row: `refuses Op 12 and 13 of a session that is ${as} (B56)`,
      as,
      sends: [OP.Ack, OP.Error].flatMap((op) => [{ op }, { ...manyFields, op }]),
      ends: errorReply('unexpected message type'),
    },
    {
      row: `refuses an Op out of range, of up to 64 bits, of a session that is ${as} (B57)`,
      as,
      sends: outOfRange.map((op) => ({ op })),
      ends: errorReply('message tag out of range'),
    },
  ]),
  {
    row: 'takes the last of two Ops (Bye) (B58)',
    sends: [hex('0803080b'), hex('0863080b'), hex('0802080b'), cat(hex('0803'), encodeMessage(manyFields), bye)],
    ends: served(OP.Ack),
  },
  {
    row: 'takes the last of two Ops (Client) (B58)',
    sends: [hex('080b0803'), hex('08630803')],
    ends: errorReply('nil XLRegMsg_Token argument'),
  },
  {
    row: 'takes the last of two Ops (out of range) (B58)',
    sends: [hex('080b0863')],
    ends: errorReply('message tag out of range'),
  },
  {
    row: 'accepts overlong varints (B62)',
    sends: [
      ...[2, 3, 5, 10].map((length) => cat(key(1, 0), overlongVarint(OP.Bye, length))),
      ...[2, 3, 5].map((length) => cat(overlongVarint(1 << 3, length), varint(OP.Bye))),
      ...[2, 3, 5].map((length) => cat(bye, key(14, 2), overlongVarint(1, length), hex('61'))),
    ],
    ends: served(OP.Ack),
  },
  {
    row: 'ignores 16 unknown fields of wire types 0, 1, 2 and 5 (B64)',
    sends: [
      cat(bye, unknown(16)),
      cat(unknown(16), bye),
      cat(bye, bytesField(11, unknown(16))),
      cat(bye, bytesField(11, unknown(8)), unknown(8)),
    ],
    ends: served(OP.Ack),
  },
  {
    row: 'ignores unknown fields in a token, which its signature does not cover (B64)',
    sends: [cat(varintField(1, OP.Client), bytesField(11, tokenWith(unknown(10))), unknown(6))],
    ends: served(OP.ClientOK),
  },
  {
    row: 'accepts 64 empty Tokens and 64 MyEnds (B66)',
    sends: [
      cat(bye, times(64, bytesField(21, ''))),
      cat(bye, bytesField(11, times(64, bytesField(6, ''))), bytesField(21, times(64, bytesField(6, '')))),
    ],
    ends: served(OP.Ack),
  },
  {
    row: 'ignores known fields that the Op does not use (B67)',
    sends: [{ ...manyFields, op: OP.RegCredRequest }],
    ends: served(OP.RegCredReply),
  },
  {
    row: 'ignores known fields that Client does not use (B67)',
    sends: [{ ...manyFields, op: OP.Client, clientSpecs: signedToken({ name: 'peer' }) }],
    ends: served(OP.ClientOK),
  },
];
testRows(target, rows);

for (const as of ['anonymous', 'identified', 'joined'] as const) {
  onWires(target, `answers Op 1 of a session that is ${as} with a RegCredReply (B54)`, async (wire) => {
    const client = await target.client(wire, as);
    const { name, id, commsKey, sigKey } = target.registry.file;
    const [ck, sk] = [commsKey, sigKey].map((each) => each.export({ type: 'spki', format: 'der' }));
    const own = { name, id, commsKey: ck, sigKey: sk };
    for (let asked = 0; asked < 3; asked++) {
      const reply = await client.call({ op: OP.RegCredRequest }, OP.RegCredReply);
      expect(reply).toMatchObject({ version: 1, clientSpecs: own, tokens: [] });
    }
    await client.bye();
  });
}

onWires(target, 'serves clusters and members named after properties of JavaScript objects (B70)', async (wire) => {
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype', '__defineGetter__']) {
    const [one, two] = [
      await target.registry.register(wire, { name }),
      await target.registry.register(wire, { name: 'x' }),
    ];
    const cluster = `${name}.${wire.dialect}.${wire.transport}`;
    const created = await one.client.create(cluster, 3);
    await one.client.join(cluster);
    expect((await two.client.join(cluster)).clusterId).toEqual(created.clusterId);
    expect((await two.client.getCluster()).tokens.map((token) => token.name)).toEqual([name, 'x']);
    await one.client.bye();
    await two.client.bye();
    // The bare name is one cluster, which all wires share.
    const { client } = await target.registry.register(wire, { name: target.unique('bare') });
    const bare = await client.create(name, 64);
    expect(bare).toMatchObject({ clusterSize: 64, clusterAttrs: 0n, endPointCount: 1 });
    expect((await client.join(name)).clusterId).toEqual(bare.clusterId);
  }
});

onWires(target, 'keeps uint64 values above 2^53 exact (B71)', async (wire) => {
  for (const value of [2n ** 53n + 1n, 2n ** 63n, 2n ** 63n + 2n ** 53n + 4n, 2n ** 64n - 2n]) {
    const client = await target.registry.connect(wire);
    const keys = makeMemberKeys();
    const token = signedToken({ name: 'peer', attrs: value, keys, myEnds: ['127.0.0.1:4001'] });
    expect((await client.identify(token)).clientAttrs).toBe(value);
    const clusterName = target.unique('attrs');
    const created = await client.call({ op: OP.Create, clusterName, clusterAttrs: value }, OP.CreateReply);
    // The registry alone sets bit 2.
    expect(created.clusterAttrs).toBe(value & ~2n);
    expect((await client.join()).clusterAttrs).toBe(value & ~2n);
    const { which, tokens } = await client.getCluster(undefined, value | 1n);
    expect(which).toBe(1n);
    expect(tokens[0]!.attrs).toBe(value);
    expect((await client.getCluster(undefined, value & ~1n)).which).toBe(0n);
    client.close();
  }
});
