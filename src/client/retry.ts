// Attempts that are repeated, with growing pauses, until one succeeds or the time is up. Bounded by time, not by number:
// the pauses grow to LONGEST_PAUSE_MS, and each attempt has deadlines of its own.
import { pause, untilAborted } from './deadline.ts';
import { TimeUp } from './errors.ts';

/** How long to go on, and after which failures. */
export interface RetryOptions {
  /** Ends the retries by its reason. A TimeUp as reason gives way to the last failure, if there was one. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds after which a failure is the last; default: no such bound. */
  readonly forMs?: number | undefined;
  /** Tells failures that may pass from those that end the retries at once. */
  readonly mayPass: (error: unknown) => boolean;
  /** Told of each failure that is followed by another attempt. */
  readonly onRetry?: ((why: Error) => void) | undefined;
  /** The failure that made retries necessary. */
  readonly after?: unknown;
}

const FIRST_PAUSE_MS = 50;
const PAUSE_GROWTH = 1.7;
/** Nodes that wait for a registry notice within this, and 1,000 of them are about 400 connections a second. */
const LONGEST_PAUSE_MS = 2_500;

/** The outcome of the first attempt that succeeds. Rejects with the last failure, or with the signal's reason. */
export async function retry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { signal, forMs = Number.POSITIVE_INFINITY, mayPass, onRetry } = options;
  const end = performance.now() + forMs;
  let last = options.after;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * PAUSE_GROWTH, LONGEST_PAUSE_MS)) {
    try {
      signal?.throwIfAborted();
      return await untilAborted(attempt(), signal);
    } catch (error) {
      if (error instanceof TimeUp) throw last ?? error;
      if (signal?.aborted || !mayPass(error) || performance.now() + pauseMs > end) throw error;
      last = error;
      onRetry?.(error as Error);
    }
    await pause(pauseMs * jitter(), signal).catch((reason: unknown) => {
      throw reason instanceof TimeUp ? last : reason;
    });
  }
}

/** 0.75 to 1.25, so that clients which began together do not go on together. */
export function jitter(): number {
  return 0.75 + Math.random() / 2;
}
