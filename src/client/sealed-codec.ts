// Messages of the sealed dialect, after the handshake: one frame for a request, one or several for a reply.
import { SEALED_FRAME_BYTES_MAX } from '../limits.ts';
import { type CipherState, TAG_BYTES } from '../noise/cipher-state.ts';
import { decodeMessage, encodeMessage, isOp, type Message, Op } from '../wire/message.ts';
import { checkWholeMessage, tokenBytesIn } from '../wire/message-structure.ts';
import { encryptRequest, FrameAssembly } from '../wire/sealed-frame.ts';
import { ProtocolError, RegistryUnreachable, SessionCut } from './errors.ts';
import type { Frames } from './frames.ts';
import type { MessageCodec, ReceivedMessage } from './message-codec.ts';
import type { Transport } from './transport.ts';

/** A flag, one byte of message, a tag. */
const FRAME_BOUNDS = { min: 1 + 1 + TAG_BYTES, max: SEALED_FRAME_BYTES_MAX };

/** Result of a handshake. */
export interface AgreedKeys {
  readonly send: CipherState;
  readonly receive: CipherState;
  /** Bytes of the longest message that the registry takes. */
  readonly messageBytesMax: number;
}

export class SealedCodec implements MessageCodec {
  readonly #keys: AgreedKeys;
  readonly #frames: Frames;
  readonly #assembly = new FrameAssembly();
  /** Requests without their reply: two at most, of which the first waits. */
  #unanswered = 0;

  /** `frames` yields the transport's bytes behind the handshake. */
  constructor(keys: AgreedKeys, frames: Frames) {
    this.#keys = keys;
    this.#frames = frames;
  }

  encrypt(message: Message, transport: Transport): Uint8Array {
    if (this.#unanswered === 0 && this.#frames.waiting) {
      throw new ProtocolError('the registry sent bytes without a request');
    }
    const plain = encodeMessage(message);
    const { send, messageBytesMax } = this.#keys;
    if (plain.length > messageBytesMax)
      throw new ProtocolError(`the registry takes messages of ${messageBytesMax} bytes, not of ${plain.length}`);
    this.#unanswered += 1;
    return encryptRequest(send, plain, transport.name === 'tcp');
  }

  async receive(): Promise<ReceivedMessage> {
    for (;;) {
      const plain = this.#decrypt(await this.#frames.next(FRAME_BOUNDS).catch(asCut));
      const message = this.#assembly.add(plain);
      if (message === 'more') continue;
      if (message === 'bad') throw new ProtocolError('the registry sent a frame with a wrong flag or length');
      this.#unanswered -= 1;
      if (this.#unanswered === 0 && this.#frames.waiting) {
        throw new ProtocolError('the registry sent more than one reply');
      }
      const op = checkWholeMessage(message);
      const reply = op !== undefined && isOp(op) ? decodeMessage(message) : undefined;
      if (reply === undefined) throw new ProtocolError('the registry sent a message of an unknown type');
      return reply.Op === Op.ClusterMembers ? Object.assign(reply, { tokenBytes: tokenBytesIn(message) }) : reply;
    }
  }

  wipe(): void {
    this.#keys.send.wipe();
    this.#keys.receive.wipe();
  }

  #decrypt(frame: Uint8Array): Uint8Array {
    try {
      return this.#keys.receive.decrypt(frame);
    } catch (cause) {
      throw new ProtocolError('a frame of the registry was changed, repeated or left out on the way', { cause });
    }
  }
}

/** A sealed session ends with Ack or Error. Any other end may be the work of somebody on the path. */
function asCut(cause: unknown): never {
  if (!(cause instanceof RegistryUnreachable)) throw cause;
  throw new SessionCut(`the session was cut, without Ack or Error: ${cause.message}`, { cause });
}
