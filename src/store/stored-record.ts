// Records ↔ bytes on disk. Every value begins with a version and a checksum over its key and the rest. A flipped bit,
// or a value under the wrong key, fails the checksum when it is read.
//
//   client  key = 01 clientId             rest = flags(1) endPointCount(1) digest(32) length(1) name token
//   cluster key = 02 name                 rest = flags(1) size(1) endPointCount(1) attrs(8) id
//   member  key = 03 clusterId index(1)   rest = length(1) clientId length(1) name [token]
//   cluster by ID   = 04 id                rest = name
//   value   = version(1) crc32(4) rest
//
// Clusters have version 2, all other records version 1. A cluster of version 1 has no flags and counts as kept. A
// member without a token has the registration of its client.
import { crc32 } from 'node:zlib';
import type { ClientRecord, ClusterRecord, MemberRecord, MemberRef, StoredRecord } from '../registry/command.ts';
import { StoreUnusableError } from './store.ts';

/** First byte of each kind's keys. */
export const KEY_PREFIX = { meta: 0, client: 1, cluster: 2, member: 3, clusterId: 4 } as const;

const RECORD_VERSION = 1;
const CLUSTER_VERSION = 2;
const HEAD_BYTES = 5;
const EPHEMERAL = 1;
const KEEP = 1;
/** Offsets of the first field of variable length, from the start of `rest`; for a cluster, from after its flags. */
const CLIENT_NAME_AT = 35;
const CLUSTER_ID_AT = 10;

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
  const head = Buffer.of(record.keep ? KEEP : 0, record.size, record.endPointCount);
  return sealValue(key, [head, attrs, Buffer.from(record.id, 'hex')], CLUSTER_VERSION);
}

/** The value of a member's record. With `ofClient`, the token is left out, because the client's record has it. */
export function encodeMember(key: Buffer, record: MemberRecord, ofClient: boolean): Buffer {
  const clientId = prefixed(Buffer.from(record.clientId, 'hex'));
  const name = prefixed(Buffer.from(record.name, 'latin1'));
  return sealValue(key, [clientId, name, ofClient ? Buffer.alloc(0) : record.token]);
}

/** A record's key, followed by its value, within a larger buffer. */
export interface Placed {
  readonly bytes: Buffer;
  readonly keyAt: number;
  readonly valueAt: number;
  readonly end: number;
}

/**
 * Decodes a record whose checksum has been verified. The record may be a view of the buffer. Throws StoreUnusableError
 * if the value is shorter than its fields.
 */
export function decodeRecord(placed: Placed): StoredRecord {
  if (!hasAllFields(placed)) {
    const key = placed.bytes.toString('hex', placed.keyAt, placed.valueAt);
    throw new StoreUnusableError(`the record ${key} is damaged: its value is too short`);
  }
  const prefix = placed.bytes[placed.keyAt];
  if (prefix === KEY_PREFIX.client) return new PackedClient(placed);
  return prefix === KEY_PREFIX.cluster ? decodeCluster(placed) : decodeMember(placed);
}

/** True if every field ends within the value. */
function hasAllFields({ bytes, keyAt, valueAt, end }: Placed): boolean {
  const at = valueAt + HEAD_BYTES;
  switch (bytes[keyAt]) {
    case KEY_PREFIX.client:
      return at + CLIENT_NAME_AT <= end && at + CLIENT_NAME_AT + bytes[at + CLIENT_NAME_AT - 1]! <= end;
    case KEY_PREFIX.cluster:
      return clusterAt(bytes, valueAt) + CLUSTER_ID_AT < end;
    default: {
      if (at >= end) return false;
      const nameAt = at + 1 + bytes[at]! + 1;
      return nameAt <= end && nameAt + bytes[nameAt - 1]! <= end;
    }
  }
}

/** A client's record as a view of stored bytes. Fields are decoded on access, because most are never read. */
export class PackedClient implements ClientRecord {
  readonly clientId: string;
  readonly #bytes: Buffer;
  readonly #at: number;
  readonly #end: number;

  constructor({ bytes, keyAt, valueAt, end }: Placed) {
    this.clientId = bytes.toString('hex', keyAt + 1, valueAt);
    this.#bytes = bytes;
    this.#at = valueAt + HEAD_BYTES;
    this.#end = end;
  }

