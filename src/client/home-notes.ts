// Notes of a home about its registry, besides statements: its signature key, and that it has registered the member through
// the sealed dialect. Both are checked before the member is presented.

import type { SessionDialect } from '../wire/hello.ts';
import type { RegCred } from '../wire/reg-cred.ts';
import { keyFingerprint } from '../wire/rsa-key.ts';
import { MemberHomeError } from './errors.ts';
import type { Member } from './member.ts';
import { isSealable, memoryOf, registryIdOf, sealedId } from './statements.ts';

/** The operator's command that lets a member return in an RSA dialect. */
const LIFT_COMMAND = 'xlreg unmark';

/**
 * Rejects with MemberHomeError if the member's home forbids a session: the registry has another signature key than
 * before, it refuses this member in RSA dialects, or the member's own key is too small for `sealed`. Makes no connection.
 *
 * @example
 * ```ts
 * await assertHomeAllows(member, regCred, 'sealed');
 * ```
 */
export async function assertHomeAllows(
  member: Member,
  registry: RegCred,
  dialect: SessionDialect = 'sealed',
): Promise<void> {
  const id = registryIdOf(registry);
  const { sigKey, sealed } = await memoryOf(member).registry(id);
  if (sigKey !== undefined && sigKey !== keyFingerprint(registry.sigKey)) {
    const why = `member ${member.name} knows registry ${id} by another sig key than these credentials have`;
    throw new MemberHomeError(`${why}: ask its operator, and accept a new key with --new-registry-key`, {
      code: 'REGISTRY_CHANGED',
    });
  }
  if (dialect === 'sealed') {
    if (!isSealable(member)) {
      const bits = member.sigKey.asymmetricKeyDetails?.modulusLength ?? 0;
      const why = `the sig key of ${member.name} has ${bits} bits, and sealed needs 2048 to 4096`;
      throw new MemberHomeError(`${why}: use --dialect prefixed or chained`, { code: 'DIALECT_FORBIDDEN' });
    }
    return;
  }
  if (!sealed) return;
  const why = `registry ${id} has registered ${member.name} through sealed and refuses it in the dialect ${dialect}`;
  const lift = `${LIFT_COMMAND} ${sealedId(member)}`;
  throw new MemberHomeError(`${why}: its operator lifts that with ${lift}; then add --mark-lifted`, {
    code: 'DIALECT_FORBIDDEN',
  });
}

/** Notes that the registry has registered the member through `sealed`. */
export async function noteSealed(member: Member, registry: RegCred): Promise<void> {
  await memoryOf(member).changeRegistry(registryIdOf(registry), (before) => {
    const sigKey = before.sigKey ?? keyFingerprint(registry.sigKey);
    return before.sealed && before.sigKey === sigKey ? before : { ...before, sealed: true, sigKey };
  });
}

/**
 * Forgets that the registry refuses the member in RSA dialects: its operator has lifted the mark.
 *
 * @example
 * ```ts
 * // After the operator's `xlreg unmark`, the member may return in an RSA dialect.
 * await forgetSealed(member, regCred);
 * ```
 */
export async function forgetSealed(member: Member, registry: RegCred): Promise<void> {
  await memoryOf(member).changeRegistry(registryIdOf(registry), (before) =>
    before.sealed ? { ...before, sealed: false } : before,
  );
}

/**
 * Accepts the signature key of these credentials as the registry's new one.
 *
 * @example
 * ```ts
 * // Only once the operator has confirmed the new key.
 * await acceptSigKey(member, regCred);
 * ```
 */
export async function acceptSigKey(member: Member, registry: RegCred): Promise<void> {
  const sigKey = keyFingerprint(registry.sigKey);
  await memoryOf(member).changeRegistry(registryIdOf(registry), (before) =>
    before.sigKey === sigKey ? before : { ...before, sigKey },
  );
}
