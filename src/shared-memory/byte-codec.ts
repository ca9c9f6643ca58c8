// Writes fields to bytes and reads them back, for threads of one process: no versions, and no checks but bounds.

/** Writes fields from the start of a buffer. Throws RangeError at the buffer's end. */
export class ByteWriter {
  /** Bytes written so far. */
  at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** 0 to 255. */
  byte(value: number): void {
    this.at = this.#bytes.writeUInt8(value, this.at);
  }

  /** 0 to 2^32-1. */
  word(value: number): void {
    this.at = this.#bytes.writeUInt32LE(value, this.at);
  }

  /** 0 to 2^64-1. */
  long(value: bigint): void {
    this.at = this.#bytes.writeBigUInt64LE(value, this.at);
  }

  /** A string of hex digits for at most 255 bytes. */
  hex(digits: string): void {
    this.byte(digits.length / 2);
    this.at += this.#bytes.write(digits, this.at, 'hex');
  }

  /** UTF-8. */
  text(text: string): void {
    this.word(Buffer.byteLength(text));
    this.at += this.#bytes.write(text, this.at);
  }

  /** Starts at a multiple of 8: V8 copies unaligned shared memory byte by byte. */
  bytes(bytes: Uint8Array): void {
    this.word(bytes.length);
    this.at = aligned(this.at);
    this.#bytes.set(bytes, this.at);
    this.at += bytes.length;
  }
}

function aligned(at: number): number {
  return Math.ceil(at / 8) * 8;
}

/** Reads the fields of a ByteWriter in the same order. */
export class ByteReader {
  #at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  byte(): number {
    return this.#bytes[this.#at++]!;
  }

  word(): number {
    this.#at += 4;
    return this.#bytes.readUInt32LE(this.#at - 4);
  }

  long(): bigint {
    this.#at += 8;
    return this.#bytes.readBigUInt64LE(this.#at - 8);
  }

  hex(): string {
    const length = this.byte();
    return this.#bytes.toString('hex', this.#at, this.#step(length));
  }

  text(): string {
    const length = this.word();
    return this.#bytes.toString('utf8', this.#at, this.#step(length));
  }

  /** Returns a view of the buffer. */
  bytes(): Uint8Array {
    const length = this.word();
    this.#at = aligned(this.#at);
    return this.#bytes.subarray(this.#at, this.#step(length));
  }

  #step(length: number): number {
    this.#at += length;
    return this.#at;
  }
}
