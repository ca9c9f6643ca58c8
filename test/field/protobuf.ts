// XLRegMsg's wire format, written a second time from docs/reference/protocol.md and the message set alone, to test the
// server against the page. Decoding is stricter than protobuf: an unknown, repeated or mistyped field from a registry
// is an error. The building blocks below encode anything, valid or not.

/** The values of Op. */
export const OP = {
  RegCredRequest: 1,
  RegCredReply: 2,
  Client: 3,
  ClientOK: 4,
  Create: 5,
  CreateReply: 6,
  Join: 7,
  JoinReply: 8,
  GetCluster: 9,
  ClusterMembers: 10,
  Bye: 11,
  Ack: 12,
  Error: 13,
} as const;

/** A field as in the bytes: a varint's value, or the bytes of a wire type 1, 2 or 5. */
export interface RawField {
  readonly number: number;
  readonly wireType: number;
  readonly value: bigint | Buffer;
}

/** A decoded token. */
export interface FieldToken {
  name?: string;
  attrs?: bigint;
  id?: Buffer;
  commsKey?: Buffer;
  sigKey?: Buffer;
  myEnds: string[];
  digSig?: Buffer;
  sealKey?: Buffer;
  seq?: bigint;
  statement?: Buffer;
  labels?: string;
}

/** A decoded message; `tokens` may be empty. */
export interface FieldMessage {
  op: number;
  aesIv?: Buffer;
  aesKey?: Buffer;
  salt1?: Buffer;
  salt2?: Buffer;
  version?: number;
  clientName?: string;
  clientId?: Buffer;
  clientAttrs?: bigint;
  clientSpecs?: FieldToken;
  clusterId?: Buffer;
  clusterName?: string;
  clusterSize?: number;
  clusterAttrs?: bigint;
  endPointCount?: number;
  which?: bigint;
  tokens: FieldToken[];
  digSig?: Buffer;
  errDesc?: string;
}

/** The fields of a token to encode. Bytes in place of a string are sent as they are. */
export interface TokenInput {
  readonly name?: string | Uint8Array | undefined;
  readonly attrs?: number | bigint | undefined;
  readonly id?: Uint8Array | undefined;
  readonly commsKey?: Uint8Array | undefined;
  readonly sigKey?: Uint8Array | undefined;
  readonly myEnds?: readonly (string | Uint8Array)[] | undefined;
  readonly digSig?: Uint8Array | undefined;
  readonly sealKey?: Uint8Array | undefined;
  readonly seq?: number | bigint | undefined;
  readonly statement?: Uint8Array | undefined;
  readonly labels?: string | Uint8Array | undefined;
}

/** The fields of a message to encode. Tokens may be encoded already; `extra` is appended as it is. */
export interface MessageInput {
  readonly op?: number | bigint | undefined;
  readonly aesIv?: Uint8Array | undefined;
  readonly aesKey?: Uint8Array | undefined;
  readonly salt1?: Uint8Array | undefined;
  readonly salt2?: Uint8Array | undefined;
  readonly version?: number | bigint | undefined;
  readonly clientName?: string | Uint8Array | undefined;
  readonly clientId?: Uint8Array | undefined;
  readonly clientAttrs?: number | bigint | undefined;
  readonly clientSpecs?: Uint8Array | TokenInput | undefined;
  readonly clusterId?: Uint8Array | undefined;
  readonly clusterName?: string | Uint8Array | undefined;
  readonly clusterSize?: number | bigint | undefined;
  readonly clusterAttrs?: number | bigint | undefined;
  readonly endPointCount?: number | bigint | undefined;
  readonly which?: number | bigint | undefined;
  readonly tokens?: readonly (Uint8Array | TokenInput)[] | undefined;
  readonly digSig?: Uint8Array | undefined;
  readonly errDesc?: string | Uint8Array | undefined;
  readonly extra?: Uint8Array | undefined;
}

// ---- building blocks

