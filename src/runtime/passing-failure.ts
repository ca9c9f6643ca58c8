// Tells failures that may pass from those that need an operator.

/** A port in use, a name server away, or an exhausted resource. */
const PASSING: ReadonlySet<unknown> = new Set([
  ...['EADDRINUSE', 'EADDRNOTAVAIL', 'EAI_AGAIN'],
  ...['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'],
]);

/** Returns whether a later attempt may succeed after this error of the system. */
export function mayPass(error: unknown): boolean {
  return PASSING.has((error as NodeJS.ErrnoException | undefined)?.code);
}