  get kind() {
    return 'client' as const;
  }

  get ephemeral(): boolean {
    return (this.#bytes[this.#at]! & EPHEMERAL) !== 0;
  }

  get endPointCount(): number {
    return this.#bytes[this.#at + 1]!;
  }

  get sigKeyDigest(): string {
    return this.#bytes.toString('hex', this.#at + 2, this.#at + 34);
  }

  get name(): string {
    return this.#bytes.toString('latin1', this.#at + CLIENT_NAME_AT, this.#tokenAt);
  }

  /** A view of memory shared with other records. */
  get token(): Uint8Array {
    return this.#bytes.subarray(this.#tokenAt, this.#end);
  }

  get #tokenAt(): number {
    return this.#at + CLIENT_NAME_AT + this.#bytes[this.#at + CLIENT_NAME_AT - 1]!;
  }
}

function decodeCluster({ bytes, keyAt, valueAt, end }: Placed): ClusterRecord {
  const at = clusterAt(bytes, valueAt);
  const keep = !hasFlags(bytes, valueAt) || (bytes[at - 1]! & KEEP) !== 0;
  return {
    kind: 'cluster',
    name: bytes.toString('latin1', keyAt + 1, valueAt),
    size: bytes[at]!,
    endPointCount: bytes[at + 1]!,
    attrs: bytes.readBigUInt64LE(at + 2),
    id: bytes.toString('hex', at + CLUSTER_ID_AT, end),
    ...(keep && { keep }),
  };
}

/** Offset of a cluster's size field, which follows the flags if there are any. */
function clusterAt(bytes: Buffer, valueAt: number): number {
  return valueAt + HEAD_BYTES + (hasFlags(bytes, valueAt) ? 1 : 0);
}

function hasFlags(bytes: Buffer, valueAt: number): boolean {
  return bytes[valueAt] === CLUSTER_VERSION;
}

function decodeMember({ bytes, keyAt, valueAt, end }: Placed): MemberRecord | MemberRef {
  const clientIdAt = valueAt + HEAD_BYTES + 1;
  const nameAt = clientIdAt + bytes[clientIdAt - 1]! + 1;
  const tokenAt = nameAt + bytes[nameAt - 1]!;
  const clusterId = bytes.toString('hex', keyAt + 1, valueAt - 1);
  const index = bytes[valueAt - 1]!;
  const clientId = bytes.toString('hex', clientIdAt, nameAt - 1);
  const name = bytes.toString('latin1', nameAt, tokenAt);
  if (tokenAt === end) return { kind: 'seat', clusterId, index, clientId, name };
  return { kind: 'member', clusterId, index, clientId, name, token: bytes.subarray(tokenAt, end) };
}

/** Prepends version and checksum. */
export function sealValue(key: Buffer, parts: readonly Uint8Array[], version = RECORD_VERSION): Buffer {
  const value = Buffer.concat([Buffer.alloc(HEAD_BYTES), ...parts]);
  value[0] = version;
  value.writeUInt32LE(checksumOf(key, version, value.subarray(HEAD_BYTES)), 1);
  return value;
}

/** The rest of a value. Throws StoreUnusableError if its version is unknown or its checksum wrong for this key. */
export function openValue(key: Buffer, value: Buffer): Buffer {
  const version = value[0]!;
  const newest = key[0] === KEY_PREFIX.cluster ? CLUSTER_VERSION : RECORD_VERSION;
  if (value.length > HEAD_BYTES && version > newest) {
    throw new StoreUnusableError(`the record ${key.toString('hex')} is of version ${value[0]}, newer than this server`);
  }
  const rest = value.subarray(HEAD_BYTES);
  const whole = value.length > HEAD_BYTES && version >= RECORD_VERSION;
  if (!whole || value.readUInt32LE(1) !== checksumOf(key, version, rest)) {
    throw new StoreUnusableError(`the record ${key.toString('hex')} is damaged: its checksum is wrong`);
  }
  return rest;
}

/** From version 2 on the checksum covers the version, too, because a flipped version would shift the fields. */
function checksumOf(key: Buffer, version: number, rest: Uint8Array): number {
  return crc32(rest, crc32(version === RECORD_VERSION ? key : Buffer.concat([key, Buffer.of(version)])));
}

function prefixed(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}
