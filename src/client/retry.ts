// Repeats an attempt with growing pauses until it succeeds or its time is up. BOUNDED by time, not by number: pauses
// grow to LONGEST_PAUSE_MS, and each attempt has its own deadlines.
import { pause, untilAborted } from './deadline.ts';
import { TimeUp } from './errors.ts';

/** Bounds of the retries, and the failures that permit another one. */
export interface RetryOptions {
  /** Ends the retries with its reason. With a TimeUp as reason, they end with the last failure if there was one. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds after which no further attempt begins; default: unlimited. */
  readonly forMs?: number | undefined;
  /** Returns true for failures that may pass. All others end the retries at once. */
  readonly mayPass: (error: unknown) => boolean;
  /** Receives each failure that another attempt follows. */
  readonly onRetry?: ((why: Error) => void) | undefined;
  /** The failure that led to the retries. */
  readonly after?: unknown;
}

const FIRST_PAUSE_MS = 50;
const PAUSE_GROWTH = 1.7;
/**
 * Longest pause before jitter: waiting nodes notice a restarted registry within 3 s. 1,000 make 400 connections a
 * second.
 */
const LONGEST_PAUSE_MS = 2_500;

/** Returns the result of the first successful attempt. Rejects with the last failure or the signal's reason. */
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

/** A factor from 0.75 to 1.25. It spreads clients that began together. */
export function jitter(): number {
  return 0.75 + Math.random() / 2;
}
