// Members and visitors like those of createMember() and createVisitor(), with ready RSA keys.
import { randomBytes } from 'node:crypto';
import type { Member } from '../../src/client/index.ts';
import { certifiedIdOf, type MemberSpec } from '../../src/client/member.ts';
import { generateKeyPair } from '../../src/noise/key-pair.ts';
import { CLIENT_ADMIN, CLIENT_EPHEMERAL } from '../../src/wire/member-token.ts';
import { newKey } from './made-keys.ts';

/** The comms key of all members: nothing is encrypted to it. */
const commsKey = newKey();

/** A member with a signature key of its own. */
export function newMember({ name, endPoints, attrs = 0n, labels = {} }: MemberSpec): Member {
  const sigKey = newKey();
  const { privateKey: sealKey } = generateKeyPair();
  return { name, endPoints, attrs, labels, commsKey, sigKey, sealKey, id: certifiedIdOf(sigKey) };
}

/** A client for queries and Create only. */
export function newVisitor(): Member {
  const key = newKey();
  const name = `visitor-${randomBytes(8).toString('hex')}`;
  return { name, endPoints: [], attrs: CLIENT_EPHEMERAL | CLIENT_ADMIN, commsKey: key, sigKey: key };
}
