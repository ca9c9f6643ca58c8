// Protobuf fragments that several tests combine.

import { type MessageInput, OP } from '../field/protobuf.ts';
import { field, varint, varintField } from '../field/wire-fields.ts';

/** A Bye, answered in every state: the test puts other fields behind it. */
export const bye = varintField(1, OP.Bye);
export const hex = (text: string): Buffer => Buffer.from(text, 'hex');
export const cat = (first: Uint8Array, ...fields: readonly Uint8Array[]): Buffer => Buffer.concat([first, ...fields]);
export const times = (count: number, bytes: Uint8Array): Buffer => Buffer.concat(Array(count).fill(bytes));

/** Every field of a message except Op. */
export const manyFields: MessageInput = {
  aesIv: Buffer.alloc(16),
  aesKey: Buffer.alloc(32),
  salt1: Buffer.alloc(8),
  salt2: Buffer.alloc(8),
  version: 1,
  clientName: 'x',
  clientId: Buffer.alloc(32),
  clientAttrs: 1,
  clientSpecs: { name: 'x' },
  clusterId: Buffer.alloc(32),
  clusterName: 'x',
  clusterSize: 2,
  clusterAttrs: 1,
  endPointCount: 1,
  which: 1,
  tokens: [{ name: 'x' }],
  digSig: Buffer.alloc(256),
  errDesc: 'x',
};

/** Unknown fields of every wire type, for messages and tokens. */
const UNKNOWN_FIELDS = [
  field(25, 0, varint(2n ** 64n - 1n)),
  field(12, 1, Buffer.alloc(8)),
  field(18, 2, hex('03010203')),
  field(19, 5, Buffer.alloc(4)),
  field(24, 2, hex('00')),
  field(2 ** 29 - 1, 0, hex('00')),
];
export const unknown = (count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => UNKNOWN_FIELDS[i % UNKNOWN_FIELDS.length]!));
