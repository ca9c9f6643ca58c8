// A connection after its Hello: sends one message at a time and receives its reply (F1). Invariant: any failure ends
// the channel, because later replies could no longer be matched to their messages.
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

/** Bounds of a channel's life. */
export interface ChannelOptions {
  /** Milliseconds for one message and its reply. */
  readonly timeoutMs: number;
  /** Ends the channel when aborted. */
  readonly signal?: AbortSignal | undefined;
}

const IV_BYTES = 16;

export class Channel {
  readonly #transport: Transport;
  readonly #timeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  #keys: SessionKeys;
  /** IVs of both directions, in the prefixed dialect only (F6). */
  readonly #ivs: IvHistory | undefined;
  /** Settles when the previous message has its reply. Never rejects. */
  #previous: Promise<unknown> = Promise.resolve();
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
   * Sends a message after all earlier ones have their replies. Returns the reply, whose Op is in range. Rejects with
   * RegistryRefused for an Error message (E2), with ProtocolError for an invalid reply, with RegistryUnreachable if
   * none comes. Each of these ends the channel.
   */
  exchange(message: Message): Promise<Message> {
    const reply = this.#previous.then(() => this.#exchangeNow(message));
    this.#previous = reply.catch(() => {});
    return reply;
  }

  /** Ends the channel. The pending request rejects; `why` becomes the cause of later rejections. */
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
    if (this.#transport.arrivals.waiting) throw new ProtocolError('the registry sent bytes without a request');
    const sealed = DIALECTS[this.#keys.dialect].encrypt(this.#keys, randomBytes, encodeMessage(message));
    this.#keys = sealed.keys;
    this.#ivs?.add(sealed.bytes);
    this.#transport.send(sealed.bytes);
  }

  /** Receives one reply. It ends at the first block boundary at which it is complete (F5), or with its frame (F3). */
  async #receive(): Promise<Message> {
    let bytes: Uint8Array = await this.#transport.arrivals.take();
    let checked = 0;
    for (;;) {
      if (bytes.length > this.#transport.replyBytesMax)
        throw new ProtocolError('the registry sent a reply that is too long');
      const whole = bytes.length - (bytes.length % BLOCK_BYTES);
      const reply = whole > checked ? this.#open(bytes, whole) : undefined;
      if (reply !== undefined) return reply;
      if (this.#transport.name === 'ws') throw new ProtocolError('the registry sent a frame that is not a message');
      checked = whole;
      bytes = Buffer.concat([bytes, await this.#transport.arrivals.take()]);
    }
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
    if (reply === undefined || !isOp(found.op))
      throw new ProtocolError('the registry sent a message of an unknown type');
    if (this.#ivs?.add(blocks.subarray(0, IV_BYTES)) === false) throw new ProtocolError('the registry repeated an IV');
    this.#keys = dialect.received(this.#keys, blocks);
    return reply;
  }
}
