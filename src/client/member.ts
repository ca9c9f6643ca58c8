// A client's identity: name, end points and two RSA key pairs. The private keys never leave this process and its member
// home.
import { createPublicKey, generateKeyPair, type KeyObject, randomBytes, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { TOKEN_END_POINTS_MAX } from '../limits.ts';
import { CLIENT_ADMIN, CLIENT_EPHEMERAL, isEndPoint, isName, signToken } from '../wire/member-token.ts';
import { longOf, type Token } from '../wire/message.ts';
import { exportSpki } from '../wire/rsa-key.ts';

/** A client with its private keys. Node prints KeyObjects without their contents, so logging one reveals no key. */
export interface Member {
  /** 1 to 128 of `[A-Za-z0-9_.-]`; the first is neither `.` nor `-` (T2). */
  readonly name: string;
  /** 0 to 4 of `host:port` (T5). A cluster requires 1 or 2 of each member (R13). */
  readonly endPoints: readonly string[];
  /** Bits: 1 ephemeral, 2 admin, 4 solo; 64 bits in all (T9). */
  readonly attrs: bigint;
  /** Private RSA keys. */
  readonly commsKey: KeyObject;
  readonly sigKey: KeyObject;
  /** Hex, 40 or 64 digits (T3). Undefined until a member home (openMember) or a registry assigns one. */
  readonly id?: string | undefined;
  /** Hex ID of the registry that knows this member under `id`. */
  readonly registryId?: string | undefined;
  /** Address where that registry was reached last: `HOST:PORT` or a WebSocket URL, for ConnectOptions.first. */
  readonly registryAddress?: string | undefined;
}

/** Properties of a new member. */
export interface MemberSpec {
  readonly name: string;
  readonly endPoints: readonly string[];
  /** Default 0. */
  readonly attrs?: bigint | undefined;
}

const KEY_BITS = 2_048;

/**
 * Creates a member with two new RSA keys of 2048 bits. Throws TypeError if the name breaks T2 or an end point breaks
 * T5.
 */
export async function createMember({ name, endPoints, attrs = 0n }: MemberSpec): Promise<Member> {
  if (!isName(name)) throw new TypeError('a name should be 1 to 128 letters, digits, _ . -');
  if (endPoints.length > TOKEN_END_POINTS_MAX)
    throw new TypeError(`a member has ${TOKEN_END_POINTS_MAX} end points at most`);
  if (!endPoints.every(isEndPoint)) throw new TypeError('an end point should be HOST:PORT, IPv6 in brackets');
  const [commsKey, sigKey] = await Promise.all([generateKey(), generateKey()]);
  return { name, endPoints, attrs, commsKey, sigKey };
}

/**
 * Creates a client for queries and Create only: ephemeral and administrative, without end points. It uses one key pair
 * for both purposes.
 */
export async function createVisitor(): Promise<Member> {
  const key = await generateKey();
  const attrs = CLIENT_EPHEMERAL | CLIENT_ADMIN;
  const name = `visitor-${randomBytes(8).toString('hex')}`;
  return { name, endPoints: [], attrs, commsKey: key, sigKey: key };
}

/** Returns the member's signed token, with its ID if it has one (T6, T7). */
export function tokenOf(member: Member): Token {
  const token: Token = {
    Name: member.name,
    Attrs: longOf(member.attrs),
    CommsKey: exportSpki(createPublicKey(member.commsKey)),
    SigKey: exportSpki(createPublicKey(member.sigKey)),
    MyEnds: [...member.endPoints],
  };
  if (member.id !== undefined) token.ID = Buffer.from(member.id, 'hex');
  return signToken(token, member.sigKey);
}

/** Returns the signature by which a client returns under its ID (T10). */
export function signReturn(member: Member, id: Uint8Array, salt2: Uint8Array): Buffer {
  return sign('sha1', Buffer.concat([id, salt2]), member.sigKey);
}

async function generateKey(): Promise<KeyObject> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: KEY_BITS });
  return privateKey;
}
