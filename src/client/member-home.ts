// Stores a member's identity between runs, in a directory of its own. Invariants: only the owner can read its files.
// member.json is written last, so its presence implies the keys'. Each file is complete or absent. Several processes
// may open one home at once: the first creates keys and ID exclusively, the others adopt them.
//
//   HOME/                  0700
//     comms-key.pem        0600, PKCS#8
//     sig-key.pem          0600, PKCS#8
//     seal-key.pem         0600, PKCS#8; absent if the signature key is too small for the sealed dialect
//     member.json          0600, { name, endPoints, attrs, labels, id, registryId, registryAddress }; the last two are
//                          absent until a registry has registered the member
//     sealed-…, seen-…     see home-memory.ts
//     roster.json          0600, the roster that the program of xlreg join --exec has started with
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateKeyPair } from '../noise/key-pair.ts';
import { createDurably, writeSharedDurably } from '../runtime/atomic-file.ts';
import { ANY_ACCESS, accessTo, takeFromGroup, WRITE_ACCESS } from '../runtime/file-access.ts';
import { isEndPoint } from '../wire/member-token.ts';
import { isName } from '../wire/name.ts';
import { printable } from '../wire/printable.ts';
import { idBytes } from './cluster.ts';
import { MemberHomeError } from './errors.ts';
import { HomeMemory } from './home-memory.ts';
import { areLabels, certifiedIdOf, createMember, type Labels, type Member, type MemberSpec } from './member.ts';
import { isSealable, useMemory } from './statements.ts';

const COMMS_KEY_FILE = 'comms-key.pem';
const SIG_KEY_FILE = 'sig-key.pem';
const SEAL_KEY_FILE = 'seal-key.pem';
const MEMBER_FILE = 'member.json';

/**
 * Loads the member of a directory; undefined if the directory holds none. Rejects with MemberHomeError if files are
 * missing, invalid or open to other users (not checked on Windows, which has no such modes). Resets files that a group
 * of this process can use to mode 600, and emits a process warning. A home of earlier versions gets a key for streams.
 *
 * @example
 * ```ts
 * const known = await loadMember('members/alice');
 * console.log(known?.id ?? 'no such member');
 * ```
 */
export async function loadMember(home: string): Promise<Member | undefined> {
  const text = await readPrivate(join(home, MEMBER_FILE));
  if (text === undefined) return undefined;
  await assertOwn(home);
  const described = parseMember(join(home, MEMBER_FILE), text);
  const [commsKey, sigKey] = await Promise.all([
    loadKey(join(home, COMMS_KEY_FILE), 'rsa'),
    loadKey(join(home, SIG_KEY_FILE), 'rsa'),
  ]);
  const sealKey = isSealable({ sigKey }) ? await sealKeyIn(home) : undefined;
  return printable({ ...described, commsKey, sigKey, sealKey, memory: new HomeMemory(home) });
}

/** Loads the key for streams; creates it if there is none. */
async function sealKeyIn(home: string): Promise<KeyObject> {
  const path = join(home, SEAL_KEY_FILE);
  if ((await readPrivate(path)) === undefined) {
    try {
      await createDurably(home, SEAL_KEY_FILE, pemOf(generateKeyPair().privateKey), 0o600);
    } catch (error) {
      throw homeError(path, error);
    }
  }
  return await loadKey(path, 'x25519');
}

/**
 * Loads the member of a directory, or creates one with an ID (T3). Concurrent processes get the same member: the first
 * to create a file decides, the others read it. Rejects with MemberHomeError, and with TypeError if the name breaks T2
 * or an end point breaks T5.
 *
 * @example
 * ```ts
 * const alice = await openMember('members/alice', { name: 'alice', endPoints: ['127.0.0.1:4001'] });
 * console.log(alice.name, alice.id);
 * ```
 */
export async function openMember(home: string, spec: MemberSpec): Promise<Member> {
  const found = await loadMember(home);
  if (found !== undefined) return found;
  const made = await createMember(spec);
  try {
    await mkdir(home, { recursive: true, mode: 0o700 });
    await assertOwn(home);
    await createDurably(home, COMMS_KEY_FILE, pemOf(made.commsKey), 0o600);
    await createDurably(home, SIG_KEY_FILE, pemOf(made.sigKey), 0o600);
    // Another process may have created the keys. The ID certifies the key on disk.
    const id = certifiedIdOf(await loadKey(join(home, SIG_KEY_FILE), 'rsa'));
    await createDurably(home, MEMBER_FILE, describe({ ...made, id }), 0o600);
  } catch (error) {
    throw error instanceof MemberHomeError ? error : homeError(home, error);
  }
  return (await loadMember(home))!;
}

