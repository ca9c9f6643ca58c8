// The fields of a Client message, by which a client identifies itself: its token, or its ID with a signature.
import type { Message } from '../wire/message.ts';
import { signPss } from '../wire/pss.ts';
import type { RegCred } from '../wire/reg-cred.ts';
import { clientProof, returnProof } from '../wire/statement.ts';
import { idBytes } from './cluster.ts';
import { RegistryRefused } from './errors.ts';
import { type Member, signReturn, tokenOf } from './member.ts';
import { mayFollow, stateFor } from './statements.ts';

/** Identity that a client presents. */
export type IdentifyBy = 'token' | 'id';

/** The fields in the dialects `prefixed` and `chained`. A return is bound to the session by salt2 (T10). */
export function oldIdentity(member: Member, by: IdentifyBy, salt2: Uint8Array): Message {
  if (by === 'token') return { ClientSpecs: tokenOf(member) };
  const id = idBytes(member.id!);
  return { ClientID: id, DigSig: signReturn(member, id, salt2) };
}

/** The fields in `sealed`, and the seq of the statement; undefined for a return by ID, which sends none. */
export interface SealedIdentity {
  readonly fields: Message;
  readonly seq: number | undefined;
}

/**
 * Returns the fields in `sealed`, bound to the session by the handshake hash `h`. `told` is the seq that the registry has
 * on record. Rejects as stateFor() does.
 */
export async function sealedIdentity(
  member: Member,
  by: IdentifyBy,
  registry: RegCred,
  h: Uint8Array,
  told?: number,
): Promise<SealedIdentity> {
  if (by === 'id') {
    const id = idBytes(member.id!);
    return { fields: { ClientID: id, DigSig: signPss(member.sigKey, returnProof(h, id)) }, seq: undefined };
  }
  const { token, seq, digest } = await stateFor(member, registry, told);
  return { fields: { ClientSpecs: token, DigSig: signPss(member.sigKey, clientProof(h, digest)) }, seq };
}

/**
 * Returns the seq on record if the registry refused a statement with `seq` because it has a newer one, or another one
 * under the same seq, and a newer one may follow.
 */
export function seqToPass(error: unknown, seq: number | undefined): number | undefined {
  if (!(error instanceof RegistryRefused)) return undefined;
  const differs = error.code === 'REFUSED_STATEMENT_DIFFERS';
  const recordedSeq = error.details.recordedSeq ?? (differs ? seq : undefined);
  return recordedSeq !== undefined && mayFollow(recordedSeq) ? recordedSeq : undefined;
}
