// A member in a browser: its keys, and the statement that it signs for a registry.

import { SEQ_AHEAD_MS_MAX } from '../limits.ts';
import { parseLabels, printLabels } from '../wire/labels.ts';
import { isName } from '../wire/name.ts';
import { type Bytes, concat, hex, sha256 } from './bytes.ts';
import type { Token } from './messages.ts';
import { exportSpki, generateCommsKey, generateSigKey, signPss } from './rsa.ts';
import { certifiedId, clientProof, SEQ_MAX, statementBytes } from './statement.ts';
import { IndexedDbStore, type MemberKeys, type MemberStore, type OwnStatement } from './store.ts';

/** Public properties of a member. */
export interface MemberSpec {
  /** 1 to 128 letters, digits, `_`, `.` and `-`. */
  readonly name: string;
  /** `host:port` each, 0 to 4. A browser has none to listen on, but others may reach it through a relay. */
  readonly endPoints?: readonly string[] | undefined;
  /** Default none. Keys as names, 63 characters at most; in all 512 bytes of `key=value` lines. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** A member with its keys. */
export interface Member {
  /** 1 to 128 letters, digits, `_`, `.` and `-`. */
  readonly name: string;
  /** `host:port` each, 0 to 4. */
  readonly endPoints: readonly string[];
  /** As a token carries them. */
  readonly labels: string;
  /** Key pairs whose private halves cannot be read. */
  readonly keys: MemberKeys;
  /** 32 bytes, the hash of sigKey. */
  readonly id: Bytes;
  /** SubjectPublicKeyInfo of the key for signatures. */
  readonly sigKey: Bytes;
  /** SubjectPublicKeyInfo of the key for encryption. */
  readonly commsKey: Bytes;
  /** Keeps keys and statements. */
  readonly store: MemberStore;
}

/**
 * Opens the member kept in a store, or makes one. `store` is the name of a database in IndexedDB, `xlreg` by default.
 * Rejects with a TypeError if the spec breaks the protocol's rules.
 *
 * @example
 * ```ts
 * const alice = await openMember({ name: 'alice', endPoints: ['relay.example:4001'] });
 * console.log(alice.name, alice.id);
 * ```
 */
export async function openMember(spec: MemberSpec, store: MemberStore | string = 'xlreg'): Promise<Member> {
  const { name, endPoints = [], labels = {} } = spec;
  if (!isName(name)) throw new TypeError('a name has 1 to 128 letters, digits, _, . and -, and begins with no . or -');
  const text = printLabels(new Map(Object.entries(labels)));
  // A line feed in a value would make two labels of one.
  if (parseLabels(text)?.size !== Object.keys(labels).length)
    throw new TypeError('labels break the rules of the protocol');
  const kept = typeof store === 'string' ? await IndexedDbStore.open(store) : store;
  let keys = (await kept.get('keys')) as MemberKeys | undefined;
  if (keys === undefined) {
    keys = { sig: await generateSigKey(), comms: await generateCommsKey() };
    await kept.set('keys', keys);
  }
  const sigKey = await exportSpki(keys.sig.publicKey);
  const commsKey = await exportSpki(keys.comms.publicKey);
  const id = await certifiedId(sigKey);
  return { name, endPoints, labels: text, keys, id, sigKey, commsKey, store: kept };
}

/**
 * The member's token with its statement for a registry. The same statement as before unless a field has changed. A new
 * one has a higher seq, which is stored before this resolves. `told` is the seq on record, if the registry refused an
 * older one; undefined is returned if it is too far ahead.
 */
export async function statedToken(
  member: Member,
  registryId: Bytes,
  storeKey: string,
  told?: bigint,
): Promise<Token | undefined> {
  const last = (await member.store.get(storeKey)) as OwnStatement | undefined;
  const now = BigInt(Date.now());
  if (told !== undefined && told > now + BigInt(SEQ_AHEAD_MS_MAX)) return undefined;
  const fields: Token = {
    ...{ name: member.name, attrs: 0n, id: member.id, commsKey: member.commsKey, sigKey: member.sigKey },
    ...{ endPoints: member.endPoints, labels: member.labels, sealKey: new Uint8Array(0) },
    ...{ seq: 0n, statement: new Uint8Array(0) },
  };
  const content = hex(await sha256(statementBytes(registryId, fields)));
  if (last?.content === content && told === undefined) {
    return { ...fields, seq: last.seq, statement: last.statement };
  }
  const seq = max((told ?? last?.seq ?? 0n) + 1n, now);
  if (seq > SEQ_MAX) return undefined;
  const statement = await signPss(member.keys.sig.privateKey, statementBytes(registryId, { ...fields, seq }));
  await member.store.set(storeKey, { seq, content, statement } satisfies OwnStatement);
  return { ...fields, seq, statement };
}

/** Proves in a session that the member holds its signature key. */
export async function proofOf(member: Member, registryId: Bytes, handshakeHash: Bytes, token: Token): Promise<Bytes> {
  const proof = await clientProof(handshakeHash, statementBytes(registryId, token));
  return await signPss(member.keys.sig.privateKey, concat(proof));
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
