// The registry's identity: its ID and its two RSA keys, in the data directory. The first start makes them, later starts
// load and check them. Invariant: once a client may know the ID, only a command of the operator changes the keys.
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ID_BYTES, RSA_BITS_MAX, RSA_BITS_MIN } from '../limits.ts';
import { syncDirectory, writeDurably } from '../runtime/atomic-file.ts';
import { ANY_ACCESS, accessTo, type FoundAccess, takeFromGroup } from '../runtime/file-access.ts';
import { makeDirectory } from '../runtime/make-directory.ts';
import { isNodeId } from '../wire/member-token.ts';
import { isPublishedKey } from '../wire/published-keys.ts';
import { modulusOf } from '../wire/rsa-key.ts';

/** The registry's secrets and its ID. */
export interface Identity {
  readonly id: Buffer;
  /** ck: decrypts Hellos. */
  readonly commsKey: KeyObject;
  /**
   * The previous ck, which also decrypts Hellos until all clients have the new one (H10). Its modulus has the same
   * length.
   */
  readonly previousCommsKey: KeyObject | undefined;
  /** sk: signs. */
  readonly sigKey: KeyObject;
  /** Warnings for the operator, such as a key that is too short for today. */
  readonly warnings: readonly string[];
}

/** The data directory or a file in it is unusable. The message names the path and the reason. */
export class IdentityError extends Error {
  override readonly name = 'IdentityError';
}

/** Length of a new registry's keys, and the minimum for any new key (K1). */
export const NEW_KEY_BITS = 2_048;
const ID_FILE = 'id';
export const COMMS_KEY_FILE = 'ck.pem';
export const PREVIOUS_COMMS_KEY_FILE = 'ck-previous.pem';
const SIG_KEY_FILE = 'sk.pem';
export const REG_CRED_FILE = 'regCred.dat';
/** Exists while the first start makes the other files. */
const UNFINISHED_FILE = 'unfinished';

/**
 * Makes the data directory if it is missing. Throws IdentityError if users outside this process's groups can use it.
 */
export async function openDataDirectory(directory: string): Promise<void> {
  try {
    makeDirectory(directory, 0o700);
  } catch (error) {
    throw new IdentityError(`${directory} cannot be made: ${(error as Error).message}`);
  }
  const { access, mode, isDirectory } = await look(directory);
  if (!isDirectory) throw new IdentityError(`${directory} is not a directory`);
  if (access === 'others') throw openToOthers(directory, mode, '700');
}

/**
 * Loads the identity in `directory`, or makes one if there never was any. Throws IdentityError, without `testKeys` also for
 * a published test key (K7).
 */
export async function openIdentity(directory: string, testKeys = false): Promise<Identity> {
  await openDataDirectory(directory);
  // The mark of an interrupted first start. No client can have seen its keys, since regCred.dat was not written.
  const interrupted = existsSync(join(directory, UNFINISHED_FILE)) && !existsSync(join(directory, REG_CRED_FILE));
  const all = [ID_FILE, COMMS_KEY_FILE, PREVIOUS_COMMS_KEY_FILE, SIG_KEY_FILE, REG_CRED_FILE];
  const files = all.filter((file) => existsSync(join(directory, file)));
  if (interrupted || files.length === 0) await makeIdentity(directory);
  const identity = await loadIdentity(directory);
  if (!testKeys) assertSecret(directory, identity);
  return identity;
}

/** Throws IdentityError if everybody knows one of the keys. */
function assertSecret(directory: string, { commsKey, previousCommsKey, sigKey }: Identity): void {
  const keys = { [COMMS_KEY_FILE]: commsKey, [SIG_KEY_FILE]: sigKey, [PREVIOUS_COMMS_KEY_FILE]: previousCommsKey };
  for (const [file, key] of Object.entries(keys)) {
    if (key === undefined || !isPublishedKey(modulusOf(key))) continue;
    throw new IdentityError(
      `${join(directory, file)} is a published test key of xlreg/testing, which everybody knows: use another data directory`,
    );
  }
}

/** Writes the registry's public credentials, readable by every user who may enter the directory. */
export async function writeRegCred(directory: string, text: string): Promise<void> {
  await writeDurably(directory, REG_CRED_FILE, text, 0o644);
}

async function makeIdentity(directory: string): Promise<void> {
  const generate = promisify(generateKeyPair);
  const pairs = await Promise.all(
    [COMMS_KEY_FILE, SIG_KEY_FILE].map(async (file) => {
      const { privateKey } = await generate('rsa', { modulusLength: NEW_KEY_BITS });
      return { file, pem: printKey(privateKey) };
    }),
  );
  await writeDurably(directory, UNFINISHED_FILE, '', 0o600);
  for (const { file, pem } of pairs) await writeDurably(directory, file, pem, 0o600);
  await writeDurably(directory, ID_FILE, `${randomBytes(ID_BYTES).toString('hex')}\n`, 0o600);
  await rm(join(directory, UNFINISHED_FILE));
  await syncDirectory(directory);
}