/** A varint. A negative value becomes its 64-bit two's complement (10 bytes); a value above 64 bits stays as it is. */
export function varint(value: number | bigint): Buffer {
  let rest = BigInt(value);
  if (rest < 0n) rest = BigInt.asUintN(64, rest);
  const bytes: number[] = [];
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

/** A varint in exactly `length` bytes, possibly overlong (`83 00` for 3 in two). */
export function overlongVarint(value: number | bigint, length: number): Buffer {
  const shortest = varint(value);
  if (shortest.length > length) throw new RangeError(`${value} needs more than ${length} bytes`);
  const out = Buffer.alloc(length, 0x80);
  shortest.copy(out);
  if (shortest.length < length) {
    out[shortest.length - 1]! |= 0x80;
    out[length - 1] = 0;
  }
  return out;
}

/** A field's tag: any number and any of the eight wire types, valid or not. */
export function key(number: number | bigint, wireType: number): Buffer {
  return varint((BigInt(number) << 3n) | BigInt(wireType));
}

/** A field of any wire type with these bytes as its value; for wire type 2 they include the length. */
export function field(number: number | bigint, wireType: number, value: Uint8Array): Buffer {
  return Buffer.concat([key(number, wireType), value]);
}

/** A varint field (wire type 0). */
export function varintField(number: number, value: number | bigint): Buffer {
  return field(number, 0, varint(value));
}

/** A length-delimited field (wire type 2): bytes, a string, or an encoded message. */
export function bytesField(number: number, value: Uint8Array | string): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
  return field(number, 2, Buffer.concat([varint(bytes.length), bytes]));
}

// ---- encoding

function number(out: Buffer[], at: number, value: number | bigint | undefined): void {
  if (value !== undefined) out.push(varintField(at, value));
}

function bytes(out: Buffer[], at: number, value: Uint8Array | string | undefined): void {
  if (value !== undefined) out.push(bytesField(at, value));
}

/** Encodes a token's fields in the order of their numbers. */
export function encodeToken(token: TokenInput): Buffer {
  const out: Buffer[] = [];
  bytes(out, 1, token.name);
  number(out, 2, token.attrs);
  bytes(out, 3, token.id);
  bytes(out, 4, token.commsKey);
  bytes(out, 5, token.sigKey);
  for (const end of token.myEnds ?? []) bytes(out, 6, end);
  bytes(out, 7, token.digSig);
  bytes(out, 32, token.sealKey);
  number(out, 33, token.seq);
  bytes(out, 34, token.statement);
  bytes(out, 35, token.labels);
  return Buffer.concat(out);
}

function tokenBytes(token: Uint8Array | TokenInput | undefined): Uint8Array | undefined {
  return token === undefined || token instanceof Uint8Array ? token : encodeToken(token);
}

/** Encodes a message's fields in the order of their numbers. */
export function encodeMessage(message: MessageInput): Buffer {
  const out: Buffer[] = [];
  number(out, 1, message.op);
  bytes(out, 2, message.aesIv);
  bytes(out, 3, message.aesKey);
  bytes(out, 4, message.salt1);
  bytes(out, 5, message.salt2);
  number(out, 6, message.version);
  bytes(out, 8, message.clientName);
  bytes(out, 9, message.clientId);
  number(out, 10, message.clientAttrs);
  bytes(out, 11, tokenBytes(message.clientSpecs));
  bytes(out, 13, message.clusterId);
  bytes(out, 14, message.clusterName);
  number(out, 15, message.clusterSize);
  number(out, 16, message.clusterAttrs);
  number(out, 17, message.endPointCount);
  number(out, 20, message.which);
  for (const token of message.tokens ?? []) bytes(out, 21, tokenBytes(token));
  bytes(out, 22, message.digSig);
  bytes(out, 23, message.errDesc);
  if (message.extra !== undefined) out.push(Buffer.from(message.extra));
  return Buffer.concat(out);
}

// ---- decoding

function readVarint(source: Uint8Array, start: number): { value: bigint; end: number } {
  let value = 0n;
  for (let i = 0; i < 10; i++) {
    const byte = source[start + i];
    if (byte === undefined) throw new Error('truncated varint');
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) {
      if (value >= 1n << 64n) throw new Error('varint beyond 64 bits');
      return { value, end: start + i + 1 };
    }
  }
  throw new Error('varint of more than 10 bytes');
}

/** All fields of a message, in order. Throws on bytes that are not whole fields, and on groups. */
export function decodeFields(source: Uint8Array): RawField[] {
  const whole = Buffer.from(source.buffer, source.byteOffset, source.byteLength);
  const fields: RawField[] = [];
  let at = 0;
  while (at < whole.length) {
    const { value: tag, end } = readVarint(whole, at);
    const fieldNumber = Number(tag >> 3n);
    const wireType = Number(tag & 7n);
    if (fieldNumber < 1 || fieldNumber > 0x1fff_ffff) throw new Error(`field number ${fieldNumber}`);
    at = end;
    if (wireType === 0) {
      const read = readVarint(whole, at);
      fields.push({ number: fieldNumber, wireType, value: read.value });
      at = read.end;
      continue;
    }
    let length = wireType === 1 ? 8 : 4;
    if (wireType === 2) {
      const read = readVarint(whole, at);
      at = read.end;
      if (read.value > BigInt(whole.length - at)) throw new Error('truncated field');
      length = Number(read.value);
    } else if (wireType !== 1 && wireType !== 5) {
      throw new Error(`wire type ${wireType}`);
    }
    if (at + length > whole.length) throw new Error('truncated field');
    fields.push({ number: fieldNumber, wireType, value: Buffer.from(whole.subarray(at, at + length)) });
    at += length;
  }
  return fields;
}

