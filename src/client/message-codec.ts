// Interface of a dialect to a channel after the handshake: converts between messages and bytes of a transport.
import type { Message } from '../wire/message.ts';
import type { Transport } from './transport.ts';

/** A reply. In the sealed dialect with its Tokens as they were sent, without tag and length. */
export type ReceivedMessage = Message & { readonly tokenBytes?: readonly Uint8Array[] | undefined };

/** Converts the messages of one session. Encrypting and receiving alternate (F1), but for a request that waits (V6). */
export interface MessageCodec {
  /** Encrypts one message for one `transport.send`. Throws ProtocolError if the registry has sent bytes unasked. */
  encrypt(message: Message, transport: Transport): Uint8Array | Promise<Uint8Array>;
  /** Receives one reply, whose Op is in range. Rejects with ProtocolError, or with the reason of the transport's end. */
  receive(transport: Transport): Promise<ReceivedMessage>;
  /** Overwrites the session's keys. */
  wipe(): void;
}
