// The time that a client command may wait (--wait): one deadline for all that it waits for, and retries until then.
import { mayPass, RegistryRefused, TimeUp } from '../client/errors.ts';
import { retry } from '../client/retry.ts';
import { milliseconds } from './client-flags.ts';
import { failureOf } from './failure.ts';
import { OperatorError } from './operator-error.ts';
import { RegistryFileMissing } from './registry-source.ts';

/** A failure that repeats is told again after this: a log shows that the command still waits. */
const TOLD_AGAIN_MS = 30_000;

/** A command's time to wait. */
export class Wait {
  /** As --wait has it; undefined: the command does not wait. */
  readonly seconds: string | undefined;
  /** Aborted when the user interrupts, by that reason, and with a TimeUp when the time is up. */
  readonly signal: AbortSignal;
  readonly #command: string;
  readonly #timer: NodeJS.Timeout | undefined;
  #told = '';
  #toldAt = 0;

  /** Begins now. Throws UsageError. */
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

  /** Whether there is a time to wait at all. */
  get waits(): boolean {
    return this.seconds !== undefined;
  }

  /**
   * Makes attempts until one succeeds, within the time there is; without --wait one. Rejects with the last failure; at
   * once with one that does not pass, as with a wrong key.
   */
  retry<T>(attempt: () => Promise<T>): Promise<T> {
    if (!this.waits) return attempt();
    return retry(attempt, { signal: this.signal, mayPass: passes, onRetry: (why) => this.tell(why) });
  }

  /** Says on stderr that a failure is followed by another attempt; one that was said lately is not repeated. */
  tell(why: Error): void {
    const text = failureOf(why)?.text ?? why.message;
    const now = performance.now();
    if (text === this.#told && now < this.#toldAt + TOLD_AGAIN_MS) return;
    this.#told = text;
    this.#toldAt = now;
    process.stderr.write(`xlreg ${this.#command}: ${text}; trying again\n`);
  }

  /** Lets the process end before the time is up. */
  end(): void {
    clearTimeout(this.#timer);
  }
}

/** Whether what a command needs may come yet: credentials, a server, its admin port, room in its store, a cluster. */
function passes(error: unknown): boolean {
  if (mayPass(error) || error instanceof RegistryFileMissing) return true;
  if (error instanceof OperatorError) return error.exitCode === 3;
  return error instanceof RegistryRefused && error.clusterUnknown;
}
