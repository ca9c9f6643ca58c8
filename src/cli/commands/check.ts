// xlreg check: tests each end point of a registry: whether the registry of the credentials answers, its version, and
// its latency.

import { explained } from '../../client/changed-registry.ts';
import { provenKey } from '../../client/credentials-source.ts';
import { HelloRefused, TimeUp } from '../../client/errors.ts';
import {
  type ConnectOptions,
  connect,
  type RegCred,
  type RegistrySession,
  RegistryUnreachable,
  RegistryUntrusted,
  XlRegError,
} from '../../client/index.ts';
import { registryIdOf } from '../../client/statements.ts';
import { printTarget, targetsOf } from '../../client/target.ts';
import { keyFingerprint } from '../../wire/rsa-key.ts';
import { type ClientFlags, readCommandLine } from '../client-flags.ts';
import { failureOf } from '../failure.ts';
import type { JsonForm } from '../json-forms.ts';
import { OperatorError } from '../operator-error.ts';
import { printFields, printJson, printTable } from '../print.ts';
import { connectOptions, readRegistry } from '../registry-source.ts';
import { Wait } from '../wait.ts';

/** The result for one end point. */
type Finding = JsonForm<'check'>['endPoints'][number];

/** The failure if an end point is not ok. An unreachable and a wrong registry have the same exit code. */
const NOT_ALL_OK = { exitCode: 3, code: 'END_POINTS_NOT_OK' } as const;

/**
 * Resolves to the exit code. Rejects with UsageError, or with RegistryUntrusted if the key differs from --fingerprint.
 */
export async function check(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { flags, values } = readCommandLine(args, { positionals: [], options: { wait: { type: 'string' } } });
  const wait = new Wait('check', values.wait, signal);
  try {
    const regCred = await wait.retry(() => readRegistry(flags, wait.signal));
    const { onSkipped: _, ...options } = connectOptions(flags, regCred, wait.signal);
    const endPoints = await probeUntilOk(regCred, options, wait);
    return report(regCred, flags, endPoints);
  } finally {
    wait.end();
  }
}

/** Probes the end points once; with --wait until all are ok, one has a wrong key, or the time is up. */
async function probeUntilOk(regCred: RegCred, options: ConnectOptions, wait: Wait): Promise<Finding[]> {
  const addresses = targetsOf(regCred, options).map(printTarget);
  let found: Finding[] = [];
  const probe = async () => {
    found = await Promise.all(addresses.map((connect) => probeOne(regCred, { ...options, connect, helloTries: 1 })));
    const missing = found.find(({ state }) => state !== 'ok');
    const isOther = found.some(({ state }) => state === 'wrong key');
    if (wait.waits && missing && !isOther) throw new RegistryUnreachable(unreachableText(missing));
  };
  try {
    await wait.retry(probe);
  } catch (error) {
    // The deadline cut the last probe short; report the one before.
    if (found.length === 0 || !(error instanceof RegistryUnreachable || error instanceof TimeUp)) throw error;
  }
  return found;
}

function unreachableText({ address, why = '' }: Finding): string {
  return `${address}: ${why.replace(/^cannot reach the registry: /, '')}`;
}

/** Prints the findings. Throws OperatorError with a line for each end point that is not ok. */
function report(regCred: RegCred, flags: ClientFlags, endPoints: readonly Finding[]): number {
  const id = registryIdOf(regCred);
  const { dialect } = flags;
  const proven = provenKey(regCred, dialect);
  const fingerprint = keyFingerprint(proven.key);
  // The new key is signed by sk, so all servers give the same.
  const newKeys = [...new Set(endPoints.flatMap(({ newFingerprint }) => newFingerprint ?? []))];
  const pinned = flags.fingerprint !== undefined;
  if (flags.json) {
    const newFingerprint = newKeys[0] ?? null;
    printJson('check', { name: regCred.name, id, fingerprint, newFingerprint, pinned, dialect, endPoints });
  } else {
    printFields([
      ['registry', regCred.name],
      ['ID', id],
      [proven.name, pinned ? `${fingerprint}, as --fingerprint says` : fingerprint],
      ...newKeys.map((key) => ['new comms key', key] as const),
    ]);
    printTable([['END POINT', 'STATE', 'VERSION', 'HELLO', 'ROUND TRIP'], ...endPoints.map(rowOf)]);
  }
  const faults = endPoints.filter(({ state }) => state !== 'ok');
  if (faults.length === 0) return 0;
  const lines = faults.map(({ address, why }) => `${address}: ${why}`);
  const retryable = faults.every(({ state }) => state !== 'wrong key');
  throw new OperatorError(lines.join('\n'), NOT_ALL_OK.exitCode, { code: NOT_ALL_OK.code, retryable });
}

async function probeOne(regCred: RegCred, options: ConnectOptions & { readonly connect: string }): Promise<Finding> {
  const address = options.connect;
  const started = performance.now();
  let session: RegistrySession | undefined;
  try {
    // connect() remembers results by the credentials object; a copy keeps the probes independent.
    session = await connect({ ...regCred }, options);
    const greeted = performance.now();
    const { version, newCommsKey } = await session.credentials();
    const roundTripMs = rounded(performance.now() - greeted);
    const found = { address, state: 'ok', version, helloMs: rounded(greeted - started), roundTripMs } as const;
    return newCommsKey ? { ...found, newFingerprint: keyFingerprint(newCommsKey) } : found;
  } catch (error) {
    if (!(error instanceof XlRegError)) throw error;
    // connect() wraps the error to add the address.
    const fault = error.cause instanceof XlRegError ? error.cause : error;
    const cause = await explained(fault, regCred, options);
    return { address, state: stateOf(fault, cause), why: failureOf(cause)!.text };
  } finally {
    await session?.[Symbol.asyncDispose]();
  }
}

/** `cause` is `fault` itself if explained() found no more. */
function stateOf(fault: XlRegError, cause: unknown): Finding['state'] {
  if (cause instanceof RegistryUntrusted) return 'wrong key';
  if (!(fault instanceof HelloRefused)) return 'not reachable';
  return cause === fault ? 'wrong key or full' : 'full';
}

function rowOf({ address, state, version = '-', helloMs, roundTripMs }: Finding): string[] {
  const time = (milliseconds: number | undefined) => (milliseconds === undefined ? '-' : `${milliseconds} ms`);
  return [address, state, version, time(helloMs), time(roundTripMs)];
}

function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}
