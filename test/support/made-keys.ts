// RSA keys for tests that do not test their making, which takes longer than a whole test. Made once for a checkout:
// published ones would not do, since no registry outside a test takes them (K7).
import { createPrivateKey, generateKeyPair, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const FOLDER = fileURLToPath(new URL('../../node_modules/.cache/test-keys', import.meta.url));
const MODULUS = { modulusLength: 2048 };

/** More registries than any test runs at a time. */
const REGISTRIES = 8;
const REGISTRY_FILES = ['ck.pem', 'sk.pem'];
/** Most test files use fewer. */
const OTHERS = 24;

let registries = 0;
let others = 0;

const registryFolder = (place: number) => join(FOLDER, `registry-${place % REGISTRIES}`);
const other = (place: number) => `other-${place}.pem`;

/** Makes the keys unless they are there. Without a place to write, tests make theirs, which takes longer. */
export async function makeKeys(): Promise<void> {
  if (existsSync(FOLDER)) return;
  const folder = await newFolder();
  if (folder === undefined) return;
  const make = async (...path: string[]) => {
    const { privateKey } = await promisify(generateKeyPair)('rsa', MODULUS);
    await writeFile(join(folder, ...path), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  };
  const pair = async (_: unknown, place: number) => {
    const name = `registry-${place}`;
    await mkdir(join(folder, name));
    for (const file of REGISTRY_FILES) await make(name, file);
  };
  await Promise.all([
    ...Array.from({ length: REGISTRIES }, pair),
    ...Array.from({ length: OTHERS }, (_, place) => make(other(place))),
  ]);
  // Another run may have been faster.
  await rename(folder, FOLDER).catch(() => rm(folder, { recursive: true }));
}

/** Makes a folder beside FOLDER, for its owner only. Resolves to undefined and logs the reason where nobody can write. */
async function newFolder(): Promise<string | undefined> {
  try {
    await mkdir(dirname(FOLDER), { recursive: true });
    return await mkdtemp(`${FOLDER}-`);
  } catch (error) {
    console.log(`Tests make their own RSA keys, because none can be kept: ${(error as Error).message}`);
    return undefined;
  }
}

/**
 * Gives a data directory ready keys and an ID of its own, and makes it if it is missing. Does nothing if it is not empty,
 * or if there are no ready keys.
 */
export async function giveKeys(dataDir: string): Promise<void> {
  if (!existsSync(FOLDER)) return;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  if ((await readdir(dataDir)).length > 0) return;
  const from = registryFolder(registries++);
  for (const file of REGISTRY_FILES) await copyFile(join(from, file), join(dataDir, file));
  await writeFile(join(dataDir, 'id'), `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
}

/** A private key of 2,048 bits that no other call in this process returns: a ready one, or a new one behind the last. */
export function newKey(): KeyObject {
  const file = join(FOLDER, other(others++));
  return existsSync(file) ? createPrivateKey(readFileSync(file)) : generateKeyPairSync('rsa', MODULUS).privateKey;
}
