// A complete cluster for the time of one function.

import type { Roster } from '../client/cluster.ts';
import type { ConnectOptions } from '../client/connect.ts';
import type { Member } from '../client/member.ts';
import type { RegistrySession } from '../client/registry-session.ts';
import { CLUSTER_SIZE_MAX, CLUSTER_SIZE_MIN } from '../limits.ts';
import { startRegistry, type TestRegistry, type TestRegistryOptions } from './test-registry.ts';

/** Options of withCluster(). The options of a registry have no effect if `registry` is given. */
export interface WithClusterOptions extends TestRegistryOptions {
  /** The registry to use; by default a new one, which is stopped at the end. */
  readonly registry?: TestRegistry | undefined;
  /** Name of the cluster; default `test`. */
  readonly name?: string | undefined;
  /** Options of each member's session. */
  readonly connect?: ConnectOptions | undefined;
}

/** A member of a test cluster. */
export interface ClusterSeat {
  /** The member with its keys. */
  readonly member: Member;
  /** An identified session that has joined. */
  readonly session: RegistrySession;
  /** The complete roster, as this member has read it. */
  readonly roster: Roster;
}

/** A complete cluster. */
export interface TestCluster {
  /** The registry that has the cluster. */
  readonly registry: TestRegistry;
  /** The cluster's name. */
  readonly name: string;
  /** Hex, 64 digits. */
  readonly clusterId: string;
  /** By seat: `members[0]` has the index 0. Their names are `member-0`, `member-1` and so on. */
  readonly members: readonly ClusterSeat[];
}

/**
 * Forms a cluster of `size` members and calls `use` with it. Returns its result. Closes the sessions at the end, and stops
 * the registry that it has started. Throws RangeError unless size is 2 to 64.
 *
 * @example
 * ```ts
 * await withCluster(3, async ({ members }) => {
 *   assert.equal(members[0]?.roster.members.length, 3);
 * });
 * ```
 */
export async function withCluster<T>(
  size: number,
  use: (cluster: TestCluster) => T | Promise<T>,
  options: WithClusterOptions = {},
): Promise<T> {
  if (!Number.isInteger(size) || size < CLUSTER_SIZE_MIN || size > CLUSTER_SIZE_MAX) {
    throw new RangeError(`a cluster has ${CLUSTER_SIZE_MIN} to ${CLUSTER_SIZE_MAX} members`);
  }
  const registry = options.registry ?? (await startRegistry(options));
  const sessions: RegistrySession[] = [];
  try {
    return await use(await form(registry, size, sessions, options));
  } finally {
    for (const session of sessions) session.close();
    if (options.registry === undefined) await registry.stop();
  }
}

async function form(
  registry: TestRegistry,
  size: number,
  sessions: RegistrySession[],
  { name = 'test', connect }: WithClusterOptions,
): Promise<TestCluster> {
  const members = Array.from({ length: size }, (_, index) => registry.member(`member-${index}`));
  await Promise.all(
    members.map(async (member, index) => {
      sessions[index] = await registry.connect(member, connect);
    }),
  );
  // Complete when full: the members do not watch, so none would confirm.
  const { clusterId } = await sessions[0]!.create(name, { size, confirmMs: 0 });
  // One after the other: the seat is that of the name.
  for (const session of sessions) await session.join({ id: clusterId });
  const seats = await Promise.all(
    sessions.map(async (session, index) => {
      return { member: members[index]!, session, roster: await session.cluster({ id: clusterId }) };
    }),
  );
  return { registry, name, clusterId, members: seats };
}
