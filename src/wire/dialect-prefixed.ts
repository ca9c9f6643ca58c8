// The dialect of the protocol's second generation. Every message, the HelloReply included, carries its own IV (H8, H9).
//
//   HelloReply = iv(16) AES(key1, iv, key2(32) salt2(8) version2(4) pad(4))          64 bytes
//   message    = iv(16) AES(key2, iv, message pad(1..16))
import { decryptBlocks, encryptPadded, isPaddedAt } from './aes-cbc.ts';
import type { Dialect, SessionKeys } from './dialect.ts';

const IV_BYTES = 16;
const REPLY_BYTES = 44;
const NO_CHAIN = new Uint8Array(0);
/** IV for ciphertext that includes a message's own IV as its first block. */
const NO_IV = new Uint8Array(IV_BYTES);

export const prefixed: Dialect = {
  ivBytes: IV_BYTES,
  helloReplyBytes: 64,

  sealHelloReply(hello, version2, random) {
    const [iv, key2, salt2] = [random(IV_BYTES), random(32), random(8)];
    const version = Buffer.alloc(4);
    version.writeUInt32LE(version2);
    const bytes = Buffer.concat([iv, encryptPadded(hello.key1, iv, key2, salt2, version)]);
    return { bytes, salt2, version2, keys: keysOf(key2) };
  },

  openHelloReply(hello, bytes) {
    if (bytes.length !== this.helloReplyBytes) return undefined;
    const plain = decryptBlocks(hello.key1, bytes.subarray(0, IV_BYTES), bytes.subarray(IV_BYTES));
    if (!isPaddedAt(plain, REPLY_BYTES)) return undefined;
    return { keys: keysOf(plain.subarray(0, 32)), salt2: plain.subarray(32, 40), version2: plain.readUInt32LE(40) };
  },

  // Decrypts the IV along with the message. One extra block costs less than splitting the bytes.
  decrypt: (keys, blocks) => decryptBlocks(keys.key2, NO_IV, blocks),

  received: (keys) => keys,

  // Encrypts a random block in front of the message. Its ciphertext is the IV, and equally unpredictable.
  encrypt: (keys, random, ...plain) => ({
    bytes: encryptPadded(keys.key2, NO_IV, random(IV_BYTES), ...plain),
    keys,
  }),
};

function keysOf(key2: Uint8Array): SessionKeys {
  return { dialect: 'prefixed', key2, receiveChain: NO_CHAIN, sendChain: NO_CHAIN };
}
