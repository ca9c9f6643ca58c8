// Checks a message's bytes strictly before the protobuf library sees them (M3 to M8), and finds the message's end (F5).
// Part of stage 2 (decode) of the data path, parallel in the workers. One iterative pass; a length field never causes
// an allocation.
//
//   message = field*            field = tag value           tag = varint of number*8 + wire type
//   value   = varint (type 0) | 8 bytes (type 1) | length bytes (type 2) | 4 bytes (type 5)
import { isUtf8 } from 'node:buffer';
import { BLOCK_BYTES, REPEATED_FIELDS_MAX, UNKNOWN_FIELDS_MAX } from '../limits.ts';
import { isPaddedAt } from './aes-cbc.ts';

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/** Maximum bytes of a varint: for tags and lengths (32 bits), and for values (64 bits). */
const KEY_BYTES_MAX = 5;
const VALUE_BYTES_MAX = 10;

/** Field numbers with rules beyond their wire type. */
const OP = 1;
const CLIENT_SPECS = 11;
const TOKENS = 21;
const TOKEN_MY_ENDS = 6;
const TOKEN_HASHES = 52;

type FieldKind = 'op' | 'bool' | 'uint32' | 'uint64' | 'bytes' | 'string' | 'token' | 'token-spec';

/** The fields of a message and of its parts, by number. */
interface FieldTables {
  readonly message: ReadonlyMap<number, FieldKind>;
  readonly token: ReadonlyMap<number, FieldKind>;
}

/** The fields of proto/xlreg.proto below 32, as the strict check needs them. A test compares the two. */
export const MESSAGE_FIELDS: ReadonlyMap<number, FieldKind> = new Map([
  [1, 'op'],
  [2, 'bytes'],
  [3, 'bytes'],
  [4, 'bytes'],
  [5, 'bytes'],
  [6, 'uint32'],
  [8, 'string'],
  [9, 'bytes'],
  [10, 'uint64'],
  [11, 'token'],
  [13, 'bytes'],
  [14, 'string'],
  [15, 'uint32'],
  [16, 'uint64'],
  [17, 'uint32'],
  [20, 'uint64'],
  [21, 'token'],
  [22, 'bytes'],
  [23, 'string'],
]);

/** The fields of Token below 32. */
export const TOKEN_FIELDS: ReadonlyMap<number, FieldKind> = new Map([
  [1, 'string'],
  [2, 'uint64'],
  [3, 'bytes'],
  [4, 'bytes'],
  [5, 'bytes'],
  [6, 'string'],
  [7, 'bytes'],
]);

/** Further fields of the sealed dialect. In the others they are unknown (M5). */
export const SEALED_MESSAGE_FIELDS: ReadonlyMap<number, FieldKind> = new Map([
  [32, 'uint32'],
  [33, 'bool'],
  [34, 'uint32'],
  [35, 'string'],
  [36, 'uint64'],
  [37, 'uint64'],
  [38, 'uint32'],
  [39, 'bool'],
  [40, 'uint32'],
  [41, 'bytes'],
  [42, 'uint64'],
  [43, 'uint64'],
  [44, 'uint64'],
  [45, 'bytes'],
  [46, 'uint32'],
  [47, 'uint64'],
  [48, 'bytes'],
  [49, 'uint32'],
  [50, 'bytes'],
  [51, 'token-spec'],
  [52, 'bytes'],
  [60, 'bytes'],
  [61, 'bytes'],
]);

/** The fields of TokenSpec. */
export const TOKEN_SPEC_FIELDS: ReadonlyMap<number, FieldKind> = new Map([
  [1, 'bytes'],
  [2, 'uint32'],
  [3, 'uint64'],
  [4, 'string'],
  [5, 'bool'],
  [6, 'bool'],
  [7, 'uint32'],
]);

/** Further fields of Token in the sealed dialect. */
export const SEALED_TOKEN_FIELDS: ReadonlyMap<number, FieldKind> = new Map([
  [32, 'bytes'],
  [33, 'uint64'],
  [34, 'bytes'],
  [35, 'string'],
]);

const OLD_FIELDS: FieldTables = { message: MESSAGE_FIELDS, token: TOKEN_FIELDS };
const SEALED_FIELDS: FieldTables = {
  message: new Map([...MESSAGE_FIELDS, ...SEALED_MESSAGE_FIELDS]),
  token: new Map([...TOKEN_FIELDS, ...SEALED_TOKEN_FIELDS]),
};

/** Position of a message in the decrypted bytes. */
export interface FoundMessage {
  /** End of the protobuf bytes, exclusive. */
  readonly end: number;
  /** End of the last block, padding included: the start of the next message. */
  readonly paddedEnd: number;
  /** Value of the last Op as encoded, not truncated to 32 bits (M3). */
  readonly op: number;
}

