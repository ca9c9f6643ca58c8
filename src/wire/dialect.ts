// What a dialect does with the bytes of a connection. Dialects are stateless: what a session has to remember between
// messages is in its SessionKeys.
import type { DialectName, Hello } from './hello.ts';

/** Randomness is an argument everywhere in wire/: `count` fresh unpredictable bytes. */
export type RandomBytes = (count: number) => Uint8Array;

/** What the two sides of a session share once the HelloReply is out. */
export interface SessionKeys {
  readonly dialect: DialectName;
  /** AES-256 key of all messages in both directions. */
  readonly key2: Uint8Array;
  /** Where the CBC chain of each direction stands (chained only, else empty): the last ciphertext block. */
  readonly receiveChain: Uint8Array;
  readonly sendChain: Uint8Array;
}

/** What the registry chooses for a session. */
export interface HelloReply {
  readonly keys: SessionKeys;
  readonly salt2: Uint8Array;
  readonly version2: number;
}

/** One way from bytes to messages and back. */
export interface Dialect {
  /** Bytes in front of a message's first block: where in the decrypted bytes it begins, and what a reply costs more. */
  readonly ivBytes: 0 | 16;
  /** Bytes of a HelloReply on the wire. */
  readonly helloReplyBytes: number;
  /** The registry's answer to a Hello, on the wire, and the keys it sets up. */
  sealHelloReply(hello: Hello, version2: number, random: RandomBytes): HelloReply & { readonly bytes: Buffer };
  /** The client's side of it; undefined if the bytes are no answer to this Hello. */
  openHelloReply(hello: Hello, bytes: Uint8Array): HelloReply | undefined;
  /**
   * Decrypts whole blocks received since the last message. Several messages may stand in them: CBC comes right again one
   * block after an IV, so every one of them is plain in the result, with `ivBytes` of rubbish in front.
   */
  decrypt(keys: SessionKeys, blocks: Uint8Array): Buffer;
  /** The keys after a message that ended with the last of `blocks`. */
  received(keys: SessionKeys, blocks: Uint8Array): SessionKeys;
  /** A plaintext, in pieces, on the wire, and the keys after it. */
  encrypt(keys: SessionKeys, random: RandomBytes, ...plain: Uint8Array[]): { bytes: Buffer; keys: SessionKeys };
}
