// The Hello: one RSA-OAEP ciphertext under the registry's comms key, as long as its modulus (H1). The length of what it
// decrypts to names the dialect of the connection (H2).
//
//   chained  Hello = iv1(16) key1(32) salt1(8) version1(4)      60 bytes
//   prefixed Hello =         key1(32) salt1(8) version1(4)      44 bytes
import { constants, type KeyObject, privateDecrypt, publicEncrypt } from 'node:crypto';

/** How bytes become messages on one connection. */
export type DialectName = 'chained' | 'prefixed';

/** What a client says of itself before anything else. */
export interface Hello {
  readonly dialect: DialectName;
  /** Sent in the chained dialect only; the prefixed one has an IV with each message. */
  readonly iv1: Uint8Array | undefined;
  readonly key1: Uint8Array;
  readonly salt1: Uint8Array;
  /** What the client would like; ignored (H5). */
  readonly version1: number;
}

const IV_BYTES = 16;
const CHAINED_HELLO_BYTES = 60;
const PREFIXED_HELLO_BYTES = 44;
const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' };

/** The Hello in these bytes, or why there is none. `modulus` is that of `commsKey`. One RSA operation at most. */
export function openHello(
  commsKey: KeyObject,
  modulus: Uint8Array,
  ciphertext: Uint8Array,
): Hello | 'hello-length' | 'hello-out-of-range' | 'hello-undecryptable' | 'hello-plaintext-length' {
  if (ciphertext.length !== modulus.length) return 'hello-length';
  if (Buffer.compare(ciphertext, modulus) >= 0) return 'hello-out-of-range';
  let plain: Buffer;
  try {
    plain = privateDecrypt({ key: commsKey, ...OAEP }, ciphertext);
  } catch {
    return 'hello-undecryptable';
  }
  return parseHello(plain) ?? 'hello-plaintext-length';
}

/** Splits a decrypted Hello; undefined if its length belongs to no dialect. */
export function parseHello(plain: Buffer): Hello | undefined {
  if (plain.length !== CHAINED_HELLO_BYTES && plain.length !== PREFIXED_HELLO_BYTES) return undefined;
  const chained = plain.length === CHAINED_HELLO_BYTES;
  const rest = plain.subarray(chained ? IV_BYTES : 0);
  return {
    dialect: chained ? 'chained' : 'prefixed',
    iv1: chained ? plain.subarray(0, IV_BYTES) : undefined,
    key1: rest.subarray(0, 32),
    salt1: rest.subarray(32, 40),
    version1: rest.readUInt32LE(40),
  };
}

/** What a client sends first, under the registry's public comms key. */
export function sealHello(commsKey: KeyObject, hello: Hello): Buffer {
  const version = Buffer.alloc(4);
  version.writeUInt32LE(hello.version1);
  const plain = Buffer.concat([hello.iv1 ?? Buffer.alloc(0), hello.key1, hello.salt1, version]);
  return publicEncrypt({ key: commsKey, ...OAEP }, plain);
}
