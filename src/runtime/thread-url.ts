// Locates the code of each thread, and reports code that cannot be loaded.

/** A thread could not start, as with an incomplete installation. The message is one line. */
export class ThreadLoadError extends Error {
  override readonly name = 'ThreadLoadError';

  constructor(thread: string, cause: unknown) {
    const [why] = String((cause as Error)?.message ?? cause).split('\n', 1);
    super(`${thread} cannot be loaded: ${why}`, { cause });
  }
}

/** Returns whether an error means missing or invalid code. */
export function isLoadFailure(error: unknown): boolean {
  return error instanceof SyntaxError || /MODULE_NOT_FOUND$/.test((error as NodeJS.ErrnoException)?.code ?? '');
}

/** URL of a compiled file of workers/. Threads run the build, even if TypeScript sources start them. */
export function threadUrl(name: string): URL {
  const built = import.meta.url.endsWith('.ts') ? '../../dist' : '../..';
  return new URL(`${built}/workers/${name}.js`, import.meta.url);
}
