// A session of the load, whatever its dialect.

import type { SessionDialect } from '../../src/wire/hello.ts';
import type { Message, Op, Token } from '../../src/wire/message.ts';
import type { RegCred } from '../../src/wire/reg-cred.ts';

/** The registry under load, and how to connect to it. */
export interface Registry {
  readonly regCred: RegCred;
  readonly transport: 'tcp' | 'ws';
  readonly wsUrl: string | undefined;
  readonly dialect: SessionDialect;
}

/** A member that registers by its token. */
export interface LoadMember {
  readonly token: Token;
  /** Sealed dialect only: signs the proof for the session with this handshake hash. */
  prove?(handshakeHash: Uint8Array): Uint8Array;
}

/** Sends a message and resolves to its reply. Rejects if the reply has another Op than `expected`. */
export interface Exchange {
  (message: Message, expected: Op): Promise<Message>;
  /** Registers a member: Client, ClientOK. */
  identify(member: LoadMember): Promise<void>;
  /**
   * Sends a message and takes a reply of exactly `plainBytes` bytes of protobuf without decoding it; rejects at any
   * other length. Decoding a roster of 42 KB costs more than encoding it, so a decoding client would measure itself.
   */
  unopened(message: Message, plainBytes: number): Promise<void>;
  close(): void;
}

/** Returns the reply, if it has the expected Op. */
export function expectOp(reply: Message, expected: Op): Message {
  if (reply.Op === expected) return reply;
  throw new Error(`Op ${reply.Op} instead of ${expected}: ${reply.ErrDesc ?? ''}`);
}
