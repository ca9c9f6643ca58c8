// A connection after its Hello: sends one message at a time and receives its reply (F1). Invariant: any failure ends
// the channel, because later replies could no longer be matched to their messages.
import { bigintOf, type Message, Op } from '../wire/message.ts';
import { withDeadline } from './deadline.ts';
import { RegistryRefused, RegistryUnreachable } from './errors.ts';
import type { MessageCodec } from './message-codec.ts';
import type { Transport } from './transport.ts';

/** Bounds of a channel's life. */
export interface ChannelOptions {
  /** Milliseconds for one message and its reply. */
  readonly timeoutMs: number;
  /** Ends the channel when aborted. */
  readonly signal?: AbortSignal | undefined;
}

export class Channel {
  readonly #transport: Transport;
  readonly #timeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #codec: MessageCodec;
  /** Settles when the previous message has its reply. Never rejects. */
  #previous: Promise<unknown> = Promise.resolve();
  #end: { readonly why: unknown } | undefined;
  readonly #aborted = () => this.close(this.#signal?.reason);

  constructor(codec: MessageCodec, transport: Transport, { timeoutMs, signal }: ChannelOptions) {
    this.#codec = codec;
    this.#transport = transport;
    this.#timeoutMs = timeoutMs;
    this.#signal = signal;
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
    this.#codec.wipe();
  }

  async #exchangeNow(message: Message): Promise<Message> {
    this.#signal?.throwIfAborted();
    if (this.#end !== undefined) {
      throw new RegistryUnreachable('the session has ended', { cause: this.#end.why });
    }
    try {
      const deadline = { timeoutMs: this.#timeoutMs, signal: this.#signal, missed: 'the registry did not answer' };
      const reply = await withDeadline(deadline, async () => {
        this.#transport.send(await this.#codec.encrypt(message, this.#transport));
        return await this.#codec.receive(this.#transport);
      });
      if (reply.Op === Op.Error) throw refusalIn(reply);
      return reply;
    } catch (error) {
      this.close(error);
      throw error;
    }
  }
}

/** Returns the error that an Error message says. */
function refusalIn({ ErrDesc, Code, Retryable, RetryAfterMs, RecordedSeq }: Message): RegistryRefused {
  return new RegistryRefused(ErrDesc ?? '', {
    code: Code ?? undefined,
    retryable: Retryable ?? undefined,
    retryAfterMs: RetryAfterMs ?? undefined,
    recordedSeq: RecordedSeq ? Number(bigintOf(RecordedSeq)) : undefined,
  });
}
