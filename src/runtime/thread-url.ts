// Where the code of each thread is, and what is said when it cannot be loaded.

/** A thread could not be started at all, as where an installation is not whole; the message is one line. */
export class ThreadLoadError extends Error {
  override readonly name = 'ThreadLoadError';

  constructor(thread: string, cause: unknown) {
    const [why] = String((cause as Error)?.message ?? cause).split('\n', 1);
    super(`${thread} cannot be loaded: ${why}`, { cause });
  }
}

/** Whether code was not there, or was none. */
export function isLoadFailure(error: unknown): boolean {
  return error instanceof SyntaxError || /MODULE_NOT_FOUND$/.test((error as NodeJS.ErrnoException)?.code ?? '');
}

/** One of workers/, compiled: threads run what has been built, also where it is TypeScript that starts them. */
export function threadUrl(name: string): URL {
  const built = import.meta.url.endsWith('.ts') ? '../../dist' : '../..';
  return new URL(`${built}/workers/${name}.js`, import.meta.url);
}
