// xlreg drain: a running registry is told to stop in order, from outside.
import { setTimeout as wait } from 'node:timers/promises';
import { ADMIN_FLAGS, adminPort, adminUrl, askAdmin } from '../admin-port.ts';
import { readArguments } from '../client-flags.ts';
import { OperatorError } from '../operator-error.ts';

/** How often it is asked whether it is still there. */
const POLL_MS = 100;

/** How long: with its defaults a registry is gone after ten seconds. */
const WAIT_MS = 60_000;

/** Gives the order and waits until the registry has gone. */
export async function drain(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { values } = readArguments(args, {
    positionals: [],
    options: ADMIN_FLAGS,
  });
  await askAdmin(await adminPort(values), 'POST /drain', 'does not drain', signal);
  const giveUp = performance.now() + WAIT_MS;
  while (await isThere(values.admin, signal)) {
    if (performance.now() > giveUp) throw new OperatorError('the registry drains, but has not ended', 1);
    await wait(POLL_MS, undefined, { signal });
  }
  process.stdout.write('drained\n');
  return 0;
}

/** Its admin port is the last that it closes. */
async function isThere(admin: string, signal: AbortSignal): Promise<boolean> {
  try {
    await (await fetch(adminUrl(admin, '/readyz'), { signal })).text();
    return true;
  } catch (error) {
    if (signal.aborted) throw error;
    return false;
  }
}
