// xlreg regcred: prints a registry's credentials, with the fingerprints of its keys.
import { type DescribedKey, describeRegCred } from '../../wire/reg-cred.ts';
import { readCommandLine } from '../client-flags.ts';
import { printFields, printJson } from '../print.ts';
import { readRegistry } from '../registry-source.ts';

/** Resolves to the exit code. Rejects with UsageError, or as readRegistry() does. */
export async function regcred(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { flags } = readCommandLine(args, { positionals: [], options: {} });
  const described = describeRegCred(await readRegistry(flags, signal));
  if (flags.json) {
    printJson('regcred', described);
    return 0;
  }
  const { name, id, commsKey, sigKey, endPoints, version } = described;
  printFields([
    ['registry', name],
    ['ID', id],
    ['comms key', printKey(commsKey)],
    ['sig key', printKey(sigKey)],
    ...endPoints.map((endPoint) => ['end point', endPoint] as const),
    ['version', version],
  ]);
  return 0;
}

function printKey({ fingerprint, bits }: DescribedKey): string {
  return `${fingerprint} (RSA, ${bits} bits)`;
}
