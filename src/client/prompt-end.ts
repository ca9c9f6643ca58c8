// Async generators whose return() cancels a pending next(). A plain async generator queues return() behind next().

/** A generator that `await using` ends. The iterators of Node below 24 are not disposable by themselves. */
export interface PromptGenerator<T> extends AsyncGenerator<T, void, void> {
  /** The generator itself, for `for await`. */
  [Symbol.asyncIterator](): PromptGenerator<T>;
  /** Ends the generator as return() does. Never rejects. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Wraps a generator that waits only under the given signal. return() and throw() abort that signal, so a pending next()
 * settles with `done: true` at once. An abort of `outer` aborts that signal with the same reason.
 */
export function endPromptly<T>(
  outer: AbortSignal | undefined,
  make: (signal: AbortSignal) => AsyncGenerator<T, void, void>,
): PromptGenerator<T> {
  const stop = new AbortController();
  const returned = new Error('the watch was ended');
  const passOn = () => stop.abort(outer!.reason);
  const inner = make(stop.signal);
  let begun = false;
  const settled = async (result: Promise<IteratorResult<T, void>>): Promise<IteratorResult<T, void>> => {
    try {
      const next = await result;
      if (next.done) outer?.removeEventListener('abort', passOn);
      return next;
    } catch (error) {
      outer?.removeEventListener('abort', passOn);
      if (error === returned) return { done: true, value: undefined };
      throw error;
    }
  };
  const end = () => {
    outer?.removeEventListener('abort', passOn);
    stop.abort(returned);
  };
  return {
    next() {
      if (!begun) {
        begun = true;
        if (outer?.aborted) passOn();
        else outer?.addEventListener('abort', passOn, { once: true });
      }
      return settled(inner.next());
    },
    return() {
      end();
      return settled(inner.return());
    },
    throw(error: unknown) {
      end();
      return settled(inner.throw(error));
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await this.return().catch(() => {});
    },
  };
}
