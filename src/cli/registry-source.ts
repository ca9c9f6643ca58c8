// Reads the registry's credentials from --registry, checks them against --fingerprint, and derives the end points from
// --connect and --transport.

import { assertPinned, readCredentials, urlOfSource, webSocketOf } from '../client/credentials-source.ts';
import { CredentialsMissing, mayPass } from '../client/errors.ts';
import { type ConnectOptions, type RegCred, RegCredError } from '../client/index.ts';
import { targetsOf } from '../client/target.ts';
import { type ClientFlags, UsageError } from './client-flags.ts';

/** The file of --registry is missing or empty. It may still arrive, so --wait tries again. */
export class RegistryFileMissing extends UsageError {}

const warned = new WeakSet<ClientFlags>();

/**
 * Reads the credentials. Rejects with UsageError (file), RegistryUnreachable (URL) or RegistryUntrusted (URL,
 * fingerprint).
 */
export async function readRegistry(flags: ClientFlags, signal: AbortSignal): Promise<RegCred> {
  const { registry, fingerprint, dialect } = flags;
  const url = urlOf(registry);
  if (url?.protocol === 'http:' && fingerprint === undefined && !warned.has(flags)) {
    warned.add(flags);
    process.stderr.write(
      `xlreg: ${url.href} without --fingerprint: anyone on the network path can impersonate the registry\n`,
    );
  }
  const regCred = await readCredentials(registry, signal).catch((error: unknown) => {
    if (error instanceof CredentialsMissing || error instanceof RegCredError) {
      const Kind = mayPass(error) ? RegistryFileMissing : UsageError;
      throw new Kind(`--registry: ${error.message}`, { cause: error });
    }
    throw error;
  });
  if (fingerprint !== undefined) assertPinned(regCred, fingerprint, dialect, '--fingerprint');
  return regCred;
}

/** The options of connect(). Throws UsageError if the flags give no usable end point. */
export function connectOptions(flags: ClientFlags, regCred: RegCred, signal: AbortSignal): ConnectOptions {
  const { transport, dialect, timeoutMs } = flags;
  const url = urlOf(flags.registry);
  if (transport === 'ws' && flags.connect === undefined && url === undefined) {
    throw new UsageError('--transport ws needs --connect ws://HOST:PORT/xlreg, or a URL as --registry');
  }
  const connect = flags.connect ?? (transport === 'ws' && url ? webSocketOf(url) : undefined);
  const options = { transport, connect, dialect, timeoutMs, signal, onSkipped };
  try {
    targetsOf(regCred, options);
  } catch (error) {
    throw new UsageError(`--connect: ${(error as Error).message}`);
  }
  return options;
}

/** Reports a skipped server at once, so that a dead or foreign one does not stay unnoticed. */
function onSkipped(address: string, why: Error): void {
  process.stderr.write(`xlreg: skipped ${address}: ${why.message}\n`);
}

function urlOf(registry: string): URL | undefined {
  try {
    return urlOfSource(registry);
  } catch {
    throw new UsageError('--registry should be a file or http://HOST:PORT/regCred.dat, without user and password');
  }
}
