// A connection after its Hello: sends one message at a time and receives its reply (F1); only a request that waits lets
// the next message go ahead. Invariant: any failure ends
// the channel, because later replies could no longer be matched to their messages. A pending request keeps the process
// alive, an idle channel does not.
import { bigintOf, type Message, Op } from '../wire/message.ts';
import { withDeadline } from './deadline.ts';
import { NoAnswerInTime, RegistryRefused, RegistryUnreachable } from './errors.ts';
import type { MessageCodec, ReceivedMessage } from './message-codec.ts';
import type { Transport } from './transport.ts';

/** Bounds of a channel's life. */
export interface ChannelOptions {
  /** Milliseconds for one message and its reply. */
  readonly timeoutMs: number;
  /** Ends the channel when aborted. */
  readonly signal?: AbortSignal | undefined;
}

const NO_ANSWER = 'the registry did not answer';

export class Channel {
  readonly #transport: Transport;
  readonly #timeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #codec: MessageCodec;
  /** Settles when the previous message has its reply. Never rejects. */
  #previous: Promise<unknown> = Promise.resolve();
  /** Settles when the next message may be sent: behind a request that waits at once, else with the reply. Never rejects. */
  #sendable: Promise<unknown> = Promise.resolve();
  /** Shortens the deadline of a request that waits, because a later message ends its wait. */
  #hurry: (() => void) | undefined;
  /** Requests without a reply. */
  #pending = 0;
  #end: { readonly why: unknown } | undefined;
  readonly #aborted = () => this.close(this.#signal?.reason);

  constructor(codec: MessageCodec, transport: Transport, { timeoutMs, signal }: ChannelOptions) {
    this.#codec = codec;
    this.#transport = transport;
    this.#timeoutMs = timeoutMs;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#aborted, { once: true });
    transport.hold(false);
  }

  /**
   * Sends a message after all earlier ones have their replies. Returns the reply, whose Op is in range. Rejects with
   * RegistryRefused for an Error message (E2), with ProtocolError for an invalid reply, with RegistryUnreachable if
   * none comes. Each of these ends the channel. With `waitMs` the registry may hold the reply back that long (V5). It is
   * awaited as long once more; a message that follows ends the wait.
   */
  exchange(message: Message, waitMs = 0): Promise<ReceivedMessage> {
    this.#hurry?.();
    const sent = this.#sendable.then(() => this.#send(message));
    const reply = this.#held(this.#receiveBehind(sent, this.#previous, waitMs));
    this.#previous = reply.catch(() => {});
    this.#sendable = waitMs > 0 ? sent.catch(() => {}) : this.#previous;
    return reply;
  }

  /** Keeps the process alive until the request has its reply. */
  async #held<T>(request: Promise<T>): Promise<T> {
    if (++this.#pending === 1) this.#transport.hold(true);
    try {
      return await request;
    } finally {
      if (--this.#pending === 0) this.#transport.hold(false);
    }
  }

  /** Ends the channel. The pending request rejects; `why` becomes the cause of later rejections. */
  close(why?: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { why };
    this.#signal?.removeEventListener('abort', this.#aborted);
    this.#transport.close();
    this.#codec.wipe();
  }

  async #send(message: Message): Promise<void> {
    this.#assertOpen();
    try {
      this.#transport.send(await this.#codec.encrypt(message, this.#transport));
    } catch (error) {
      this.close(error);
      throw error;
    }
  }

  async #receiveBehind(sent: Promise<void>, previous: Promise<unknown>, waitMs: number): Promise<ReceivedMessage> {
    const hurried = waitMs > 0 ? this.#hurriable() : undefined;
    try {
      await sent;
      await previous;
      this.#assertOpen();
      const timeoutMs = waitMs + Math.max(waitMs, this.#timeoutMs);
      const signal = hurried && this.#signal ? AbortSignal.any([hurried, this.#signal]) : (hurried ?? this.#signal);
      const reply = await withDeadline({ timeoutMs, signal, missed: NO_ANSWER }, () =>
        this.#codec.receive(this.#transport),
      );
      if (reply.Op === Op.Error) throw refusalIn(reply);
      return reply;
    } catch (error) {
      this.close(error);
      throw error;
    }
  }

  /** A signal that aborts `timeoutMs` after a later message has ended the wait of this one. */
  #hurriable(): AbortSignal {
    const controller = new AbortController();
    this.#hurry = () => {
      this.#hurry = undefined;
      const late = () => controller.abort(new NoAnswerInTime(NO_ANSWER));
      setTimeout(late, this.#timeoutMs).unref();
    };
    return controller.signal;
  }

  #assertOpen(): void {
    this.#signal?.throwIfAborted();
    if (this.#end === undefined) return;
    throw new RegistryUnreachable('the session has ended', { cause: this.#end.why });
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
