// Messages of the dialects `prefixed` and `chained`: AES-CBC without integrity (F1 to F6).
import { randomBytes } from 'node:crypto';
import { BLOCK_BYTES } from '../limits.ts';
import type { SessionKeys } from '../wire/dialect.ts';
import { DIALECTS } from '../wire/dialects.ts';
import { IvHistory } from '../wire/iv-history.ts';
import { decodeMessage, encodeMessage, isOldOp, type Message } from '../wire/message.ts';
import { findMessage } from '../wire/message-structure.ts';
import { ProtocolError } from './errors.ts';
import type { MessageCodec } from './message-codec.ts';
import type { Transport } from './transport.ts';

const IV_BYTES = 16;

export class CbcCodec implements MessageCodec {
  #keys: SessionKeys;
  /** IVs of both directions, in the prefixed dialect only (F6). */
  readonly #ivs: IvHistory | undefined;

  /** `replyBytes` is the HelloReply on the wire. In the prefixed dialect it begins with the session's first IV (F6). */
  constructor(keys: SessionKeys, replyBytes: Uint8Array) {
    this.#keys = keys;
    if (keys.dialect !== 'prefixed') return;
    this.#ivs = new IvHistory(randomBytes);
    this.#ivs.add(replyBytes);
  }

  encrypt(message: Message, transport: Transport): Uint8Array {
    if (transport.arrivals.waiting) throw new ProtocolError('the registry sent bytes without a request');
    const sealed = DIALECTS[this.#keys.dialect].encrypt(this.#keys, randomBytes, encodeMessage(message));
    this.#keys = sealed.keys;
    this.#ivs?.add(sealed.bytes);
    return sealed.bytes;
  }

  /** Receives one reply. It ends at the first block boundary at which it is complete (F5), or with its frame (F3). */
  async receive(transport: Transport): Promise<Message> {
    let bytes: Uint8Array = await transport.arrivals.take();
    let checked = 0;
    for (;;) {
      if (bytes.length > transport.replyBytesMax) throw new ProtocolError('the registry sent a reply that is too long');
      const whole = bytes.length - (bytes.length % BLOCK_BYTES);
      const reply = whole > checked ? this.#open(bytes, whole) : undefined;
      if (reply !== undefined) return reply;
      if (transport.name === 'ws') throw new ProtocolError('the registry sent a frame that is not a message');
      checked = whole;
      bytes = Buffer.concat([bytes, await transport.arrivals.take()]);
    }
  }

  wipe(): void {
    this.#keys.key2.fill(0);
  }

  /** Decrypts and decodes the reply; undefined while it is incomplete. */
  #open(bytes: Uint8Array, whole: number): Message | undefined {
    const dialect = DIALECTS[this.#keys.dialect];
    const blocks = bytes.subarray(0, whole);
    const plain = dialect.decrypt(this.#keys, blocks);
    const found = findMessage(plain, dialect.ivBytes);
    if (found === undefined) return undefined;
    if (found.paddedEnd !== bytes.length) throw new ProtocolError('the registry sent more than one reply');
    const reply = decodeMessage(plain.subarray(dialect.ivBytes, found.end));
    if (reply === undefined || !isOldOp(found.op))
      throw new ProtocolError('the registry sent a message of an unknown type');
    if (this.#ivs?.add(blocks.subarray(0, IV_BYTES)) === false) throw new ProtocolError('the registry repeated an IV');
    this.#keys = dialect.received(this.#keys, blocks);
    return reply;
  }
}
