// xlreg check: is this the registry its credentials say, which version does it speak, and how far away is it.
import { connect } from '../client/index.ts';
import { keyFingerprint } from '../wire/rsa-key.ts';
import { readCommandLine } from './client-flags.ts';
import { printFields, printJson } from './print.ts';
import { connectOptions, readRegistry } from './registry-source.ts';

/** Resolves to the exit code; rejects with UsageError or what the client library rejects with. */
export async function check(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { flags } = readCommandLine(args, { positionals: [], options: {} });
  const regCred = await readRegistry(flags, signal);
  const options = connectOptions(flags, regCred, signal);
  const started = performance.now();
  const session = await connect(regCred, options);
  try {
    const greeted = performance.now();
    const { name, id, version, newCommsKey } = await session.credentials();
    const roundTripMs = rounded(performance.now() - greeted);
    const helloMs = rounded(greeted - started);
    const fingerprint = keyFingerprint(regCred.commsKey);
    const { address, dialect } = session;
    if (flags.json) {
      const pinned = flags.fingerprint !== undefined;
      const newFingerprint = newCommsKey ? keyFingerprint(newCommsKey) : null;
      printJson({ name, id, version, address, dialect, fingerprint, newFingerprint, pinned, helloMs, roundTripMs });
    } else {
      printFields([
        ['registry', `${name}, as its credentials say`],
        ['ID', id],
        ['comms key', flags.fingerprint === undefined ? fingerprint : `${fingerprint}, as --fingerprint says`],
        ...(newCommsKey ? [['new comms key', keyFingerprint(newCommsKey)] as const] : []),
        ['version', version],
        ['reached at', `${address}, dialect ${dialect}`],
        ['Hello', `${helloMs} ms`],
        ['round trip', `${roundTripMs} ms`],
      ]);
    }
    return 0;
  } finally {
    await session[Symbol.asyncDispose]();
  }
}

function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}
