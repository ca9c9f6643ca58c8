// Start step 1: the data directory, its lock, and the registry's keys.
import { createPublicKey } from 'node:crypto';
import { lockDataDirectory } from '../identity/data-directory-lock.ts';
import { type Identity, openDataDirectory, openIdentity } from '../identity/identity.ts';
import type { Fence } from '../shared-memory/fence.ts';
import { keyFingerprint } from '../wire/rsa-key.ts';
import type { ServerContext } from './server-context.ts';

/** The registry's identity, and the fence that is open while this process holds the data directory. */
export interface OpenedIdentity {
  readonly identity: Identity;
  readonly fence: Fence;
}

/** Locks the data directory, then loads or makes the keys. Rejects with IdentityError or LockedError. */
export async function openRegistryIdentity({ config, host, observer, onStop }: ServerContext): Promise<OpenedIdentity> {
  const { log, onDeath } = observer;
  await openDataDirectory(config.dataDir);
  const lock = await lockDataDirectory(config.dataDir, { onLost: onDeath, onWaiting: (text) => log.warn(text) });
  onStop(async () => lock.release());
  const identity = await openIdentity(config.dataDir, host.testKeys);
  for (const warning of identity.warnings) log.warn(warning);
  if (identity.previousCommsKey) {
    const fingerprint = keyFingerprint(createPublicKey(identity.previousCommsKey));
    log.info({ fingerprint }, 'Hellos under the previous comms key are accepted, too');
  }
  return { identity, fence: lock.fence };
}
