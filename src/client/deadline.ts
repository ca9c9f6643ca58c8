// Work that ends in time or when somebody aborts it.
import { setTimeout as sleep } from 'node:timers/promises';
import { NoAnswerInTime } from './errors.ts';

/** What bounds a piece of work. */
export interface Deadline {
  /** Milliseconds, 1 to 2^31-1. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Completes "… within 10 s" in the error's message. */
  readonly missed: string;
}

/**
 * Runs work under a deadline: rejects with NoAnswerInTime when the time is up, with the signal's reason when it is
 * aborted. The signal that the work is given is aborted in both cases, with the same reason.
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

/** The work's outcome, or a rejection with the signal's reason if that comes first; the work itself goes on. */
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

/** Waits; rejects with the signal's reason when it is aborted. */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal && { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
