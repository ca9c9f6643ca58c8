// The statements of a member: what it signs about itself for one registry, with a seq that rises. Invariant: a statement is remembered before it is sent.
import { createPublicKey, type KeyObject } from 'node:crypto';
import { RSA_BITS_MAX, SEALED_RSA_BITS_MIN, SEQ_AHEAD_MS_MAX } from '../limits.ts';
import { longOf, type Token } from '../wire/message.ts';
import { signPss } from '../wire/pss.ts';
import type { RegCred } from '../wire/reg-cred.ts';
import { keyFingerprint } from '../wire/rsa-key.ts';
import { SEQ_MAX, statementBytes, statementDigest } from '../wire/statement.ts';
import { certifiedIdOf, labelsText, type Member, unsignedToken } from './member.ts';
import { type MemberMemory, ProcessMemory, type RegistryMemory, SIGNED_MAX, type SignedStatement } from './memory.ts';

/** A token with its statement. */
export interface StatedToken {
  readonly token: Token;
  readonly seq: number;
  /** SHA-256 of the statement. */
  readonly digest: Uint8Array;
}

/** Memories of members that were not loaded from a home, by signature key and ID: copies of a Member share them. */
const memories = new WeakMap<KeyObject, Map<string, MemberMemory>>();

/** The member's memory. */
export function memoryOf(member: Member): MemberMemory {
  if (member.memory) return member.memory;
  const memory = memories.get(member.sigKey)?.get(sealedId(member)) ?? new ProcessMemory();
  useMemory(member, memory);
  return memory;
}

/** Makes this the memory of a member that has none, and of its copies. */
export function useMemory(member: Member, memory: MemberMemory): void {
  const ofKey = memories.get(member.sigKey) ?? new Map<string, MemberMemory>();
  memories.set(member.sigKey, ofKey.set(sealedId(member), memory));
}

/** The member's ID in the sealed dialect, hex. */
export function sealedId(member: Member): string {
  return member.id ?? certifiedIdOf(member.sigKey);
}

/** True if the member's signature key is large enough for the sealed dialect. */
export function isSealable({ sigKey }: Pick<Member, 'sigKey'>): boolean {
  const bits = sigKey.asymmetricKeyDetails?.modulusLength ?? 0;
  return bits >= SEALED_RSA_BITS_MIN && bits <= RSA_BITS_MAX;
}

/**
 * Returns the member's token with its statement for a registry: the remembered one unless a field has changed. With
 * `told`, the seq that the registry has on record, one above it. The member is sealable.
 */
export async function stateFor(member: Member, registry: RegCred, told?: number): Promise<StatedToken> {
  const unstated: Token = { ...unsignedToken({ ...member, id: sealedId(member) }), ...sealedFields(member) };
  const at = (seq: number) => {
    const token = { ...unstated, Seq: longOf(BigInt(seq)) };
    const statement = statementBytes(registry.id, token);
    return { token, statement, digest: statementDigest(statement) };
  };
  const next = (before: RegistryMemory): RegistryMemory => {
    const last = before.signed.at(-1);
    const isCurrent = last !== undefined && at(last.seq).digest.toString('hex') === last.digest;
    if (isCurrent && (told === undefined || last.seq > told)) return before;
    const seq = Math.min(Math.max((last?.seq ?? 0) + 1, (told ?? 0) + 1, Date.now()), SEQ_MAX);
    const { statement, digest } = at(seq);
    const signature = signPss(member.sigKey, statement).toString('base64');
    const signed: SignedStatement = { seq, digest: digest.toString('hex'), signature };
    return {
      ...before,
      sigKey: before.sigKey ?? keyFingerprint(registry.sigKey),
      signed: [...before.signed, signed].slice(-SIGNED_MAX),
    };
  };
  const { signed } = await memoryOf(member).changeRegistry(registryIdOf(registry), next);
  const { seq, signature } = signed.at(-1)!;
  const { token, digest } = at(seq);
  return { token: { ...token, Statement: Buffer.from(signature, 'base64') }, seq, digest };
}

/** True if a statement above this seq of the registry would not be far ahead of this client's clock. */
export function mayFollow(told: number): boolean {
  return told <= Date.now() + SEQ_AHEAD_MS_MAX;
}

/** The registry's ID, hex. */
export function registryIdOf({ id }: Pick<RegCred, 'id'>): string {
  return Buffer.from(id).toString('hex');
}

/** The member's public SealKey, 32 bytes. */
export function publicSealKey(sealKey: KeyObject): Uint8Array {
  // The last 32 bytes of an X25519 SPKI are the key. An export as JWK can lock the thread on Node 20.
  return createPublicKey(sealKey).export({ type: 'spki', format: 'der' }).subarray(-32);
}

function sealedFields({ sealKey, labels = {} }: Member): Token {
  return {
    ...(sealKey && { SealKey: publicSealKey(sealKey) }),
    ...(Object.keys(labels).length > 0 && { Labels: labelsText(labels) }),
  };
}
