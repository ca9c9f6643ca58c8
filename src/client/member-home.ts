// Where a member keeps who it is between runs: a directory of its own. Invariants: nothing in it can be read by others;
// member.json is written last, so that where it is, the keys are; each file is there whole or not at all. Several
// processes may open one home at once: keys and ID are created exclusively, and the others adopt them.
//
//   HOME/                  0700
//     comms-key.pem        0600, PKCS#8
//     sig-key.pem          0600, PKCS#8
//     member.json          0600, { name, endPoints, attrs, id, registryId, registryAddress }, the last two once a
//                          registry has taken the member in
import { createPrivateKey, type KeyObject, randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ID_BYTES } from '../limits.ts';
import { createDurably, writeSharedDurably } from '../runtime/atomic-file.ts';
import { ANY_ACCESS, accessTo, takeFromGroup, WRITE_ACCESS } from '../runtime/file-access.ts';
import { isEndPoint, isName } from '../wire/member-token.ts';
import { idBytes } from './cluster.ts';
import { MemberHomeError } from './errors.ts';
import { createMember, type Member, type MemberSpec } from './member.ts';

const COMMS_KEY_FILE = 'comms-key.pem';
const SIG_KEY_FILE = 'sig-key.pem';
const MEMBER_FILE = 'member.json';

/**
 * The member that lives in a directory, or undefined if none does. Rejects with MemberHomeError if its files are
 * incomplete, not in order, or open to other users (not checked on Windows, which has no such modes). Files that a group of
 * this process can use are set back to mode 600, with a warning of the process.
 */
export async function loadMember(home: string): Promise<Member | undefined> {
  const text = await readPrivate(join(home, MEMBER_FILE));
  if (text === undefined) return undefined;
  await assertOwn(home);
  const described = parseMember(join(home, MEMBER_FILE), text);
  const [commsKey, sigKey] = await Promise.all([
    loadKey(join(home, COMMS_KEY_FILE)),
    loadKey(join(home, SIG_KEY_FILE)),
  ]);
  return { ...described, commsKey, sigKey };
}

/**
 * The member that lives in a directory; a new one, with an ID (T3), if none does. Processes that come at once get the
 * same one: the first to create a file decides, the others read it. Rejects with MemberHomeError, and with TypeError where
 * name or end points break T2 or T5.
 */
export async function openMember(home: string, spec: MemberSpec): Promise<Member> {
  const found = await loadMember(home);
  if (found !== undefined) return found;
  const made = { ...(await createMember(spec)), id: randomBytes(ID_BYTES).toString('hex') };
  try {
    await mkdir(home, { recursive: true, mode: 0o700 });
    await assertOwn(home);
    await createDurably(home, COMMS_KEY_FILE, pemOf(made.commsKey), 0o600);
    await createDurably(home, SIG_KEY_FILE, pemOf(made.sigKey), 0o600);
    await createDurably(home, MEMBER_FILE, describe(made), 0o600);
  } catch (error) {
    throw error instanceof MemberHomeError ? error : homeError(home, error);
  }
  return (await loadMember(home)) ?? made;
}

/**
 * Writes a member into its directory, which is made if need be; what was there is replaced. All of it is on disk when
 * this resolves. Rejects with MemberHomeError.
 */
export async function saveMember(home: string, member: Member): Promise<void> {
  try {
    await mkdir(home, { recursive: true, mode: 0o700 });
    await assertOwn(home);
    await saveKey(home, COMMS_KEY_FILE, member.commsKey);
    await saveKey(home, SIG_KEY_FILE, member.sigKey);
    await writeSharedDurably(home, MEMBER_FILE, describe(member), 0o600);
  } catch (error) {
    throw error instanceof MemberHomeError ? error : homeError(home, error);
  }
}

/** A key that is there already is not written again. */
async function saveKey(home: string, name: string, key: KeyObject): Promise<void> {
  const pem = pemOf(key);
  if ((await readPrivate(join(home, name))) !== pem) await writeSharedDurably(home, name, pem, 0o600);
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function describe({ name, endPoints, attrs, id, registryId, registryAddress }: Member): string {
  const described = { name, endPoints, attrs: attrs.toString(), id, registryId, registryAddress };
  return `${JSON.stringify(described, undefined, 2)}\n`;
}

function parseMember(path: string, text: string): Omit<Member, 'commsKey' | 'sigKey'> {
  try {
    const { name, endPoints, attrs, id, registryId, registryAddress } = JSON.parse(text) as Record<string, unknown>;
    if (typeof name !== 'string' || !isName(name)) throw new Error('name');
    if (!Array.isArray(endPoints) || !endPoints.every((end) => typeof end === 'string' && isEndPoint(end))) {
      throw new Error('endPoints');
    }
    if (typeof attrs !== 'string' || !/^\d{1,20}$/.test(attrs)) throw new Error('attrs');
    if (registryAddress !== undefined && typeof registryAddress !== 'string') throw new Error('registryAddress');
    const registry = { registryId: optionalId(registryId), registryAddress };
    return { name, endPoints, attrs: BigInt(attrs), id: optionalId(id), ...registry };
  } catch {
    throw new MemberHomeError(`${path} does not describe a member`);
  }
}

function optionalId(id: unknown): string | undefined {
  return id === undefined ? undefined : idBytes(String(id)).toString('hex');
}

async function loadKey(path: string): Promise<KeyObject> {
  const pem = await readPrivate(path);
  if (pem === undefined) throw new MemberHomeError(`${path} is missing`);
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // The reason OpenSSL gives may quote what it read.
    throw new MemberHomeError(`${path} is not a private key in PEM form`);
  }
  if (key.asymmetricKeyType !== 'rsa') throw new MemberHomeError(`${path} is not an RSA key`);
  return key;
}

/** The text of a file that only its owner can read; undefined if there is no such file. */
async function readPrivate(path: string): Promise<string | undefined> {
  try {
    await keepPrivate(path);
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error instanceof MemberHomeError ? error : homeError(path, error);
  }
}

/** Others may look into a home, but not change what is in it; groups of this process may. */
async function assertOwn(home: string): Promise<void> {
  const { access, mode } = await accessTo(home, WRITE_ACCESS);
  if (access === 'others') refuseOpen(home, mode, '700');
}

async function keepPrivate(path: string): Promise<void> {
  const { access, mode } = await accessTo(path, ANY_ACCESS);
  if (access === 'others') refuseOpen(path, mode, '600');
  if (access !== 'own-group') return;
  const warning = await takeFromGroup(path, mode).catch((error: Error) => {
    throw new MemberHomeError(error.message);
  });
  process.emitWarning(warning);
}

function refuseOpen(path: string, mode: string, wanted: string): void {
  if (process.platform === 'win32') return;
  throw new MemberHomeError(`${path} is open to other users (mode ${mode}): chmod ${wanted} ${path}`);
}

function homeError(path: string, cause: unknown): MemberHomeError {
  const { code = 'unknown error' } = cause as NodeJS.ErrnoException;
  return new MemberHomeError(`${path} cannot be used: ${code}`, { cause });
}
