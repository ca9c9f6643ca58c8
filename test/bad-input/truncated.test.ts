// Every valid message cut at every third byte, in a thorough run at every byte: row B60. A cut on the wire leaves a
// partial message on TCP, and no message on WebSocket. A cut before encryption leaves no message either, unless whole
// fields with an Op remain.

import { expect } from 'vitest';
import { makeMemberKeys, signedToken } from '../field/member-keys.ts';
import { encodeMessage, type MessageInput, OP } from '../field/protobuf.ts';
import { decodeFields } from '../field/wire-fields.ts';
import { THOROUGH } from '../support/thorough.ts';
import { onWires, type Row, type Sends, testRows, useTarget, withEach } from './bad-input-harness.ts';
import { NOT_A_MESSAGE } from './endings.ts';

const target = useTarget();

// Short keys make a short token: each of its bytes takes a connection.
const token = signedToken({ name: 'peer', attrs: 4, myEnds: ['127.0.0.1:4001'], keys: makeMemberKeys({ bits: 1024 }) });
const clusterId = Buffer.alloc(32, 7);

const messages: Readonly<Record<string, MessageInput>> = {
  RegCredRequest: { op: OP.RegCredRequest },
  Client: { op: OP.Client, clientSpecs: token },
  'Client by ID': { op: OP.Client, clientId: clusterId, digSig: Buffer.alloc(128, 9) },
  Create: { op: OP.Create, clusterName: 'cut', clusterSize: 3, clusterAttrs: 1, endPointCount: 1 },
  Join: { op: OP.Join, clusterId, clusterName: 'cut' },
  GetCluster: { op: OP.GetCluster, clusterId, which: 2n ** 64n - 1n },
  Bye: { op: OP.Bye },
};

/** Tells whether bytes are whole fields that begin with an Op. */
function isWhole(bytes: Uint8Array): boolean {
  try {
    return decodeFields(bytes)[0]?.number === 1;
  } catch {
    return false;
  }
}

const lengths = (bytes: number): number[] => Array.from({ length: bytes - 1 }, (_, i) => i + 1);
/** Three is coprime to the block size, so cuts meet each place in a block. */
const sampled = (bytes: number): number[] => lengths(bytes).filter((length) => THOROUGH || length % 3 === 1);

for (const [name, message] of Object.entries(messages)) {
  const plaintext = encodeMessage(message);
  const blocks = plaintext.length + 16 - (plaintext.length % 16);
  const cutOnWire = (ivBytes: number): Sends[] =>
    sampled(blocks + ivBytes).map((length) => (client) => client.encrypt(message).subarray(0, length));
  const rows: Row[] = [
    {
      row: `closes in silence at ${name} truncated on the wire (B60)`,
      sends: cutOnWire(0),
      ends: NOT_A_MESSAGE,
      dialects: ['chained'],
    },
    {
      row: `closes in silence at ${name} truncated on the wire (B60)`,
      sends: cutOnWire(16),
      ends: NOT_A_MESSAGE,
      dialects: ['prefixed'],
    },
    {
      row: `closes in silence at ${name} truncated before encryption inside a field (B60)`,
      sends: sampled(plaintext.length)
        .map((length) => plaintext.subarray(0, length))
        .filter((bytes) => !isWhole(bytes)),
      ends: NOT_A_MESSAGE,
    },
  ];
  testRows(target, rows);
}

onWires(
  target,
  'answers Client by ID and GetCluster truncated between two fields (B60)',
  async (wire) => {
    const plaintexts = [messages['Client by ID']!, messages.GetCluster!].map(encodeMessage);
    const whole = plaintexts.flatMap((bytes) => lengths(bytes.length).map((length) => bytes.subarray(0, length)));
    await withEach(whole.filter(isWhole), async (bytes) => {
      const client = await target.registry.connect(wire);
      expect((await client.request(bytes)).op).toBe(OP.Error);
    });
  },
  {
    'fault token-missing': 1,
    'refusal client-unknown': 1,
    'fault message-in-wrong-state': 2,
  },
);
