// Which failures of the system time may mend, so that trying again is better than asking an operator.

const PASSING: ReadonlySet<unknown> = new Set([
  ...['EADDRINUSE', 'EADDRNOTAVAIL', 'EAI_AGAIN'],
  ...['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'],
]);

/** Whether time may mend what the system says with this error: a port is taken, a name server is away, something is full. */
export function mayPass(error: unknown): boolean {
  return PASSING.has((error as NodeJS.ErrnoException | undefined)?.code);
}
