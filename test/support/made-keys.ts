// Ready keys for registries whose keys are not under test. On a slow machine two key pairs take as long as the rest of
// a start.
import { generateKeyPair, randomBytes } from 'node:crypto';
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** The environment variable with the folder of the keys. */
export const MADE_KEYS = 'TEST_MADE_KEYS';

/** More registries than any test runs at a time. */
const COUNT = 8;
const FILES = ['ck.pem', 'sk.pem'];

let taken = 0;

/** Makes the keys of some registries, each in its own folder. */
export async function makeKeyPairs(folder: string): Promise<void> {
  const make = async (place: number) => {
    await mkdir(join(folder, String(place)));
    for (const file of FILES) {
      const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
      const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
      await writeFile(join(folder, String(place), file), pem, { mode: 0o600 });
    }
  };
  await Promise.all(Array.from({ length: COUNT }, (_, place) => make(place)));
}

/**
 * Gives a data directory ready keys and an ID of its own, and makes it if it is missing. Does nothing if it is not empty,
 * or if there are no ready keys.
 */
export async function giveKeys(dataDir: string): Promise<void> {
  const folder = process.env[MADE_KEYS];
  if (folder === undefined) return;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  if ((await readdir(dataDir)).length > 0) return;
  const from = join(folder, String(taken++ % COUNT));
  for (const file of FILES) await copyFile(join(from, file), join(dataDir, file));
  await writeFile(join(dataDir, 'id'), `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
}
