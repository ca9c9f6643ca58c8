// A connection after its Hello: messages out, replies in, one at a time (F1). Invariant: whatever fails ends the channel,
// since nobody can tell any more which reply would belong to which message.
import { randomBytes } from 'node:crypto';
import { BLOCK_BYTES } from '../limits.ts';
import type { SessionKeys } from '../wire/dialect.ts';
import { DIALECTS } from '../wire/dialects.ts';
import { IvHistory } from '../wire/iv-history.ts';
import { decodeMessage, encodeMessage, isOp, type Message, Op } from '../wire/message.ts';
import { findMessage } from '../wire/message-structure.ts';
import { withDeadline } from './deadline.ts';
import { ProtocolError, RegistryRefused, RegistryUnreachable } from './errors.ts';
import type { OpenHello } from './open-hello.ts';
import type { Transport } from './transport.ts';

/** What bounds the life of a channel. */
export interface ChannelOptions {
  /** Milliseconds for one message and its reply. */
  readonly timeoutMs: number;
  /** Aborted, it ends the channel. */
  readonly signal?: AbortSignal | undefined;
}

const IV_BYTES = 16;

export class Channel {
  readonly #transport: Transport;
  readonly #timeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  #keys: SessionKeys;
  /** IVs of both directions, in the prefixed dialect (F6). */
  readonly #ivs: IvHistory | undefined;
  /** Settles when the message before has its reply; never rejects. */
  #before: Promise<unknown> = Promise.resolve();
  #end: { readonly why: unknown } | undefined;
  readonly #aborted = () => this.close(this.#signal?.reason);

  constructor(hello: OpenHello, transport: Transport, { timeoutMs, signal }: ChannelOptions) {
    this.#transport = transport;
    this.#timeoutMs = timeoutMs;
    this.#signal = signal;
    this.#keys = hello.keys;
    if (hello.keys.dialect === 'prefixed') {
      this.#ivs = new IvHistory(randomBytes);
      this.#ivs.add(hello.replyBytes);
    }
    signal?.addEventListener('abort', this.#aborted, { once: true });
  }

  /**
   * Sends a message once those before it have their replies, and resolves to its reply, whose Op is in range. An Error
   * rejects with RegistryRefused (E2), a reply that is none with ProtocolError, one that does not come with
   * RegistryUnreachable. Each of these ends the channel.
   */
  exchange(message: Message): Promise<Message> {
    const reply = this.#before.then(() => this.#exchangeNow(message));
    this.#before = reply.catch(() => {});
    return reply;
  }

  /** Ends the channel; what is under way rejects. `why` becomes the cause of what is asked later. */
  close(why?: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { why };
    this.#signal?.removeEventListener('abort', this.#aborted);
    this.#transport.close();
    this.#keys.key2.fill(0);
  }

  async #exchangeNow(message: Message): Promise<Message> {
    this.#signal?.throwIfAborted();
    if (this.#end !== undefined) {
      throw new RegistryUnreachable('the session has ended', { cause: this.#end.why });
    }
    try {
      const deadline = { timeoutMs: this.#timeoutMs, signal: this.#signal, missed: 'the registry did not answer' };
      const reply = await withDeadline(deadline, async () => {
        this.#send(message);
        return await this.#receive();
      });
      if (reply.Op === Op.Error) throw new RegistryRefused(reply.ErrDesc ?? '');
      return reply;
    } catch (error) {
      this.close(error);
      throw error;
    }
  }

  #send(message: Message): void {
    if (this.#transport.arrivals.waiting) throw new ProtocolError('the registry sends without being asked');
    const sealed = DIALECTS[this.#keys.dialect].encrypt(this.#keys, randomBytes, encodeMessage(message));
    this.#keys = sealed.keys;
    this.#ivs?.add(sealed.bytes);
    this.#transport.send(sealed.bytes);
  }

  /** A reply ends at the first block boundary at which it is whole (F5), or with its frame (F3). */
  async #receive(): Promise<Message> {
    let bytes: Uint8Array = await this.#transport.arrivals.take();
    let checked = 0;
    for (;;) {
      if (bytes.length > this.#transport.replyBytesMax) throw new ProtocolError('the registry sent too long a reply');
      const whole = bytes.length - (bytes.length % BLOCK_BYTES);
      const reply = whole > checked ? this.#open(bytes, whole) : undefined;
      if (reply !== undefined) return reply;
      if (this.#transport.name === 'ws') throw new ProtocolError('the registry sent a frame that is no message');
      checked = whole;
      bytes = Buffer.concat([bytes, await this.#transport.arrivals.take()]);
    }
  }

  /** The reply in these bytes, or undefined while it is not whole. */
  #open(bytes: Uint8Array, whole: number): Message | undefined {
    const dialect = DIALECTS[this.#keys.dialect];
    const blocks = bytes.subarray(0, whole);
    const plain = dialect.decrypt(this.#keys, blocks);
    const found = findMessage(plain, dialect.ivBytes);
    if (found === undefined) return undefined;
    if (found.paddedEnd !== bytes.length) throw new ProtocolError('the registry sent more than one reply');
    const reply = decodeMessage(plain.subarray(dialect.ivBytes, found.end));
    if (reply === undefined || !isOp(found.op)) throw new ProtocolError('the registry sent a message of no known type');
    if (this.#ivs?.add(blocks.subarray(0, IV_BYTES)) === false) throw new ProtocolError('the registry repeated an IV');
    this.#keys = dialect.received(this.#keys, blocks);
    return reply;
  }
}
