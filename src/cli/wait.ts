// The deadline of a client command (--wait), and retries until then.
import { mayPass, TimeUp } from '../client/errors.ts';
import { retry } from '../client/retry.ts';
import { milliseconds } from './client-flags.ts';
import { failureOf } from './failure.ts';
import { OperatorError } from './operator-error.ts';
import { RegistryFileMissing } from './registry-source.ts';

/** A repeated failure is printed again after this time, so that a log shows the command still waits. */
const REPEAT_MS = 30_000;

/** The deadline of one command. */
export class Wait {
  /** The value of --wait; undefined if the command does not wait. */
  readonly seconds: string | undefined;
  /** Aborted with the interrupt's reason, or with a TimeUp at the deadline. */
  readonly signal: AbortSignal;
  readonly #command: string;
  readonly #timer: NodeJS.Timeout | undefined;
  #announced = '';
  #announcedAt = 0;

  /** The time starts now. Throws UsageError. */
  constructor(command: string, seconds: string | undefined, interrupt: AbortSignal) {
    const waitMs = milliseconds('--wait', seconds);
    const stop = new AbortController();
    this.#command = command;
    this.seconds = seconds;
    this.signal = stop.signal;
    if (interrupt.aborted) stop.abort(interrupt.reason);
    interrupt.addEventListener('abort', () => stop.abort(interrupt.reason), { once: true });
    if (waitMs !== undefined) this.#timer = setTimeout(() => stop.abort(new TimeUp('time is up')), waitMs);
  }

  /** True if the command waits. */
  get waits(): boolean {
    return this.seconds !== undefined;
  }

  /**
   * Retries `attempt` until it succeeds or the deadline passes; without --wait makes one attempt. Rejects with the last
   * failure, and at once with a permanent one, such as a wrong key.
   */
  retry<T>(attempt: () => Promise<T>): Promise<T> {
    if (!this.waits) return attempt();
    return retry(attempt, { signal: this.signal, mayPass: isTransient, onRetry: (why) => this.announceRetry(why) });
  }

  /** Prints a failure and that another attempt follows. Skips a failure that was printed lately. */
  announceRetry(why: Error): void {
    const text = failureOf(why)?.text ?? why.message;
    const now = performance.now();
    if (text === this.#announced && now < this.#announcedAt + REPEAT_MS) return;
    this.#announced = text;
    this.#announcedAt = now;
    process.stderr.write(`xlreg ${this.#command}: ${text}; trying again\n`);
  }

  /** Clears the timer, so that the process can end. */
  end(): void {
    clearTimeout(this.#timer);
  }
}

/** True if the missing thing may still come: credentials, a server, its admin port, room in its store, a cluster. */
function isTransient(error: unknown): boolean {
  if (mayPass(error) || error instanceof RegistryFileMissing) return true;
  return error instanceof OperatorError && error.exitCode === 3;
}
