// Records ↔ bytes on disk. Every value begins with a version and a checksum over its key and the rest. A flipped bit,
// or a value under the wrong key, fails the checksum when it is read.
//
//   client  key = 01 clientId             rest = flags(1) endPointCount(1) digest(32) length(1) name [statement] token
//   cluster key = 02 name                 rest = flags(1) size(1) endPointCount(1) attrs(8) [confirmMs(4) [owner(32)]] id
//   member  key = 03 clusterId index(1)   rest = length(1) clientId length(1) name [[length(2) sealed] token]
//   cluster by ID   = 04 id                rest = name
//   entry   key = 05 clusterId(32) key    rest = length(2) value
//   value   = version(1) crc32(4) rest
//   statement = seq(8) digest(32) length(2) sealed
//
// `sealed` are the token's fields 32 to 35. Clusters have version 3 if they have a confirm time, also one of 0, or an
// owner, else version 2. Entries have version 1. Clients and members have version 2 if they have the parts of the sealed
// dialect, else version 1, so a store without such clients stays readable to older servers. A cluster of version 1 has
// no flags and counts as kept. A member without a token has the registration of its client. A client whose statement was replaced by a registration in an old dialect has a digest of zeros and no `sealed`.
import { strict as assert } from 'node:assert';
import { crc32 } from 'node:zlib';
import { ENTRY_KEY_BYTES_MAX, ENTRY_VALUE_BYTES_MAX, ID_BYTES } from '../limits.ts';
import type {
  ClientRecord,
  ClusterRecord,
  EntryRecord,
  MemberRecord,
  MemberRef,
  StoredRecord,
} from '../registry/command.ts';
import { StoreUnusableError } from './store.ts';

/** First byte of each kind's keys. */
export const KEY_PREFIX = { meta: 0, client: 1, cluster: 2, member: 3, clusterId: 4, entry: 5 } as const;

const RECORD_VERSION = 1;
const CLUSTER_VERSION = 2;
const FORMING_VERSION = 3;
const SEALED_VERSION = 2;
/** Newest version by the first byte of a key; that of others is RECORD_VERSION. */
const NEWEST_VERSIONS: Readonly<Record<number, number>> = {
  [KEY_PREFIX.client]: SEALED_VERSION,
  [KEY_PREFIX.cluster]: FORMING_VERSION,
  [KEY_PREFIX.member]: SEALED_VERSION,
};
const HEAD_BYTES = 5;
/** Bits of a client's flags. */
const [EPHEMERAL, MARKED] = [1, 2];
const NOTHING = Buffer.alloc(0);
/** Bytes of a statement before `sealed`: seq, digest, length. */
const STATEMENT_HEAD_BYTES = 8 + 32 + 2;
const NO_DIGEST = '0'.repeat(64);
/** Bits of a cluster's flags. */
const [KEEP, OWNED] = [1, 2];
const CONFIRM_BYTES = 4;
/** Stands for an absent confirm time in version 3. */
const NO_CONFIRM_MS = 0xffff_ffff;
const OWNER_BYTES = 32;
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

/** The key of an entry. IDs of clusters have 32 bytes, so no key of one cluster begins like those of another. */
export function entryKey(clusterId: string, key: string): Buffer {
  assert(clusterId.length === 2 * ID_BYTES, 'the ID of a cluster has 32 bytes');
  assert(key.length >= 2 && key.length <= 2 * ENTRY_KEY_BYTES_MAX, 'the key of an entry has 1 to 66 bytes');
  return Buffer.concat([Buffer.of(KEY_PREFIX.entry), Buffer.from(clusterId + key, 'hex')]);
}

/** The range of a cluster's entries. */
export function entryRange(clusterId: string): { readonly start: Buffer; readonly end: Buffer } {
  const start = Buffer.concat([Buffer.of(KEY_PREFIX.entry), Buffer.from(clusterId, 'hex')]);
  return { start, end: Buffer.concat([start, Buffer.alloc(ENTRY_KEY_BYTES_MAX + 1, 0xff)]) };
}

