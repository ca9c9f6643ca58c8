// The body of a roster to keep (W2), what the registry signs of it, and the check of that signature.
//
//   body = "xlReg roster body 1\0" L(registry ID) L(cluster ID) L(name) size(1) term(8) epoch(8) time(8) before(32) seat*
//   seat = kind(1) digest(32)                              L(x) = length(2) x; integers are big-endian
import { hash, type KeyObject } from 'node:crypto';
import { CLUSTER_SIZE_MAX, CLUSTER_SIZE_MIN } from '../limits.ts';
import { isNodeId } from './member-token.ts';
import { isName } from './name.ts';
import { signPss, verifyPss } from './pss.ts';

const BODY_PREFIX = Buffer.from('xlReg roster body 1\0');
const SIGNED_PREFIX = Buffer.from('xlReg roster 1\0');
const DIGEST_BYTES = 32;
const NO_DIGEST = new Uint8Array(DIGEST_BYTES);
/** By the kind's number. */
const SEAT_KINDS = ['empty', 'stated', 'unstated'] as const;

/** A seat in a body. */
export interface RosterSeat {
  /** `stated`: the digest is SHA-256 of the member's statement S (L1). `unstated`: of its token field (R10). */
  readonly kind: (typeof SEAT_KINDS)[number];
  /** 32 bytes; zeros for an empty seat. */
  readonly digest: Uint8Array;
}

/** The fields of a body. */
export interface RosterBody {
  readonly registryId: Uint8Array;
  readonly clusterId: Uint8Array;
  /** The cluster's name. */
  readonly name: string;
  /** 1 to 2^53-1; rises when the registry is restored from a backup (W4). */
  readonly term: number;
  /** 1 to 2^53-1; rises with each change of the complete cluster. */
  readonly epoch: number;
  /** Milliseconds since 1970, on the registry's clock. */
  readonly time: number;
  /** SHA-256 of the body before; zeros if there is none. */
  readonly before: Uint8Array;
  /** One for each seat of the cluster, by index. */
  readonly seats: readonly RosterSeat[];
}

/** A seat without a member. */
export const EMPTY_SEAT: RosterSeat = { kind: 'empty', digest: NO_DIGEST };

/** Encodes a body. */
export function encodeRosterBody({ registryId, clusterId, name, seats, ...fields }: RosterBody): Buffer {
  const numbers = Buffer.alloc(24);
  for (const [at, value] of [fields.term, fields.epoch, fields.time].entries()) {
    numbers.writeBigUInt64BE(BigInt(value), at * 8);
  }
  return Buffer.concat([
    ...[BODY_PREFIX, ...lengthFirst(registryId), ...lengthFirst(clusterId), ...lengthFirst(Buffer.from(name))],
    ...[Buffer.of(seats.length), numbers, fields.before],
    ...seats.flatMap(({ kind, digest }) => [Buffer.of(SEAT_KINDS.indexOf(kind)), digest]),
  ]);
}

/** Decodes a body; undefined unless it is one, to the last byte. The digests are views of `bytes`. */
export function decodeRosterBody(bytes: Uint8Array): RosterBody | undefined {
  const from = new Reader(bytes);
  const prefix = from.take(BODY_PREFIX.length);
  const [registryId, clusterId, nameBytes] = [from.field(), from.field(), from.field()];
  const size = from.take(1)[0] ?? 0;
  const [term, epoch, time] = [from.uint64(), from.uint64(), from.uint64()];
  const before = from.take(DIGEST_BYTES);
  const seats = Array.from({ length: size }, () => from.seat());
  const name = Buffer.from(nameBytes).toString('latin1');
  if (!from.isWhole || !BODY_PREFIX.equals(prefix)) return undefined;
  if (!isNodeId(registryId) || !isNodeId(clusterId) || !isName(name)) return undefined;
  if (size < CLUSTER_SIZE_MIN || size > CLUSTER_SIZE_MAX || !seats.every(isSeat)) return undefined;
  if (![term, epoch, time].every(Number.isSafeInteger) || term < 1 || epoch < 1) return undefined;
  return { registryId, clusterId, name, term, epoch, time, before, seats };
}

/** SHA-256 of a body: names it in the next one. */
export function rosterBodyDigest(body: Uint8Array): Buffer {
  return hash('sha256', body, 'buffer');
}

/** The registry's signature over a body, by sk. */
export function signRosterBody(sigKey: KeyObject, body: Uint8Array): Buffer {
  return signPss(sigKey, Buffer.concat([SIGNED_PREFIX, rosterBodyDigest(body)]));
}

/** True if `signature` is the registry's over `body`. */
export function verifyRosterBody(sigKey: KeyObject, body: Uint8Array, signature: Uint8Array): boolean {
  return verifyPss(sigKey, Buffer.concat([SIGNED_PREFIX, rosterBodyDigest(body)]), signature);
}

function lengthFirst(part: Uint8Array): readonly [Buffer, Uint8Array] {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(part.length);
  return [length, part];
}

function isSeat({ kind, digest }: { readonly kind: string | undefined; readonly digest: Uint8Array }): boolean {
  return kind !== undefined && (kind !== 'empty' || digest.every((byte) => byte === 0));
}

/** Reads parts; behind the end they are shorter than wanted, and isWhole is false. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** True if exactly all bytes have been read. */
  get isWhole(): boolean {
    return this.#at === this.#bytes.length;
  }

  take(length: number): Buffer {
    const part = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return part;
  }

  field(): Buffer {
    const length = this.take(2);
    return this.take(length.length === 2 ? length.readUInt16BE() : 0);
  }

  uint64(): number {
    const value = this.take(8);
    return value.length === 8 ? Number(value.readBigUInt64BE()) : 0;
  }

  seat(): RosterSeat {
    const kind = SEAT_KINDS[this.take(1)[0] ?? SEAT_KINDS.length]!;
    return { kind, digest: this.take(DIGEST_BYTES) };
  }
}
