// Rotates the comms key of a registry. The old key stays beside the new one until all clients have the new regCred.dat.
// Invariant: at every point of an interrupted rotation one of the two files holds the key that clients know.
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

/** The public comms keys that the registry uses from its next start on. */
export interface CommsKeys {
  readonly current: KeyObject;
  readonly previous: KeyObject | undefined;
}

/**
 * Makes a new comms key of the same length, and makes the old key the previous one. The next start uses the new key and
 * writes its regCred.dat. Rejects with IdentityError if there is a previous key already, since its clients would be cut
 * off. Also rejects if the old key is too short for a new one of the same length (K1).
 */
export async function rotateCommsKey(directory: string): Promise<CommsKeys> {
  const { key: old } = await loadKey(join(directory, COMMS_KEY_FILE));
  const before = await previousKey(directory);
  // The same key in both files means that a rotation was interrupted.
  if (before && !before.equals(createPublicKey(old))) {
    throw new IdentityError(`${join(directory, PREVIOUS_COMMS_KEY_FILE)} is still in use: run xlreg keys retire first`);
  }
  const modulusLength = old.asymmetricKeyDetails!.modulusLength!;
  if (modulusLength < NEW_KEY_BITS) {
    const why = `has ${modulusLength} bits, and a new key of ${NEW_KEY_BITS} cannot be used beside it`;
    throw new IdentityError(`${join(directory, COMMS_KEY_FILE)} ${why}`);
  }
  const fresh = await promisify(generateKeyPair)('rsa', { modulusLength });
  // Root may rotate the key of a registry that runs as another user.
  const owner = await stat(join(directory, COMMS_KEY_FILE));
  await writeDurably(directory, PREVIOUS_COMMS_KEY_FILE, printKey(old), 0o600, owner);
  await writeDurably(directory, COMMS_KEY_FILE, printKey(fresh.privateKey), 0o600, owner);
  return { current: fresh.publicKey, previous: createPublicKey(old) };
}

/**
 * Removes the previous comms key. A running server uses it until the next start. Rejects with IdentityError if there is
 * none. Unless `force` is set, also rejects if no server has started with the current key: clients know only the
 * previous one then.
 */
export async function retireCommsKey(directory: string, force: boolean): Promise<CommsKeys> {
  const { key } = await loadKey(join(directory, COMMS_KEY_FILE));
  const path = join(directory, PREVIOUS_COMMS_KEY_FILE);
  if (!existsSync(path)) throw new IdentityError(`${path} does not exist: there is no previous key to retire`);
  if (!force && !(await isAnnounced(directory, createPublicKey(key)))) {
    const regCred = join(directory, REG_CRED_FILE);
    const why = `${regCred} does not hold the key of ${COMMS_KEY_FILE} yet`;
    const effect = 'to retire the previous key now would cut off every client';
    throw new IdentityError(`${why}, so ${effect}: restart the registry first, or use --force`);
  }
  await rm(path);
  await syncDirectory(directory);
  return { current: createPublicKey(key), previous: undefined };
}

/** Reads the public comms keys. Throws IdentityError. */
export async function commsKeys(directory: string): Promise<CommsKeys> {
  const { key } = await loadKey(join(directory, COMMS_KEY_FILE));
  return { current: createPublicKey(key), previous: await previousKey(directory) };
}

/** Returns whether a server has started with this key. Each start writes regCred.dat with its key. */
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
