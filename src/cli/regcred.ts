// xlreg regcred: shows a registry's credentials, with the fingerprints by which people compare them.
import type { KeyObject } from 'node:crypto';
import { keyFingerprint, printSshRsa } from '../wire/rsa-key.ts';
import { printVersion } from '../wire/version.ts';
import { readCommandLine } from './client-flags.ts';
import { printFields, printJson } from './print.ts';
import { readRegistry } from './registry-source.ts';

/** Resolves to the exit code; rejects with UsageError, or as readRegistry() does. */
export async function regcred(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { flags } = readCommandLine(args, { positionals: [], options: {} });
  const { name, id, commsKey, sigKey, endPoints, version } = await readRegistry(flags, signal);
  const hexId = Buffer.from(id).toString('hex');
  if (flags.json) {
    const keys = { commsKey: keyJson(commsKey), sigKey: keyJson(sigKey) };
    printJson({ name, id: hexId, ...keys, endPoints, version: printVersion(version) });
    return 0;
  }
  printFields([
    ['registry', name],
    ['ID', hexId],
    ['comms key', printKey(commsKey)],
    ['sig key', printKey(sigKey)],
    ...endPoints.map((endPoint) => ['end point', endPoint] as const),
    ['version', printVersion(version)],
  ]);
  return 0;
}

function bits(key: KeyObject): number {
  return key.asymmetricKeyDetails?.modulusLength ?? 0;
}

function printKey(key: KeyObject): string {
  return `${keyFingerprint(key)} (RSA, ${bits(key)} bits)`;
}

function keyJson(key: KeyObject) {
  return { fingerprint: keyFingerprint(key), bits: bits(key), ssh: printSshRsa(key) };
}
