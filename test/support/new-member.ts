// Members and visitors like those of createMember() and createVisitor(), with ready RSA keys.
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Member } from '../../src/client/index.ts';
import { certifiedIdOf, type MemberSpec } from '../../src/client/member.ts';
import { describeMember, pemOf } from '../../src/client/member-home.ts';
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

/** Writes the home of a member that has not met a registry, as `xlreg join` does first. */
export function makeHome(home: string, name: string): void {
  const member = newMember({ name, endPoints: [] });
  const files = {
    'comms-key.pem': pemOf(commsKey),
    'sig-key.pem': pemOf(member.sigKey),
    'seal-key.pem': pemOf(member.sealKey!),
    'member.json': JSON.stringify(describeMember(member)),
  };
  mkdirSync(home, { recursive: true, mode: 0o700 });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(home, file), text, { mode: 0o600 });
}
