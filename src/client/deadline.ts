// Bounds asynchronous work by a deadline and an abort signal.
import { setTimeout as sleep } from 'node:timers/promises';
import { NoAnswerInTime } from './errors.ts';

/** Bounds of one piece of work. */
export interface Deadline {
  /** Milliseconds, 1 to 2^31-1. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Start of the error's message; "within 10 s" follows. */
  readonly missed: string;
}

/**
 * Runs work under a deadline. Rejects with NoAnswerInTime when the time is up, or with the signal's reason when
 * aborted. In both cases the signal given to `work` is aborted with the same reason.
 */
export async function withDeadline<T>(deadline: Deadline, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { timeoutMs, signal, missed } = deadline;
  signal?.throwIfAborted();
  const controller = new AbortController();
  const passOn = () => controller.abort(signal!.reason);
  const timer = setTimeout(
    () => controller.abort(new NoAnswerInTime(`${missed} within ${Number(timeoutMs.toPrecision(2)) / 1000} s`)),
    timeoutMs,
  );
  signal?.addEventListener('abort', passOn, { once: true });
  try {
    return await untilAborted(work(controller.signal), controller.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', passOn);
  }
}

/** Returns the work's result, or rejects with the signal's reason if that comes first. The work itself continues. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work;
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop!);
  }
}

/** Sleeps. Rejects with the signal's reason when aborted. */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal && { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
