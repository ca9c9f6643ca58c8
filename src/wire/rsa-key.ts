// RSA public keys as peers send them: SubjectPublicKeyInfo DER, checked byte by byte before a crypto library sees them
// (T4). Part of stage 2 (verify) of the data path, parallel in the workers. Invariant: a checked key has bounded size
// and exponent, and the only valid encoding.
//
//   SPKI    = 30 len { 30 0d { 06 09 rsaEncryption  05 00 }  03 len { 00  PKCS1 } }
//   PKCS1   = 30 len { 02 len modulus  02 len exponent }          lengths minimal, integers minimal and positive
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { RSA_BITS_MAX, RSA_BITS_MIN } from '../limits.ts';

/** A checked key. `pkcs1` is the part of the SPKI with modulus and exponent. */
export interface RsaKeyParts {
  readonly pkcs1: Uint8Array;
  /** Big-endian, without a leading zero. */
  readonly modulus: Uint8Array;
  readonly exponent: Uint8Array;
}

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const RSA_ALGORITHM = Buffer.from('300d06092a864886f70d0101010500', 'hex');
const SSH_RSA = Buffer.from('ssh-rsa');

/** Reads DER in sequence. Each method returns undefined if the bytes are not strict DER. */
class DerReader {
  #at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Returns the content of the next element, if it has this tag and a minimal length within bounds. */
  element(tag: number): Uint8Array | undefined {
    const bytes = this.#bytes;
    if (bytes[this.#at] !== tag) return undefined;
    let length = bytes[this.#at + 1] ?? 0xff;
    let start = this.#at + 2;
    if (length > 0x82) return undefined;
    if (length >= 0x80) {
      const lengthBytes = length - 0x80;
      if (lengthBytes === 0 || start + lengthBytes > bytes.length) return undefined;
      length = lengthBytes === 1 ? bytes[start]! : bytes[start]! * 256 + bytes[start + 1]!;
      if (length < (lengthBytes === 1 ? 0x80 : 0x100)) return undefined;
      start += lengthBytes;
    }
    if (start + length > bytes.length) return undefined;
    this.#at = start + length;
    return bytes.subarray(start, start + length);
  }

  /** Reads the next element as a positive integer: big-endian, without the sign byte. */
  positiveInteger(): Uint8Array | undefined {
    const bytes = this.element(INTEGER);
    return bytes && positiveOf(bytes);
  }

  /** Consumes exactly these bytes; false if others follow. */
  literal(expected: Uint8Array): boolean {
    const found = this.#bytes.subarray(this.#at, this.#at + expected.length);
    if (Buffer.compare(found, expected) !== 0) return false;
    this.#at += expected.length;
    return true;
  }
}

/** Strips the sign byte of a big-endian, positive, minimal two's complement number, as DER and SSH encode it. */
function positiveOf(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length === 0 || bytes[0]! >= 0x80) return undefined;
  if (bytes[0] !== 0) return bytes;
  return bytes.length > 1 && bytes[1]! >= 0x80 ? bytes.subarray(1) : undefined;
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}

/** Bits of a big-endian number without leading zero bytes. */
function bitLength(bytes: Uint8Array): number {
  return bytes.length * 8 - Math.clz32(bytes[0]!) + 24;
}

function isOdd(bytes: Uint8Array): boolean {
  return (bytes.at(-1)! & 1) === 1;
}

/** T4: modulus of 1024 to 4096 bits, odd; exponent odd, at least 3 and below 2^31. */
function withinBounds(modulus: Uint8Array, exponent: Uint8Array): boolean {
  const bits = bitLength(modulus);
  if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX || !isOdd(modulus)) return false;
  return isOdd(exponent) && bitLength(exponent) <= 31 && (exponent.length > 1 || exponent[0]! >= 3);
}

/** Parses a SubjectPublicKeyInfo; undefined if it breaks T4. Costs no crypto. */
export function parseSpki(spki: Uint8Array): RsaKeyParts | undefined {
  const outer = new DerReader(spki);
  const info = outer.element(SEQUENCE);
  if (info === undefined || !outer.done) return undefined;
  const fields = new DerReader(info);
  if (!fields.literal(RSA_ALGORITHM)) return undefined;
  const bits = fields.element(BIT_STRING);
  if (bits === undefined || bits[0] !== 0 || !fields.done) return undefined;
  const pkcs1 = bits.subarray(1);

  const body = new DerReader(pkcs1);
  const sequence = body.element(SEQUENCE);
  if (sequence === undefined || !body.done) return undefined;
  const numbers = new DerReader(sequence);
  const modulus = numbers.positiveInteger();
  const exponent = numbers.positiveInteger();
  if (modulus === undefined || exponent === undefined || !numbers.done) return undefined;
  return withinBounds(modulus, exponent) ? { pkcs1, modulus, exponent } : undefined;
}

/** Bits of a checked key's modulus. */
export function bitsOf({ modulus }: RsaKeyParts): number {
  return bitLength(modulus);
}

/** Imports a checked key into node:crypto. The PKCS#1 form imports about thirty times faster than the SPKI. */
export function importPublicKey(parts: RsaKeyParts): KeyObject {
  return createPublicKey({ key: Buffer.from(parts.pkcs1), format: 'der', type: 'pkcs1' });
}

/** Exports an RSA key as SubjectPublicKeyInfo. */
export function exportSpki(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

/** Modulus of an RSA key, big-endian: the upper bound of a Hello. */
export function modulusOf(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: 'jwk' }).n!, 'base64url');
}

