// A client's identity: name, end points, two RSA key pairs, and a key for streams. The private keys never leave this
// process and its member home.
import { createPublicKey, generateKeyPair, type KeyObject, randomBytes, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { TOKEN_END_POINTS_MAX } from '../limits.ts';
import * as x25519 from '../noise/key-pair.ts';
import { parseLabels, printLabels } from '../wire/labels.ts';
import { CLIENT_ADMIN, CLIENT_EPHEMERAL, signToken } from '../wire/member-token.ts';
import { longOf, type Token } from '../wire/message.ts';
import { isName } from '../wire/name.ts';
import { printable } from '../wire/printable.ts';
import { exportSpki } from '../wire/rsa-key.ts';
import { certifiedId } from '../wire/statement.ts';
import { parseEndPoint } from './end-point.ts';
import type { MemberMemory } from './memory.ts';

/**
 * A client with its private keys. JSON.stringify and console.log show its public parts alone; of a copy made by spreading
 * Node prints KeyObjects without their contents.
 */
export interface Member {
  /** 1 to 128 of `[A-Za-z0-9_.-]`; the first is neither `.` nor `-` (T2). */
  readonly name: string;
  /**
   * 0 to 4 of `host:port` (T5). A cluster requires 1 or 2 of each member (R13). The host `auto` stands for the address that
   * the registry sees; it needs the sealed dialect.
   */
  readonly endPoints: readonly string[];
  /** Bits: 1 ephemeral, 2 admin, 4 solo; 64 bits in all (T9). */
  readonly attrs: bigint;
  /** Private RSA key for encryption. */
  readonly commsKey: KeyObject;
  /** Private RSA key for signatures. In `sealed` its hash is the ID. */
  readonly sigKey: KeyObject;
  /** Private X25519 key for streams between members; without one the member takes none. */
  readonly sealKey?: KeyObject | undefined;
  /** Shown to other members by the sealed dialect, by ascending keys: at most 512 bytes of `key=value` lines. */
  readonly labels?: Labels | undefined;
  /** Hex, 40 or 64 digits (T3). Without one, `sealed` uses the hash of sigKey, and in RSA dialects the registry assigns. */
  readonly id?: string | undefined;
  /** Hex ID of the registry that knows this member under `id`. */
  readonly registryId?: string | undefined;
  /** Address where that registry was reached last: `HOST:PORT` or a WebSocket URL, for ConnectOptions.first. */
  readonly registryAddress?: string | undefined;
  /** Remembers statements and rosters: on disk with a member home, else until the process ends. */
  readonly memory?: MemberMemory | undefined;
}

/** Labels of a member. */
export type Labels = Readonly<Record<string, string>>;

/** Properties of a new member. */
export interface MemberSpec {
  /** 1 to 128 of `[A-Za-z0-9_.-]`; the first is neither `.` nor `-` (T2). */
  readonly name: string;
  /** 0 to 4 of `host:port` (T5); the host may be `auto`. */
  readonly endPoints: readonly string[];
  /** Default 0. */
  readonly attrs?: bigint | undefined;
  /** Default none. Keys as T2, 63 characters at most; values without control characters. */
  readonly labels?: Labels | undefined;
}

const KEY_BITS = 2_048;

/**
 * Creates a member with new keys, two RSA keys of 2048 bits among them. Its ID is the hash of its signature key, which
 * certifies that key. Throws TypeError if the name breaks T2, an end point breaks T5, or a label is invalid.
 *
 * @example
 * ```ts
 * const carol = await createMember({ name: 'carol', endPoints: ['127.0.0.1:4003'], labels: { zone: 'a' } });
 * console.log(carol.id);
 * ```
 */
export async function createMember({ name, endPoints, attrs = 0n, labels = {} }: MemberSpec): Promise<Member> {
  if (!isName(name)) throw new TypeError('a name should be 1 to 128 letters, digits, _ . -');
  if (endPoints.length > TOKEN_END_POINTS_MAX)
    throw new TypeError(`a member has ${TOKEN_END_POINTS_MAX} end points at most`);
  endPoints.forEach(parseEndPoint);
  if (!areLabels(labels)) throw new TypeError('labels should be key=value, in all 512 bytes at most');
  const [commsKey, sigKey] = await Promise.all([generateKey(), generateKey()]);
  const { privateKey: sealKey } = x25519.generateKeyPair();
  return printable({ name, endPoints, attrs, commsKey, sigKey, sealKey, labels, id: certifiedIdOf(sigKey) });
}

/**
 * Creates a client for queries and Create only: ephemeral and administrative, without end points. It uses one key pair
 * for both purposes.
 *
 * @example
 * ```ts
 * await using session = await connect(regCred);
 * await session.identify(await createVisitor());
 * const { size, members } = await session.cluster('demo');
 * console.log(`${members.length} of ${size}`);
 * ```
 */
export async function createVisitor(): Promise<Member> {
  const key = await generateKey();
  const attrs = CLIENT_EPHEMERAL | CLIENT_ADMIN;
  const name = `visitor-${randomBytes(8).toString('hex')}`;
  return printable({ name, endPoints: [], attrs, commsKey: key, sigKey: key });
}

/** Returns the ID that certifies a signature key, hex. */
export function certifiedIdOf(sigKey: KeyObject): string {
  return certifiedId(exportSpki(createPublicKey(sigKey))).toString('hex');
}

/** Prints labels as a token carries them. */
export function labelsText(labels: Labels): string {
  return printLabels(new Map(Object.entries(labels)));
}

/** True if a token can carry these labels. A line feed in a value would make two labels of one. */
export function areLabels(labels: Labels): boolean {
  const entries = Object.entries(labels);
  return (
    entries.every(([, value]) => typeof value === 'string') && parseLabels(labelsText(labels))?.size === entries.length
  );
}

/** Returns the member's token without a signature, with its ID if it has one (T6). */
export function unsignedToken(member: Member): Token {
  const token: Token = {
    Name: member.name,
    Attrs: longOf(member.attrs),
    CommsKey: exportSpki(createPublicKey(member.commsKey)),
    SigKey: exportSpki(createPublicKey(member.sigKey)),
    MyEnds: [...member.endPoints],
  };
  if (member.id !== undefined) token.ID = Buffer.from(member.id, 'hex');
  return token;
}

/** Returns the member's token for the RSA dialects, signed (T6, T7). */
export function tokenOf(member: Member): Token {
  return signToken(unsignedToken(member), member.sigKey);
}

/** Returns the signature by which a client returns under its ID (T10). */
export function signReturn(member: Member, id: Uint8Array, salt2: Uint8Array): Buffer {
  return sign('sha1', Buffer.concat([id, salt2]), member.sigKey);
}

async function generateKey(): Promise<KeyObject> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: KEY_BITS });
  return privateKey;
}
