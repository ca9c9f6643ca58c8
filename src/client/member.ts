// Who a client is: a name, end points, and two RSA key pairs whose private halves never leave this process or its home.
import { createPublicKey, generateKeyPair, type KeyObject, randomBytes, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { TOKEN_END_POINTS_MAX } from '../limits.ts';
import { CLIENT_ADMIN, CLIENT_EPHEMERAL, isEndPoint, isName, signToken } from '../wire/member-token.ts';
import { longOf, type Token } from '../wire/message.ts';
import { exportSpki } from '../wire/rsa-key.ts';

/** A client with its private keys. Node prints KeyObjects without their contents. */
export interface Member {
  /** 1 to 128 of `[A-Za-z0-9_.-]`, beginning with neither `.` nor `-` (T2). */
  readonly name: string;
  /** 0 to 4 of `host:port`; a cluster asks for 1 or 2 of its members (T5, R13). */
  readonly endPoints: readonly string[];
  /** Bits: 1 ephemeral, 2 admin, 4 solo; 64 bits in all (T9). */
  readonly attrs: bigint;
  /** Private RSA keys. */
  readonly commsKey: KeyObject;
  readonly sigKey: KeyObject;
  /** Hex, 40 or 64 digits (T3); absent until a home (openMember) or a registry has given one. */
  readonly id?: string | undefined;
  /** Hex ID of the registry that knows this member under `id`. */
  readonly registryId?: string | undefined;
  /** Where that registry was reached last: `HOST:PORT` or a WebSocket URL, for ConnectOptions.first. */
  readonly registryAddress?: string | undefined;
}

/** What a new member is to be. */
export interface MemberSpec {
  readonly name: string;
  readonly endPoints: readonly string[];
  /** Default 0. */
  readonly attrs?: bigint | undefined;
}

const KEY_BITS = 2_048;

/** Makes a member with two new RSA keys of 2048 bits. Throws TypeError where name or end points break T2 or T5. */
export async function createMember({ name, endPoints, attrs = 0n }: MemberSpec): Promise<Member> {
  if (!isName(name)) throw new TypeError('a name should be 1 to 128 letters, digits, _ . -');
  if (endPoints.length > TOKEN_END_POINTS_MAX)
    throw new TypeError(`a member has ${TOKEN_END_POINTS_MAX} end points at most`);
  if (!endPoints.every(isEndPoint)) throw new TypeError('an end point should be HOST:PORT, IPv6 in brackets');
  const [commsKey, sigKey] = await Promise.all([generateKey(), generateKey()]);
  return { name, endPoints, attrs, commsKey, sigKey };
}

/** A client that only asks or creates: ephemeral, administrative, without end points, one key pair for both purposes. */
export async function createVisitor(): Promise<Member> {
  const key = await generateKey();
  const attrs = CLIENT_EPHEMERAL | CLIENT_ADMIN;
  const name = `visitor-${randomBytes(8).toString('hex')}`;
  return { name, endPoints: [], attrs, commsKey: key, sigKey: key };
}

/** The member's signed token, with its ID if it has one (T6, T7). */
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

/** What a returning client signs to come back by its ID (T10). */
export function signReturn(member: Member, id: Uint8Array, salt2: Uint8Array): Buffer {
  return sign('sha1', Buffer.concat([id, salt2]), member.sigKey);
}

async function generateKey(): Promise<KeyObject> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: KEY_BITS });
  return privateKey;
}