/**
 * Fields by number. Throws on a number that is not `known`, and on a second field of a number that is not `repeated`.
 */
class Fields {
  readonly #byNumber = new Map<number, RawField[]>();

  constructor(source: Uint8Array, known: readonly number[], repeated: number) {
    for (const one of decodeFields(source)) {
      if (!known.includes(one.number)) throw new Error(`unknown field ${one.number}`);
      const same = this.#byNumber.get(one.number) ?? [];
      if (same.length > 0 && one.number !== repeated) throw new Error(`field ${one.number} twice`);
      same.push(one);
      this.#byNumber.set(one.number, same);
    }
  }

  all(number: number): Buffer[] {
    return (this.#byNumber.get(number) ?? []).map(({ value }) => {
      if (typeof value === 'bigint') throw new Error(`field ${number} is a varint`);
      return value;
    });
  }

  bytes(number: number): Buffer | undefined {
    return this.all(number)[0];
  }

  text(number: number): string | undefined {
    const value = this.bytes(number);
    return value === undefined ? undefined : utf8(value);
  }

  uint64(number: number): bigint | undefined {
    const value = this.#byNumber.get(number)?.[0]?.value;
    if (typeof value === 'object') throw new Error(`field ${number} is no varint`);
    return value;
  }

  uint32(number: number): number | undefined {
    const value = this.uint64(number);
    if (value !== undefined && value > 0xffff_ffffn) throw new Error(`field ${number} is ${value}`);
    return value === undefined ? undefined : Number(value);
  }
}

function utf8(value: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value);
}

/** A copy of an object without undefined values. */
function present<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

const TOKEN_FIELDS = [1, 2, 3, 4, 5, 6, 7];
const MESSAGE_FIELDS = [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 13, 14, 15, 16, 17, 20, 21, 22, 23];
const FORMING_FIELDS = [37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 60, 61];
const SEALED_MESSAGE_FIELDS = [...MESSAGE_FIELDS, 32, 33, 34, 35, 36, ...FORMING_FIELDS];

const SEALED_TOKEN_FIELDS = [...TOKEN_FIELDS, 32, 33, 34, 35];

/** Decodes a token; throws on anything outside the message set. `sealed` adds the fields that only that dialect has. */
export function decodeToken(source: Uint8Array, sealed = false): FieldToken {
  const fields = new Fields(source, sealed ? SEALED_TOKEN_FIELDS : TOKEN_FIELDS, 6);
  return present<FieldToken>({
    name: fields.text(1),
    attrs: fields.uint64(2),
    id: fields.bytes(3),
    commsKey: fields.bytes(4),
    sigKey: fields.bytes(5),
    myEnds: fields.all(6).map(utf8),
    digSig: fields.bytes(7),
    sealKey: fields.bytes(32),
    seq: fields.uint64(33),
    statement: fields.bytes(34),
    labels: fields.text(35),
  });
}

/** Decodes a message; throws on anything outside the message set, and without an Op. */
export function decodeMessage(source: Uint8Array, sealed = false): FieldMessage {
  const fields = new Fields(source, sealed ? SEALED_MESSAGE_FIELDS : MESSAGE_FIELDS, 21);
  const op = fields.uint32(1);
  if (op === undefined) throw new Error('no Op');
  const specs = fields.bytes(11);
  return present<FieldMessage>({
    op,
    aesIv: fields.bytes(2),
    aesKey: fields.bytes(3),
    salt1: fields.bytes(4),
    salt2: fields.bytes(5),
    version: fields.uint32(6),
    clientName: fields.text(8),
    clientId: fields.bytes(9),
    clientAttrs: fields.uint64(10),
    clientSpecs: specs === undefined ? undefined : decodeToken(specs, sealed),
    clusterId: fields.bytes(13),
    clusterName: fields.text(14),
    clusterSize: fields.uint32(15),
    clusterAttrs: fields.uint64(16),
    endPointCount: fields.uint32(17),
    which: fields.uint64(20),
    tokens: fields.all(21).map((token) => decodeToken(token, sealed)),
    digSig: fields.bytes(22),
    errDesc: fields.text(23),
  });
}