/** The value of a client's record. */
export function encodeClient(key: Buffer, record: ClientRecord): Buffer {
  const { ephemeral, marked, endPointCount, sigKeyDigest, name, seq, token } = record;
  const head = Buffer.of((ephemeral ? EPHEMERAL : 0) | (marked ? MARKED : 0), endPointCount);
  const first = [head, Buffer.from(sigKeyDigest, 'hex'), prefixed(Buffer.from(name, 'latin1'))];
  if (seq === undefined) return sealValue(key, [...first, token]);
  return sealValue(key, [...first, encodeStatement(record, seq), token], SEALED_VERSION);
}

function encodeStatement({ statementDigest = NO_DIGEST, sealed = NOTHING }: ClientRecord, seq: number): Buffer {
  const head = Buffer.alloc(STATEMENT_HEAD_BYTES);
  head.writeBigUInt64LE(BigInt(seq));
  head.write(statementDigest, 8, 'hex');
  head.writeUInt16LE(sealed.length, STATEMENT_HEAD_BYTES - 2);
  return Buffer.concat([head, sealed]);
}

/** The value of a cluster's record. */
export function encodeCluster(key: Buffer, record: ClusterRecord): Buffer {
  const { keep, size, endPointCount, confirmMs, owner } = record;
  const attrs = Buffer.alloc(8);
  attrs.writeBigUInt64LE(record.attrs);
  const head = Buffer.of((keep ? KEEP : 0) | (owner ? OWNED : 0), size, endPointCount);
  const id = Buffer.from(record.id, 'hex');
  if (confirmMs === undefined && !owner) return sealValue(key, [head, attrs, id], CLUSTER_VERSION);
  const confirm = Buffer.alloc(CONFIRM_BYTES);
  confirm.writeUInt32LE(confirmMs ?? NO_CONFIRM_MS);
  return sealValue(key, [head, attrs, confirm, Buffer.from(owner ?? '', 'hex'), id], FORMING_VERSION);
}

/** The value of an entry's record. */
export function encodeEntry(key: Buffer, { value }: EntryRecord): Buffer {
  assert(value.length <= ENTRY_VALUE_BYTES_MAX, 'the value of an entry has 16 KiB at most');
  const length = Buffer.alloc(2);
  length.writeUInt16LE(value.length);
  return sealValue(key, [length, value]);
}

/** The value of a member's record. With `ofClient`, the token is left out, because the client's record has it. */
export function encodeMember(key: Buffer, record: MemberRecord, ofClient: boolean): Buffer {
  const clientId = prefixed(Buffer.from(record.clientId, 'hex'));
  const name = prefixed(Buffer.from(record.name, 'latin1'));
  if (ofClient) return sealValue(key, [clientId, name]);
  const { token, sealed } = record;
  if (!sealed) return sealValue(key, [clientId, name, token]);
  const length = Buffer.alloc(2);
  length.writeUInt16LE(sealed.length);
  return sealValue(key, [clientId, name, length, sealed, token], SEALED_VERSION);
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
  if (prefix === KEY_PREFIX.entry) return decodeEntry(placed);
  return prefix === KEY_PREFIX.cluster ? decodeCluster(placed) : decodeMember(placed);
}

/** True if every field ends within the value. */
function hasAllFields({ bytes, keyAt, valueAt, end }: Placed): boolean {
  const at = valueAt + HEAD_BYTES;
  const isSealed = bytes[valueAt] === SEALED_VERSION;
  switch (bytes[keyAt]) {
    case KEY_PREFIX.client: {
      if (at + CLIENT_NAME_AT > end) return false;
      const nameEnd = at + CLIENT_NAME_AT + bytes[at + CLIENT_NAME_AT - 1]!;
      if (!isSealed) return nameEnd <= end;
      const fieldsAt = nameEnd + STATEMENT_HEAD_BYTES;
      return fieldsAt <= end && fieldsAt + bytes.readUInt16LE(fieldsAt - 2) <= end;
    }
    case KEY_PREFIX.cluster:
      return clusterIdAt(bytes, valueAt) < end;
    case KEY_PREFIX.entry:
      return at + 2 <= end && at + 2 + bytes.readUInt16LE(at) === end && valueAt - keyAt > 1 + ID_BYTES;
    default: {
      if (at >= end) return false;
      const nameAt = at + 1 + bytes[at]! + 1;
      if (nameAt > end) return false;
      const nameEnd = nameAt + bytes[nameAt - 1]!;
      if (!isSealed) return nameEnd <= end;
      return nameEnd + 2 <= end && nameEnd + 2 + bytes.readUInt16LE(nameEnd) < end;
    }
  }
}