/** A private key in the format of its file. */
export function printKey(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

async function loadIdentity(directory: string): Promise<Identity> {
  const idPath = join(directory, ID_FILE);
  const { text, warnings } = await readPrivate(idPath);
  const hex = text.trim();
  const id = Buffer.from(hex, 'hex');
  if (id.length * 2 !== hex.length || !isNodeId(id)) throw new IdentityError(`${idPath} does not hold an ID`);
  const [commsKey, sigKey] = [
    await loadKey(join(directory, COMMS_KEY_FILE)),
    await loadKey(join(directory, SIG_KEY_FILE)),
  ];
  if (createPublicKey(commsKey.key).equals(createPublicKey(sigKey.key))) {
    throw new IdentityError(`${COMMS_KEY_FILE} and ${SIG_KEY_FILE} in ${directory} are the same key`);
  }
  const previous = await loadPreviousKey(directory, commsKey.key, sigKey.key);
  return {
    id,
    commsKey: commsKey.key,
    previousCommsKey: previous?.key,
    sigKey: sigKey.key,
    warnings: [...warnings, ...commsKey.warnings, ...(previous?.warnings ?? []), ...sigKey.warnings],
  };
}

/**
 * Loads the previous comms key, if any. It must be as long as the current one: on TCP only the length tells whether a
 * Hello is whole (H1).
 */
async function loadPreviousKey(directory: string, commsKey: KeyObject, sigKey: KeyObject) {
  const path = join(directory, PREVIOUS_COMMS_KEY_FILE);
  if (!existsSync(path)) return undefined;
  const { key, warnings } = await loadKey(path);
  if (createPublicKey(key).equals(createPublicKey(sigKey))) {
    throw new IdentityError(`${path} is the same key as ${SIG_KEY_FILE}`);
  }
  const [bits, wanted] = [key, commsKey].map(({ asymmetricKeyDetails }) => asymmetricKeyDetails!.modulusLength!);
  if (bits !== wanted) {
    throw new IdentityError(`${path} has ${bits} bits, ${COMMS_KEY_FILE} has ${wanted}: their lengths must match`);
  }
  if (!createPublicKey(key).equals(createPublicKey(commsKey))) return { key, warnings };
  const interrupted = `${path} is the same key as ${COMMS_KEY_FILE}: a rotation was interrupted; rotate again`;
  return { key: undefined, warnings: [...warnings, interrupted] };
}

/** Loads a private RSA key of the registry, with warnings for the operator. Throws IdentityError. */
export async function loadKey(path: string): Promise<{ key: KeyObject; warnings: readonly string[] }> {
  const { text: pem, warnings } = await readPrivate(path);
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // OpenSSL's reason may quote the file, so it is left out.
    throw new IdentityError(`${path} is not a private key in PEM form`);
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType !== 'rsa') throw new IdentityError(`${path} is not an RSA key`);
  if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX) {
    throw new IdentityError(`${path} has ${bits} bits: clients accept ${RSA_BITS_MIN} to ${RSA_BITS_MAX}`);
  }
  return { key, warnings: bits < NEW_KEY_BITS ? [...warnings, `${path} has only ${bits} bits`] : warnings };
}

async function readPrivate(path: string): Promise<{ text: string; warnings: readonly string[] }> {
  const warning = await keepPrivate(path);
  return { text: await readFile(path, 'utf8'), warnings: warning === undefined ? [] : [warning] };
}

/**
 * Makes sure that only its owner can use a secret file. Removes access of a group of this process, and returns a
 * warning for the operator then. Throws IdentityError if that fails, or if other users have access.
 */
export async function keepPrivate(path: string): Promise<string | undefined> {
  const { access, mode, isFile } = await look(path);
  if (!isFile) throw new IdentityError(`${path} is not a file`);
  if (access === 'others') throw openToOthers(path, mode, '600');
  if (access === 'nobody') return undefined;
  return takeFromGroup(path, mode).catch((error: Error) => {
    throw new IdentityError(error.message);
  });
}

function look(path: string): Promise<FoundAccess> {
  return accessTo(path, ANY_ACCESS).catch((error: NodeJS.ErrnoException) => {
    throw new IdentityError(error.code === 'ENOENT' ? `${path} is missing` : `${path}: ${error.message}`);
  });
}

function openToOthers(path: string, mode: string, wanted: string): IdentityError {
  return new IdentityError(`${path} can be used by others (mode ${mode}): chmod ${wanted} ${path}`);
}
