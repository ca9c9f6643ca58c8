// xlreg drain: starts the drain of a running registry over its admin port, and waits for its end.
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { ADMIN_FLAGS, type AdminPort, adminPort, askAdmin, openAdmin, SILENT } from '../admin-port.ts';
import { readArguments } from '../client-flags.ts';
import { OperatorError } from '../operator-error.ts';
import { printJson } from '../print.ts';

/** Time between two checks whether the registry still runs. */
const POLL_MS = 100;

/** Limit of the wait behind --shutdown-delay; with default settings a drain takes ten seconds at most. */
const WAIT_MS = 60_000;

/** Resolves to 0 when the registry has ended. Rejects with UsageError or OperatorError. */
export async function drain(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { values } = readArguments(args, {
    positionals: [],
    options: { ...ADMIN_FLAGS, json: { type: 'boolean' } },
  });
  const port = await adminPort(values);
  const form = z.looseObject({ draining: z.literal(true), delaySeconds: z.number().default(0) });
  const { delaySeconds } = await askAdmin(port, 'POST /drain', 'does not drain', form, signal);
  const waitMs = delaySeconds * 1000 + WAIT_MS;
  const giveUp = performance.now() + waitMs;
  while (await isRunning(port, signal)) {
    if (performance.now() > giveUp)
      throw new OperatorError(`the registry drains, but has not ended after ${waitMs / 1000} s`, 1);
    await wait(POLL_MS, undefined, { signal });
  }
  if (values.json) printJson('drain', { drained: port.url });
  else process.stdout.write('drained\n');
  return 0;
}

/** A registry closes its admin port last. */
async function isRunning(port: AdminPort, signal: AbortSignal): Promise<boolean> {
  try {
    (await openAdmin(port, 'GET /readyz', signal)).resume();
    return true;
  } catch (error) {
    if (signal.aborted) throw error;
    return error instanceof OperatorError && error.code === SILENT;
  }
}
