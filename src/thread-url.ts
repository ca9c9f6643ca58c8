// Where the code of each thread is.

/** One of workers/, compiled: threads run what has been built, also where it is TypeScript that starts them. */
export function threadUrl(name: string): URL {
  const built = import.meta.url.endsWith('.ts') ? '../dist' : '..';
  return new URL(`${built}/workers/${name}.js`, import.meta.url);
}
