// Protobuf's building blocks, written a second time: they encode any field, valid or not, and read bytes as fields.

/** A field as in the bytes: a varint's value, or the bytes of a wire type 1, 2 or 5. */
export interface RawField {
  readonly number: number;
  readonly wireType: number;
  readonly value: bigint | Buffer;
}

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
export class Fields {
  readonly #byNumber = new Map<number, RawField[]>();

  constructor(source: Uint8Array, known: readonly number[], repeated: readonly number[] = []) {
    for (const one of decodeFields(source)) {
      if (!known.includes(one.number)) throw new Error(`unknown field ${one.number}`);
      const same = this.#byNumber.get(one.number) ?? [];
      if (same.length > 0 && !repeated.includes(one.number)) throw new Error(`field ${one.number} twice`);
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

  bool(number: number): boolean | undefined {
    const value = this.uint64(number);
    if (value !== undefined && value > 1n) throw new Error(`field ${number} is ${value}`);
    return value === undefined ? undefined : value === 1n;
  }
}

/** A copy of an object without undefined values. */
export function present<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

// ---- optional fields to encode

/** Appends a varint field, unless it is absent. */
export function number(out: Buffer[], at: number, value: number | bigint | undefined): void {
  if (value !== undefined) out.push(varintField(at, value));
}

/** Appends a length-delimited field, unless it is absent. */
export function bytes(out: Buffer[], at: number, value: Uint8Array | string | undefined): void {
  if (value !== undefined) out.push(bytesField(at, value));
}

/** Decodes UTF-8; throws on anything else. */
export function utf8(value: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value);
}
