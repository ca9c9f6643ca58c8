// Interface of a dialect: bytes of a connection ↔ messages. Part of stages 2 and 5 of the data path, parallel in the
// workers. Dialects are stateless; SessionKeys holds what a session keeps between messages.
import type { DialectName, Hello } from './hello.ts';

/** Returns `count` unpredictable bytes. All of wire/ takes randomness as an argument. */
export type RandomBytes = (count: number) => Uint8Array;

/** Secrets that both sides share once the HelloReply is sent. */
export interface SessionKeys {
  readonly dialect: DialectName;
  /** AES-256 key of all messages in both directions. */
  readonly key2: Uint8Array;
  /** Last ciphertext block of each direction, for the CBC chain. Empty in the prefixed dialect. */
  readonly receiveChain: Uint8Array;
  readonly sendChain: Uint8Array;
}

/** The registry's choices for a session. */
export interface HelloReply {
  readonly keys: SessionKeys;
  readonly salt2: Uint8Array;
  readonly version2: number;
}

/** Converts between bytes and messages. */
export interface Dialect {
  /**
   * Bytes in front of a message's first block: the message's offset in the decrypted bytes, and the overhead of a
   * reply.
   */
  readonly ivBytes: 0 | 16;
  /** Bytes of a HelloReply on the wire. */
  readonly helloReplyBytes: number;
  /** Encrypts the registry's reply to a Hello. Returns its bytes and the session's keys. */
  sealHelloReply(hello: Hello, version2: number, random: RandomBytes): HelloReply & { readonly bytes: Buffer };
  /** Decrypts a HelloReply, for the client; undefined if the bytes do not answer this Hello. */
  openHelloReply(hello: Hello, bytes: Uint8Array): HelloReply | undefined;
  /**
   * Decrypts whole blocks received since the last message. They may hold several messages. CBC recovers one block after
   * an IV, so all of them are plain in the result. Each has `ivBytes` of garbage in front.
   */
  decrypt(keys: SessionKeys, blocks: Uint8Array): Buffer;
  /** Returns the keys after a message that ended with the last of `blocks`. */
  received(keys: SessionKeys, blocks: Uint8Array): SessionKeys;
  /** Encrypts a plaintext, given in pieces. Returns its bytes on the wire and the keys after it. */
  encrypt(keys: SessionKeys, random: RandomBytes, ...plain: Uint8Array[]): { bytes: Buffer; keys: SessionKeys };
}
