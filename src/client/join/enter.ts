// The steps by which a member enters a cluster, as joinCluster() and `xlreg join` take them. Invariant: what the
// registry has told of the member is kept before it joins, so an interrupted process comes back as the same member.
import type { RegCred } from '../../wire/reg-cred.ts';
import type { ClusterProperties, ClusterSpec } from '../cluster.ts';
import { ClusterDiffers } from '../create-message.ts';
import { MemberHomeError } from '../errors.ts';
import type { Member } from '../member.ts';
import type { RegistrySession } from '../registry-session.ts';
import { registryIdOf } from '../statements.ts';

/** Throws MemberHomeError unless the identity in a store has this name. `store` names the store in the message. */
export function assertName(member: Member, name: string, store: string): void {
  if (member.name === name) return;
  const why = `${store} is the home of ${member.name}, not of ${name}`;
  throw new MemberHomeError(why, { code: 'HOME_OF_ANOTHER_MEMBER' });
}

/** Throws MemberHomeError if another registry knows the identity in a store. */
export function assertRegistry({ registryId }: Member, regCred: RegCred, store: string): void {
  if (registryId === undefined || registryId === registryIdOf(regCred)) return;
  const why = `${store} belongs to a member of another registry, ${registryId}`;
  throw new MemberHomeError(why, { code: 'REGISTRY_CHANGED' });
}

/**
 * Identifies a member, and keeps it with what the registry has told: its ID, its end points as others see them, and the
 * address. Resolves to the member so. Rejects as identify() and `keep` do.
 */
export async function identifyAndKeep(
  session: RegistrySession,
  member: Member,
  regCred: RegCred,
  keep: (member: Member) => Promise<void>,
): Promise<Member> {
  const { id, endPoints = member.endPoints } = await session.identify(member);
  const known = { ...member, id, endPoints, registryId: registryIdOf(regCred), registryAddress: session.address };
  await keep(known);
  return known;
}

/** The cluster to join. */
export interface ClusterToJoin {
  /** Its name. */
  readonly cluster: string;
  /** Creates it if it is missing; undefined: another client does. */
  readonly spec: ClusterSpec | undefined;
  /** Joins one that exists with another size, too. Default false: it is refused with ClusterDiffers. */
  readonly anySize?: boolean;
}

/** Joins a cluster, in the name of the client that the session has identified. Safe to repeat. */
export async function createAndJoin(
  session: RegistrySession,
  { cluster, spec, anySize = false }: ClusterToJoin,
): Promise<ClusterProperties> {
  if (spec) {
    await session.create(cluster, spec).catch((error: unknown) => {
      if (!(anySize && error instanceof ClusterDiffers)) throw error;
    });
  }
  return await session.join(cluster);
}
