// A new comms key for a registry that goes on: the old one stays beside it until all clients have the new regCred.dat.
// Invariant: whenever this stops, the key that clients know is there under one of the two names.
import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { syncDirectory, writeDurably } from '../runtime/atomic-file.ts';
import { parseRegCred } from '../wire/reg-cred.ts';
import {
  COMMS_KEY_FILE,
  IdentityError,
  loadKey,
  NEW_KEY_BITS,
  PREVIOUS_COMMS_KEY_FILE,
  printKey,
  REG_CRED_FILE,
} from './identity.ts';

/** The public halves of the keys that a registry has from its next start on. */
export interface CommsKeys {
  readonly current: KeyObject;
  readonly previous: KeyObject | undefined;
}

/**
 * Makes a new comms key, as long as the old one, which becomes the previous one. Rejects with IdentityError where there is
 * a previous one already, whose clients would be cut off, and where the old one is too short to make another like it (K1).
 * regCred.dat is left to the next start, which serves the new key.
 */
export async function rotateCommsKey(directory: string): Promise<CommsKeys> {
  const { key: old } = await loadKey(join(directory, COMMS_KEY_FILE));
  const before = await previousKey(directory);
  // The same key twice is a rotation that did not get to its end.
  if (before && !before.equals(createPublicKey(old))) {
    throw new IdentityError(`${join(directory, PREVIOUS_COMMS_KEY_FILE)} is still served: xlreg keys retire first`);
  }
  const modulusLength = old.asymmetricKeyDetails!.modulusLength!;
  if (modulusLength < NEW_KEY_BITS) {
    const why = `has ${modulusLength} bits, and one of ${NEW_KEY_BITS} cannot be served beside it`;
    throw new IdentityError(`${join(directory, COMMS_KEY_FILE)} ${why}`);
  }
  const fresh = await promisify(generateKeyPair)('rsa', { modulusLength });
  // Root may do this for a registry that runs as somebody else.
  const owner = await stat(join(directory, COMMS_KEY_FILE));
  await writeDurably(directory, PREVIOUS_COMMS_KEY_FILE, printKey(old), 0o600, owner);
  await writeDurably(directory, COMMS_KEY_FILE, printKey(fresh.privateKey), 0o600, owner);
  return { current: fresh.publicKey, previous: createPublicKey(old) };
}

/**
 * Removes the previous comms key; rejects with IdentityError if there is none. It is served until the next start. Unless `force`d,
 * rejects also where no server has started with the current key: clients then know the previous one only.
 */
export async function retireCommsKey(directory: string, force: boolean): Promise<CommsKeys> {
  const { key } = await loadKey(join(directory, COMMS_KEY_FILE));
  const path = join(directory, PREVIOUS_COMMS_KEY_FILE);
  if (!existsSync(path)) throw new IdentityError(`${path} is not there: there is no previous key`);
  if (!force && !(await isAnnounced(directory, createPublicKey(key)))) {
    const cutOff = 'to retire the previous key now cuts off every client';
    throw new IdentityError(
      `${join(directory, REG_CRED_FILE)} is not that of ${COMMS_KEY_FILE}, so ${cutOff}: restart the registry first (or --force)`,
    );
  }
  await rm(path);
  await syncDirectory(directory);
  return { current: createPublicKey(key), previous: undefined };
}

/** The keys there are. Throws IdentityError. */
export async function commsKeys(directory: string): Promise<CommsKeys> {
  const { key } = await loadKey(join(directory, COMMS_KEY_FILE));
  return { current: createPublicKey(key), previous: await previousKey(directory) };
}

/** Whether a server has started with this key: each start writes the credentials of the key that it serves. */
async function isAnnounced(directory: string, current: KeyObject): Promise<boolean> {
  try {
    const { commsKey } = parseRegCred(await readFile(join(directory, REG_CRED_FILE), 'latin1'));
    return commsKey.equals(current);
  } catch {
    return false;
  }
}

async function previousKey(directory: string): Promise<KeyObject | undefined> {
  const path = join(directory, PREVIOUS_COMMS_KEY_FILE);
  return existsSync(path) ? createPublicKey((await loadKey(path)).key) : undefined;
}
