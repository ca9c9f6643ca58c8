// The dialect of the protocol's first generation. Messages carry no IV. Each direction is one CBC chain, which starts
// at iv2 and continues across messages (H6, H7).
//
//   HelloReply = AES(key1, iv1, iv2(16) key2(32) salt2(8) salt1(8) version2(4) pad(12))          80 bytes
//   message    = AES(key2, chain, message pad(1..16))
import { BLOCK_BYTES } from '../limits.ts';
import { decryptBlocks, encryptPadded, isPaddedAt } from './aes-cbc.ts';
import type { Dialect, SessionKeys } from './dialect.ts';

const REPLY_BYTES = 68;

function lastBlock(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(bytes.length - BLOCK_BYTES);
}

export const chained: Dialect = {
  ivBytes: 0,
  helloReplyBytes: 80,

  sealHelloReply(hello, version2, random) {
    const [iv2, key2, salt2] = [random(16), random(32), random(8)];
    const version = Buffer.alloc(4);
    version.writeUInt32LE(version2);
    const bytes = encryptPadded(hello.key1, hello.iv1!, iv2, key2, salt2, hello.salt1, version);
    return { bytes, salt2, version2, keys: { dialect: 'chained', key2, receiveChain: iv2, sendChain: iv2 } };
  },

  openHelloReply(hello, bytes) {
    if (bytes.length !== this.helloReplyBytes) return undefined;
    const plain = decryptBlocks(hello.key1, hello.iv1!, bytes);
    if (!isPaddedAt(plain, REPLY_BYTES) || Buffer.compare(plain.subarray(56, 64), hello.salt1) !== 0) return undefined;
    const [iv2, key2] = [plain.subarray(0, 16), plain.subarray(16, 48)];
    const keys: SessionKeys = { dialect: 'chained', key2, receiveChain: iv2, sendChain: iv2 };
    return { keys, salt2: plain.subarray(48, 56), version2: plain.readUInt32LE(64) };
  },

  decrypt: (keys, blocks) => decryptBlocks(keys.key2, keys.receiveChain, blocks),

  received: (keys, blocks) => ({ ...keys, receiveChain: lastBlock(blocks) }),

  encrypt(keys, _random, ...plain) {
    const bytes = encryptPadded(keys.key2, keys.sendChain, ...plain);
    return { bytes, keys: { ...keys, sendChain: lastBlock(bytes) } };
  },
};
