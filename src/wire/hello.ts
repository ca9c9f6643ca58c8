// The Hello: one RSA-OAEP ciphertext under the registry's comms key, as long as the key's modulus (H1). The plaintext's
// length determines the connection's dialect (H2). Part of stage 2 of the data path, parallel in the workers; its RSA
// operation is most of a session's CPU time.
//
//   chained  Hello = iv1(16) key1(32) salt1(8) version1(4)      60 bytes
//   prefixed Hello =         key1(32) salt1(8) version1(4)      44 bytes
import { constants, type KeyObject, privateDecrypt, publicEncrypt } from 'node:crypto';

/** A dialect that begins with an RSA Hello. */
export type DialectName = 'chained' | 'prefixed';

/** Ways in which bytes become messages on one connection. */
export type SessionDialect = DialectName | 'sealed';

/** Every dialect. */
export const SESSION_DIALECTS: readonly SessionDialect[] = ['chained', 'prefixed', 'sealed'];

/** Key material of a session, chosen by the client. */
export interface Hello {
  readonly dialect: DialectName;
  /** Chained dialect only: prefixed messages carry an IV each. */
  readonly iv1: Uint8Array | undefined;
  readonly key1: Uint8Array;
  readonly salt1: Uint8Array;
  /** Version that the client asks for; ignored (H5). */
  readonly version1: number;
}

const IV_BYTES = 16;
const CHAINED_HELLO_BYTES = 60;
const PREFIXED_HELLO_BYTES = 44;
const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' };

/** Decrypts a Hello, or returns the fault. `modulus` is that of `commsKey`. Costs at most one RSA operation. */
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

/** Splits a decrypted Hello into its fields; undefined if no dialect has this length. */
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

/** Encrypts a client's Hello under the registry's public comms key. */
export function sealHello(commsKey: KeyObject, hello: Hello): Buffer {
  const version = Buffer.alloc(4);
  version.writeUInt32LE(hello.version1);
  const plain = Buffer.concat([hello.iv1 ?? Buffer.alloc(0), hello.key1, hello.salt1, version]);
  return publicEncrypt({ key: commsKey, ...OAEP }, plain);
}
