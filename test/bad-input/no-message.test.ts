// Bad protobuf: rows B52, B53, B59 and B61 to B69. Such bytes decrypt well and are no message. truncated.test.ts has
// row B60, payloads.test.ts B72, odd-message.test.ts the odd bytes that are messages.

import { signedToken } from '../field/member-keys.ts';
import { OP } from '../field/protobuf.ts';
import { bytesField, field, key, overlongVarint, varint, varintField } from '../field/wire-fields.ts';
import { type Row, testRows, useTarget } from './bad-input-harness.ts';
import { NOT_A_MESSAGE } from './endings.ts';
import { bye, cat, hex, manyFields, times, unknown } from './field-samples.ts';

const target = useTarget();

/** Byte strings that are not valid text. */
const NOT_TEXT = ['80', 'c080', 'eda080', 'edbfbf', 'f4908080', 'f8888080', 'c3', '00', '610062', 'fffe'].map(hex);

const rows: readonly Row[] = [
  { row: 'closes in silence at an empty message (B52)', sends: [Buffer.alloc(0)], ends: NOT_A_MESSAGE },
  {
    row: 'closes in silence at a message without Op and with other fields (B53)',
    sends: [manyFields, { clusterName: 'x' }, { clientSpecs: signedToken({ name: 'x' }) }],
    ends: NOT_A_MESSAGE,
  },
  {
    row: 'closes in silence at an Op with a wrong wire type (B59)',
    sends: [
      field(1, 1, Buffer.alloc(8)),
      field(1, 2, hex('010b')),
      field(1, 5, hex('0b000000')),
      cat(bye, field(1, 1, hex('0b00000000000000'))),
      cat(field(1, 2, hex('00')), bye),
    ],
    ends: NOT_A_MESSAGE,
  },
  {
    row: 'closes in silence at a length prefix beyond the rest (B61)',
    sends: [1n, 2n ** 7n, 2n ** 16n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 63n, 2n ** 64n - 1n].flatMap(
      (length) => [14, 9, 11, 21, 24].map((at) => cat(bye, key(at, 2), varint(length))),
    ),
    ends: NOT_A_MESSAGE,
  },
  {
    row: 'closes in silence at a length prefix beyond the rest of a token (B61)',
    sends: [4n, 2n ** 31n, 2n ** 63n].map((length) =>
      cat(bye, bytesField(11, cat(key(1, 2), varint(length), hex('616263'))), bytesField(14, 'xxxx')),
    ),
    ends: NOT_A_MESSAGE,
  },
  {
    row: 'closes in silence at a varint of 11 bytes or of more than 64 bits (B62)',
    sends: [
      cat(key(1, 0), overlongVarint(OP.Bye, 11)),
      cat(key(1, 0), hex('ffffffffffffffffff02')),
      cat(bye, key(20, 0), hex('8080808080808080808001')),
      cat(bye, key(20, 0), hex('ffffffffffffffffff7f')),
      cat(bye, overlongVarint(20 << 3, 11), hex('01')),
      cat(bye, key(14, 2), overlongVarint(1, 11), hex('61')),
    ],
    ends: NOT_A_MESSAGE,
  },
  {
    row: 'closes in silence at tags and lengths of 6 to 10 bytes (B62)',
    sends: [6, 10].flatMap((length) => [
      cat(overlongVarint(1 << 3, length), varint(OP.Bye)),
      cat(bye, key(14, 2), overlongVarint(1, length), hex('61')),
      cat(bye, overlongVarint(25 << 3, length), varint(1)),
    ]),
    ends: NOT_A_MESSAGE,
  },
  {
    row: 'closes in silence at a uint32 field of 2^32 (B62)',
    sends: [6, 15, 17].map((at) => cat(bye, varintField(at, 2n ** 32n))),
    ends: NOT_A_MESSAGE,
  },
  {
    row: 'closes in silence at field number 0 or above 2^29-1, and at wire type 6 or 7 (B63)',
    sends: [
      ...[0, 1, 2, 5].map((wireType) => cat(bye, field(0, wireType, Buffer.alloc(8)))),
      ...[2n ** 29n, 2n ** 32n, 2n ** 60n].map((at) => cat(bye, field(at, 0, hex('01')))),
      ...[6, 7].flatMap((wireType) => [1, 14, 7, 100].map((at) => cat(bye, field(at, wireType, hex('00'))))),
    ],
    ends: NOT_A_MESSAGE,
  },
  {
    row: 'closes in silence at the 17th unknown field (B64)',
    sends: [
      cat(bye, unknown(17)),
      cat(unknown(17), bye),
      cat(bye, bytesField(11, unknown(17))),
      cat(bye, bytesField(11, unknown(9)), unknown(8)),
      cat(bye, times(2, bytesField(21, unknown(8))), unknown(1)),
    ],
    ends: NOT_A_MESSAGE,
  },
  {
    row: 'closes in silence at groups: started, ended, unterminated, nested 2,000 to 16,000 deep (B65)',
    sends: [
      ...[7, 14].flatMap((at) => [key(at, 3), key(at, 4), cat(key(at, 3), key(at, 4))]),
      ...[2_000, 8_000].map((depth) => cat(times(depth, key(7, 3)), times(depth, key(7, 4)))),
      times(16_000, key(7, 3)),
      times(16_000, key(7, 4)),
    ].map((groups) => cat(bye, groups)),
    ends: NOT_A_MESSAGE,
  },
  {
    row: 'closes in silence at 5,450 empty Tokens, at 8,000 MyEnds, and at 65 of either (B66)',
    sends: [
      ...[65, 5_450].map((count) => cat(bye, times(count, bytesField(21, '')))),
      ...[65, 8_000].map((count) => cat(bye, bytesField(11, times(count, bytesField(6, ''))))),
      cat(bye, bytesField(21, times(65, bytesField(6, '')))),
    ],
    ends: NOT_A_MESSAGE,
  },
  {
    row: 'closes in silence at a second ClientSpecs (B68)',
    sends: [
      cat(varintField(1, OP.Client), times(2, bytesField(11, signedToken({ name: 'x' })))),
      cat(bye, times(2, bytesField(11, ''))),
    ],
    ends: NOT_A_MESSAGE,
  },
  {
    row: 'closes in silence at text that is not well-formed UTF-8 or holds NUL (B69)',
    sends: NOT_TEXT.flatMap((text) => [
      { op: OP.Create, clusterName: text },
      { op: OP.Bye, clientName: text },
      { op: OP.Bye, errDesc: text },
      { op: OP.Client, clientSpecs: signedToken({ name: text }) },
      { op: OP.Client, clientSpecs: signedToken({ name: 'x', myEnds: [text] }) },
      { op: OP.Bye, tokens: [{ name: text }] },
    ]),
    ends: NOT_A_MESSAGE,
  },
];
testRows(target, rows);
testRows(target, [{ ...rows.at(-1)!, as: 'identified', sends: rows.at(-1)!.sends.filter((_, i) => i % 6 === 0) }]);
