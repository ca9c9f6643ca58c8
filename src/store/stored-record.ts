// Records ↔ bytes on disk. Every value begins with a version and a checksum over its key and the rest, so that a bit that
// has flipped, or a value under a key that is not its own, is noticed when it is read.
//
//   client  key = 01 clientId             rest = flags(1) endPointCount(1) digest(32) length(1) name token
//   cluster key = 02 name                 rest = size(1) endPointCount(1) attrs(8) id
//   member  key = 03 clusterId index(1)   rest = length(1) clientId length(1) name [token]
//   cluster by ID   = 04 id                rest = name
//   value   = version(1) crc32(4) rest
//
// A member without a token has that of its client.
import { crc32 } from 'node:zlib';
import type { ClientRecord, ClusterRecord, LoadedMember } from '../registry/command.ts';
import { StoreUnusableError } from './store.ts';

/** First byte of the keys of each kind. */
export const KEY_PREFIX = { meta: 0, client: 1, cluster: 2, member: 3, clusterId: 4 } as const;

const RECORD_VERSION = 1;
const HEAD_BYTES = 5;
const EPHEMERAL = 1;

export function clientKey(clientId: string): Buffer {
  return Buffer.concat([Buffer.of(KEY_PREFIX.client), Buffer.from(clientId, 'hex')]);
}

export function clusterKey(name: string): Buffer {
  return Buffer.concat([Buffer.of(KEY_PREFIX.cluster), Buffer.from(name, 'latin1')]);
}

export function clusterIdKey(clusterId: string): Buffer {
  return Buffer.concat([Buffer.of(KEY_PREFIX.clusterId), Buffer.from(clusterId, 'hex')]);
}

export function memberKey(clusterId: string, index: number): Buffer {
  return Buffer.concat([Buffer.of(KEY_PREFIX.member), Buffer.from(clusterId, 'hex'), Buffer.of(index)]);
}

/** The value of a client's record. */
export function encodeClient(key: Buffer, record: ClientRecord): Buffer {
  const head = [record.ephemeral ? EPHEMERAL : 0, record.endPointCount];
  const digest = Buffer.from(record.sigKeyDigest, 'hex');
  return sealValue(key, [Buffer.from(head), digest, prefixed(Buffer.from(record.name, 'latin1')), record.token]);
}

/** The value of a cluster's record. */
export function encodeCluster(key: Buffer, record: ClusterRecord): Buffer {
  const attrs = Buffer.alloc(8);
  attrs.writeBigUInt64LE(record.attrs);
  return sealValue(key, [Buffer.of(record.size, record.endPointCount), attrs, Buffer.from(record.id, 'hex')]);
}

/** The value of a member's record; `token` is left out where the client's record has the same. */
export function encodeMember(key: Buffer, record: LoadedMember): Buffer {
  const clientId = prefixed(Buffer.from(record.clientId, 'hex'));
  const name = prefixed(Buffer.from(record.name, 'latin1'));
  return sealValue(key, [clientId, name, record.token ?? Buffer.alloc(0)]);
}

/** What to do with a token that is found in a value; by default it stays a view of it. */
export type Keep = (token: Uint8Array) => Uint8Array;

const asView: Keep = (token) => token;

export function decodeClient(key: Buffer, value: Buffer, keep = asView): ClientRecord {
  const rest = openValue(key, value);
  const tokenAt = 35 + rest[34]!;
  return {
    kind: 'client',
    clientId: key.toString('hex', 1),
    ephemeral: (rest[0]! & EPHEMERAL) !== 0,
    endPointCount: rest[1]!,
    sigKeyDigest: rest.toString('hex', 2, 34),
    name: rest.toString('latin1', 35, tokenAt),
    token: keep(rest.subarray(tokenAt)),
  };
}

export function decodeCluster(key: Buffer, value: Buffer): ClusterRecord {
  const rest = openValue(key, value);
  return {
    kind: 'cluster',
    name: key.toString('latin1', 1),
    size: rest[0]!,
    endPointCount: rest[1]!,
    attrs: rest.readBigUInt64LE(2),
    id: rest.toString('hex', 10),
  };
}

export function decodeMember(key: Buffer, value: Buffer, keep = asView): LoadedMember {
  const rest = openValue(key, value);
  const nameAt = 2 + rest[0]!;
  const tokenAt = nameAt + rest[nameAt - 1]!;
  return {
    kind: 'member',
    clusterId: key.toString('hex', 1, key.length - 1),
    index: key.at(-1)!,
    clientId: rest.toString('hex', 1, nameAt - 1),
    name: rest.toString('latin1', nameAt, tokenAt),
    token: tokenAt < rest.length ? keep(rest.subarray(tokenAt)) : undefined,
  };
}

/** Puts version and checksum in front. */
export function sealValue(key: Buffer, parts: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat([Buffer.alloc(HEAD_BYTES), ...parts]);
  value[0] = RECORD_VERSION;
  value.writeUInt32LE(crc32(value.subarray(HEAD_BYTES), crc32(key)), 1);
  return value;
}

/** The rest of a value; throws StoreUnusableError if it is not what was written under this key. */
export function openValue(key: Buffer, value: Buffer): Buffer {
  if (value.length > HEAD_BYTES && value[0]! > RECORD_VERSION) {
    throw new StoreUnusableError(`the record ${key.toString('hex')} is of version ${value[0]}, newer than this server`);
  }
  const rest = value.subarray(HEAD_BYTES);
  if (value.length <= HEAD_BYTES || value[0] !== RECORD_VERSION || value.readUInt32LE(1) !== crc32(rest, crc32(key))) {
    throw new StoreUnusableError(`the record ${key.toString('hex')} is damaged: its checksum is wrong`);
  }
  return rest;
}

function prefixed(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}