/** Encodes a length-prefixed string of the SSH key format. */
function sshString(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Encodes a positive number of the SSH key format, with a zero byte in front if its first bit is set. */
function sshNumber(bytes: Uint8Array): Buffer {
  return sshString(bytes[0]! >= 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes);
}

function sshBlob(key: KeyObject): Buffer {
  const jwk = key.export({ format: 'jwk' });
  const [exponent, modulus] = [Buffer.from(jwk.e!, 'base64url'), Buffer.from(jwk.n!, 'base64url')];
  return Buffer.concat([sshString(SSH_RSA), sshNumber(exponent), sshNumber(modulus)]);
}

/** Encodes a key as `ssh-rsa AAAA…`, the form in regCred.dat (K4). */
export function printSshRsa(key: KeyObject): string {
  return `ssh-rsa ${sshBlob(key).toString('base64')}`;
}

/** Parses `ssh-rsa AAAA…`, with an optional comment; undefined if it is malformed or breaks T4. */
export function parseSshRsa(text: string): KeyObject | undefined {
  const match = /^ssh-rsa ([A-Za-z0-9+/]+={0,2})(?: .*)?$/.exec(text.trim());
  if (match === null) return undefined;
  const blob = Buffer.from(match[1]!, 'base64');
  const strings: Buffer[] = [];
  for (let at = 0; at < blob.length; ) {
    if (at + 4 > blob.length) return undefined;
    const end = at + 4 + blob.readUInt32BE(at);
    if (end > blob.length) return undefined;
    strings.push(blob.subarray(at + 4, end));
    at = end;
  }
  const [kind, exponent, modulus] = strings;
  if (strings.length !== 3 || !kind!.equals(SSH_RSA)) return undefined;
  const [e, n] = [positiveOf(exponent!), positiveOf(modulus!)];
  if (e === undefined || n === undefined || !withinBounds(n, e)) return undefined;
  return createPublicKey({ key: { kty: 'RSA', n: base64url(n), e: base64url(e) }, format: 'jwk' });
}

/**
 * Fingerprint `SHA256:…` of the SSH form, as ssh-keygen -l prints it.
 *
 * @example
 * ```ts
 * console.log(keyFingerprint(regCred.sigKey)); // SHA256:…
 * ```
 */
export function keyFingerprint(key: KeyObject): string {
  return `SHA256:${createHash('sha256').update(sshBlob(key)).digest('base64').replace(/=+$/, '')}`;
}