/**
 * Writes a member into its directory, creating the directory if necessary and replacing its files. All files are on
 * disk when this resolves. From then on the member's statements are kept there, too. Rejects with MemberHomeError.
 *
 * @example
 * ```ts
 * const dave = await createMember({ name: 'dave', endPoints: ['127.0.0.1:4004'] });
 * await saveMember('members/dave', dave);
 * ```
 */
export async function saveMember(home: string, member: Member): Promise<void> {
  try {
    await mkdir(home, { recursive: true, mode: 0o700 });
    await assertOwn(home);
    await saveKey(home, COMMS_KEY_FILE, member.commsKey);
    await saveKey(home, SIG_KEY_FILE, member.sigKey);
    if (member.sealKey) await saveKey(home, SEAL_KEY_FILE, member.sealKey);
    await writeSharedDurably(home, MEMBER_FILE, describe(member), 0o600);
    if (member.memory === undefined) useMemory(member, new HomeMemory(home));
  } catch (error) {
    throw error instanceof MemberHomeError ? error : homeError(home, error);
  }
}

/** Writes a key unless the file already holds it. */
async function saveKey(home: string, name: string, key: KeyObject): Promise<void> {
  const pem = pemOf(key);
  if ((await readPrivate(join(home, name))) !== pem) await writeSharedDurably(home, name, pem, 0o600);
}

/** A private key as a home keeps it. */
export function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** A member without its keys and memory, for JSON. */
export function describeMember({ name, endPoints, attrs, labels, id, registryId, registryAddress }: Member) {
  return { name, endPoints, attrs: attrs.toString(), labels, id, registryId, registryAddress };
}

function describe(member: Member): string {
  return `${JSON.stringify(describeMember(member), undefined, 2)}\n`;
}

/** Reads JSON of describeMember(). Throws MemberHomeError, which names `path`. */
export function parseMember(path: string, text: string): Omit<Member, 'commsKey' | 'sigKey'> {
  try {
    const { labels = {}, ...described } = JSON.parse(text) as Record<string, unknown>;
    const { name, endPoints, attrs, id, registryId, registryAddress } = described;
    if (typeof name !== 'string' || !isName(name)) throw new Error('name');
    if (!Array.isArray(endPoints) || !endPoints.every((end) => typeof end === 'string' && isEndPoint(end))) {
      throw new Error('endPoints');
    }
    if (typeof attrs !== 'string' || !/^\d{1,20}$/.test(attrs)) throw new Error('attrs');
    if (registryAddress !== undefined && typeof registryAddress !== 'string') throw new Error('registryAddress');
    const registry = { registryId: optionalId(registryId), registryAddress };
    if (!areLabels(labels as Labels)) throw new Error('labels');
    return { name, endPoints, attrs: BigInt(attrs), labels: labels as Labels, id: optionalId(id), ...registry };
  } catch {
    throw new MemberHomeError(`${path} does not describe a member`);
  }
}

function optionalId(id: unknown): string | undefined {
  return id === undefined ? undefined : idBytes(String(id)).toString('hex');
}

async function loadKey(path: string, type: 'rsa' | 'x25519'): Promise<KeyObject> {
  const pem = await readPrivate(path);
  if (pem === undefined) throw new MemberHomeError(`${path} is missing`);
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // OpenSSL's reason may quote the file, which could be secret.
    throw new MemberHomeError(`${path} is not a private key in PEM form`);
  }
  if (key.asymmetricKeyType !== type) throw new MemberHomeError(`${path} is not a key of type ${type}`);
  return key;
}

/** Reads a file that only its owner may read; undefined if it does not exist. */
async function readPrivate(path: string): Promise<string | undefined> {
  try {
    await keepPrivate(path);
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error instanceof MemberHomeError ? error : homeError(path, error);
  }
}

/** Other users may list a home but not write to it. Groups of this process may do both. */
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