/** State of a scan. All bytes before `at` are complete and valid. Contains no secret. */
export interface ScanState {
  /** Offset of the next field. */
  readonly at: number;
  readonly hasOp: boolean;
  readonly unknownFields: number;
  readonly clientSpecs: number;
  readonly tokens: number;
}

/** A scan that has not reached the message's end. */
export interface UnfinishedScan {
  readonly end: undefined;
  readonly paddedEnd?: undefined;
  readonly state: ScanState;
  /** Bytes, in whole blocks with padding, that the message needs at least; Infinity if it can never end. */
  readonly needed: number;
}

/** Starts a scan at offset `at`. */
export function scanFrom(at: number): ScanState {
  return { at, hasOp: false, unknownFields: 0, clientSpecs: 0, tokens: 0 };
}

/** Reads fields in sequence. `at` advances only past complete and valid fields. */
class FieldReader {
  at: number;
  readonly #bytes: Uint8Array;
  readonly #end: number;
  /** After an incomplete field: the bytes that complete it, or Infinity if nothing can. */
  needed = Infinity;
  /** The last field read. */
  number = 0;
  value = 0;
  valueStart = 0;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.at = start;
    this.#end = end;
  }

  get done(): boolean {
    return this.at === this.#end;
  }

  /**
   * Reads a varint of at most 64 bits and `bytesMax` bytes into `value`. Inexact above 2^53, which no rule needs
   * exactly.
   */
  #varint(bytesMax: number): boolean {
    let value = 0;
    let scale = 1;
    for (let count = 1; count <= bytesMax; count++) {
      if (this.at === this.#end) {
        this.needed = this.#end + 1;
        return false;
      }
      const byte = this.#bytes[this.at++]!;
      if (count === 10 && byte > 1) return false;
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) {
        this.value = value;
        return true;
      }
    }
    return false;
  }

  /**
   * Reads the next field and checks its wire type. Returns its kind, `unknown`, or undefined if the bytes are invalid
   * or incomplete. The value of a length-delimited field is `valueStart` to `at`.
   */
  next(fields: ReadonlyMap<number, FieldKind>): FieldKind | 'unknown' | undefined {
    if (!this.#varint(KEY_BYTES_MAX) || this.value > 0xffff_ffff) return undefined;
    const wireType = this.value % 8;
    this.number = Math.floor(this.value / 8);
    if (this.number === 0) return undefined;
    const kind = fields.get(this.number) ?? 'unknown';
    const expected = isNumeric(kind) ? VARINT : LENGTH_DELIMITED;
    if (kind !== 'unknown' && wireType !== expected) return undefined;
    if (wireType === VARINT) {
      if (!this.#varint(VALUE_BYTES_MAX) || (kind === 'uint32' && this.value > 0xffff_ffff)) return undefined;
      return kind;
    }
    if (wireType === LENGTH_DELIMITED && !this.#varint(KEY_BYTES_MAX)) return undefined;
    const length =
      wireType === LENGTH_DELIMITED ? this.value : wireType === FIXED64 ? 8 : wireType === FIXED32 ? 4 : Infinity;
    if (length > this.#end - this.at) {
      this.needed = this.at + length;
      return undefined;
    }
    this.valueStart = this.at;
    this.at += length;
    if (kind === 'string' && !isText(this.#bytes.subarray(this.valueStart, this.at))) return undefined;
    return kind;
  }
}

function isNumeric(kind: FieldKind | 'unknown'): boolean {
  return kind === 'op' || kind === 'uint32' || kind === 'uint64' || kind === 'bool';
}

/** Valid UTF-8 without NUL (M4). */
function isText(bytes: Uint8Array): boolean {
  return isUtf8(bytes) && !bytes.includes(0);
}

/** Counts the fields that a message may repeat only up to a bound. */
class FieldCounts {
  #unknown: number;
  #clientSpecs: number;
  #tokens: number;
  /** Sealed dialect only, whose messages are checked whole. */
  readonly #ofSealed = new Map<number, number>();

  constructor({ unknownFields, clientSpecs, tokens }: ScanState) {
    this.#unknown = unknownFields;
    this.#clientSpecs = clientSpecs;
    this.#tokens = tokens;
  }

  /** Returns the state for a later scan. Counts above a bound stay above it. */
  stateAt(at: number, hasOp: boolean): ScanState {
    return { at, hasOp, unknownFields: this.#unknown, clientSpecs: this.#clientSpecs, tokens: this.#tokens };
  }

  /** Counts an unknown field; false if that is one too many. */
  unknown(): boolean {
    return ++this.#unknown <= UNKNOWN_FIELDS_MAX;
  }

  /** Counts a field that the sealed dialect repeats; false if that is one too many. */
  repeated(number: number): boolean {
    const count = (this.#ofSealed.get(number) ?? 0) + 1;
    this.#ofSealed.set(number, count);
    return count <= REPEATED_FIELDS_MAX;
  }

  /** Counts a field of kind `token`; false if that is one too many. */
  token(number: number): boolean {
    if (number === CLIENT_SPECS) return ++this.#clientSpecs <= 1;
    return number !== TOKENS || ++this.#tokens <= REPEATED_FIELDS_MAX;
  }
}

/** True if the bytes are a valid part with these fields, such as a Token. */
function isPart(
  bytes: Uint8Array,
  start: number,
  end: number,
  counts: FieldCounts,
  fields: ReadonlyMap<number, FieldKind>,
): boolean {
  const reader = new FieldReader(bytes, start, end);
  let myEnds = 0;
  while (!reader.done) {
    const kind = reader.next(fields);
    if (kind === undefined) return false;
    if (kind === 'unknown' && !counts.unknown()) return false;
    const isEnd = reader.number === TOKEN_MY_ENDS && fields !== TOKEN_SPEC_FIELDS;
    if (isEnd && ++myEnds > REPEATED_FIELDS_MAX) return false;
  }
  return true;
}

/**
 * Finds the first message in decrypted bytes, with fields from `start` on. The message ends at the first field end that
 * has an Op before it and valid padding after it. The padding fills the block. Undefined while a message is incomplete,
 * and also if it can never be complete (F5).
 */
export function findMessage(plain: Uint8Array, start: number): FoundMessage | undefined {
  const found = scanMessage(plain, scanFrom(start));
  return found.end === undefined ? undefined : found;
}

/**
 * Continues an earlier scan of the same message, without the bytes before its state. `plain` begins at a block boundary
 * of the message; offsets count from its first byte. Finds the same end as findMessage() of all bytes. `op` is 0 if the
 * Op lay in the earlier bytes.
 */
export function scanMessage(plain: Uint8Array, state: ScanState): FoundMessage | UnfinishedScan {
  const reader = new FieldReader(plain, state.at, plain.length);
  const counts = new FieldCounts(state);
  let op = state.hasOp ? 0 : undefined;
  for (;;) {
    const end = reader.at;
    if (op !== undefined && isPaddedAt(plain, end)) return { end, paddedEnd: blockEnd(end), op };
    const kind = reader.next(MESSAGE_FIELDS);
    if (kind === undefined || !isAllowed(kind, reader, plain, counts, OLD_FIELDS)) {
      const needed = kind === undefined ? blockEnd(reader.needed) : Infinity;
      return { end: undefined, state: counts.stateAt(end, op !== undefined), needed };
    }
    if (reader.number === OP) op = reader.value;
  }
}

/**
 * Checks bytes that are one whole message of the sealed dialect, which needs no padding. Returns its Op as encoded, or
 * undefined if they are none (M3 to M8).
 */
export function checkWholeMessage(plain: Uint8Array): number | undefined {
  const start = scanFrom(0);
  const reader = new FieldReader(plain, start.at, plain.length);
  const counts = new FieldCounts(start);
  let op: number | undefined;
  while (!reader.done) {
    const kind = reader.next(SEALED_FIELDS.message);
    if (kind === undefined || !isAllowed(kind, reader, plain, counts, SEALED_FIELDS)) return undefined;
    if (reader.number === OP) op = reader.value;
  }
  return op;
}

/** True if the message may have this field besides the earlier ones (M5, M6) and, for a token or its like, its content is valid. */
function isAllowed(
  kind: FieldKind | 'unknown',
  reader: FieldReader,
  plain: Uint8Array,
  counts: FieldCounts,
  fields: FieldTables,
): boolean {
  if (kind === 'unknown') return counts.unknown();
  const { number, valueStart, at } = reader;
  if (kind === 'token') return counts.token(number) && isPart(plain, valueStart, at, counts, fields.token);
  if (kind === 'token-spec') {
    return counts.repeated(number) && isPart(plain, valueStart, at, counts, TOKEN_SPEC_FIELDS);
  }
  return number !== TOKEN_HASHES || fields !== SEALED_FIELDS || counts.repeated(number);
}

/** End of the block that the padding of a message of `end` bytes fills. */
function blockEnd(end: number): number {
  return end === Infinity ? Infinity : end + BLOCK_BYTES - (end % BLOCK_BYTES);
}