/** A client's record as a view of stored bytes. Fields are decoded on access, because most are never read. */
export class PackedClient implements ClientRecord {
  readonly clientId: string;
  readonly #bytes: Buffer;
  readonly #at: number;
  readonly #end: number;
  readonly #isSealed: boolean;

  constructor({ bytes, keyAt, valueAt, end }: Placed) {
    this.clientId = bytes.toString('hex', keyAt + 1, valueAt);
    this.#bytes = bytes;
    this.#at = valueAt + HEAD_BYTES;
    this.#end = end;
    this.#isSealed = bytes[valueAt] === SEALED_VERSION;
  }

  get kind() {
    return 'client' as const;
  }

  get ephemeral(): boolean {
    return (this.#bytes[this.#at]! & EPHEMERAL) !== 0;
  }

  get marked(): true | undefined {
    return (this.#bytes[this.#at]! & MARKED) === 0 ? undefined : true;
  }

  get endPointCount(): number {
    return this.#bytes[this.#at + 1]!;
  }

  get sigKeyDigest(): string {
    return this.#bytes.toString('hex', this.#at + 2, this.#at + 34);
  }

  get name(): string {
    return this.#bytes.toString('latin1', this.#at + CLIENT_NAME_AT, this.#nameEnd);
  }

  get seq(): number | undefined {
    return this.#isSealed ? Number(this.#bytes.readBigUInt64LE(this.#nameEnd)) : undefined;
  }

  get statementDigest(): string | undefined {
    if (!this.#isSealed) return undefined;
    const digest = this.#bytes.toString('hex', this.#nameEnd + 8, this.#nameEnd + 40);
    return digest === NO_DIGEST ? undefined : digest;
  }

  /** A view of memory shared with other records. */
  get sealed(): Uint8Array | undefined {
    if (!this.#isSealed) return undefined;
    const fields = this.#bytes.subarray(this.#nameEnd + STATEMENT_HEAD_BYTES, this.#tokenAt);
    return fields.length === 0 ? undefined : fields;
  }

  /** A view of memory shared with other records. */
  get token(): Uint8Array {
    return this.#bytes.subarray(this.#tokenAt, this.#end);
  }

  get #nameEnd(): number {
    return this.#at + CLIENT_NAME_AT + this.#bytes[this.#at + CLIENT_NAME_AT - 1]!;
  }

  get #tokenAt(): number {
    if (!this.#isSealed) return this.#nameEnd;
    const fieldsAt = this.#nameEnd + STATEMENT_HEAD_BYTES;
    return fieldsAt + this.#bytes.readUInt16LE(fieldsAt - 2);
  }
}

function decodeCluster({ bytes, keyAt, valueAt, end }: Placed): ClusterRecord {
  const at = clusterAt(bytes, valueAt);
  const idAt = clusterIdAt(bytes, valueAt);
  const keep = !hasFlags(bytes, valueAt) || (bytes[at - 1]! & KEEP) !== 0;
  const confirmMs = bytes[valueAt] === FORMING_VERSION ? bytes.readUInt32LE(at + CLUSTER_ID_AT) : NO_CONFIRM_MS;
  return {
    kind: 'cluster',
    name: bytes.toString('latin1', keyAt + 1, valueAt),
    size: bytes[at]!,
    endPointCount: bytes[at + 1]!,
    attrs: bytes.readBigUInt64LE(at + 2),
    id: bytes.toString('hex', idAt, end),
    ...(keep && { keep }),
    ...(confirmMs !== NO_CONFIRM_MS && { confirmMs }),
    ...(isOwned(bytes, valueAt) && { owner: bytes.toString('hex', idAt - OWNER_BYTES, idAt) }),
  };
}

/** Offset of a cluster's ID. */
function clusterIdAt(bytes: Buffer, valueAt: number): number {
  const at = clusterAt(bytes, valueAt) + CLUSTER_ID_AT;
  if (bytes[valueAt] !== FORMING_VERSION) return at;
  return at + CONFIRM_BYTES + (isOwned(bytes, valueAt) ? OWNER_BYTES : 0);
}

function isOwned(bytes: Buffer, valueAt: number): boolean {
  return bytes[valueAt] === FORMING_VERSION && (bytes[valueAt + HEAD_BYTES]! & OWNED) !== 0;
}

/** Offset of a cluster's size field, which follows the flags if there are any. */
function clusterAt(bytes: Buffer, valueAt: number): number {
  return valueAt + HEAD_BYTES + (hasFlags(bytes, valueAt) ? 1 : 0);
}

function hasFlags(bytes: Buffer, valueAt: number): boolean {
  return bytes[valueAt]! >= CLUSTER_VERSION;
}

/** The value is a view of memory shared with other records. */
function decodeEntry({ bytes, keyAt, valueAt, end }: Placed): EntryRecord {
  const entryAt = keyAt + 1 + ID_BYTES;
  return {
    kind: 'entry',
    clusterId: bytes.toString('hex', keyAt + 1, entryAt),
    key: bytes.toString('hex', entryAt, valueAt),
    value: bytes.subarray(valueAt + HEAD_BYTES + 2, end),
  };
}

function decodeMember({ bytes, keyAt, valueAt, end }: Placed): MemberRecord | MemberRef {
  const clientIdAt = valueAt + HEAD_BYTES + 1;
  const nameAt = clientIdAt + bytes[clientIdAt - 1]! + 1;
  const nameEnd = nameAt + bytes[nameAt - 1]!;
  const fieldsAt = nameEnd + 2;
  const tokenAt = bytes[valueAt] === SEALED_VERSION ? fieldsAt + bytes.readUInt16LE(nameEnd) : nameEnd;
  const clusterId = bytes.toString('hex', keyAt + 1, valueAt - 1);
  const index = bytes[valueAt - 1]!;
  const clientId = bytes.toString('hex', clientIdAt, nameAt - 1);
  const name = bytes.toString('latin1', nameAt, nameEnd);
  if (tokenAt === end) return { kind: 'seat', clusterId, index, clientId, name };
  const sealed = tokenAt === nameEnd ? undefined : bytes.subarray(fieldsAt, tokenAt);
  const token = bytes.subarray(tokenAt, end);
  return { kind: 'member', clusterId, index, clientId, name, token, ...(sealed && { sealed }) };
}

/** A seat without a token, with the registration of its client. */
export function memberOf(seat: MemberRef, { token, sealed }: ClientRecord): MemberRecord {
  return { ...seat, kind: 'member', token, ...(sealed && { sealed }) };
}

/** True if a member's registration is the one of its client's record. */
export function hasRegistration(client: ClientRecord, { name, token, sealed = NOTHING }: MemberRecord): boolean {
  return client.name === name && isSameBytes(client.token, token) && isSameBytes(client.sealed ?? NOTHING, sealed);
}

export function isSameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

/** True if a client's record may take the place of `current`: the key is the same, or the change displaces that one. */
export function mayReplace({ sigKeyDigest, displaces }: ClientRecord, current: ClientRecord): boolean {
  return current.sigKeyDigest === sigKeyDigest || current.sigKeyDigest === displaces;
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
  if (value.length > HEAD_BYTES && version > (NEWEST_VERSIONS[key[0]!] ?? RECORD_VERSION)) {
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
