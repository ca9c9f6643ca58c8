// Gathers the members of a cluster: the present ones, or with --wait until the cluster is complete, with progress on
// stderr.

import { TimeUp } from '../client/errors.ts';
import { escapeText } from '../client/escape-text.ts';
import {
  type ClusterMember,
  type ClusterProperties,
  type ClusterRef,
  type ConnectOptions,
  type Member,
  type RegCred,
  type RegistrySession,
  type Roster,
  watchCluster,
} from '../client/index.ts';
import { connectExplained } from './begin.ts';
import { failureOf } from './failure.ts';
import { FillProgress } from './fill-progress.ts';
import type { Wait } from './wait.ts';

/** The result of gatherRoster(). */
export interface GatheredRoster {
  /** ID of the cluster at the end: a new cluster may have taken the name meanwhile (R14). */
  readonly clusterId: string;
  readonly size: number | undefined;
  /** By ascending index. */
  readonly members: readonly ClusterMember[];
  /** The round that members confirm; undefined if there is none. */
  readonly round: string | undefined;
  /** Bits of the seats that have confirmed the open round; undefined if there is none. */
  readonly confirmed: bigint | undefined;
  /** 0 until the cluster is complete; undefined in the RSA dialects and from older registries. */
  readonly epoch: number | undefined;
  /** True if each seat is taken; undefined if an older registry does not send the size. */
  readonly full: boolean | undefined;
  /** True if the cluster is complete; undefined as full is. */
  readonly complete: boolean | undefined;
  /** True if the time to wait was up before the cluster was complete. */
  readonly timeUp: boolean;
}

/** The cluster, the time to wait, and the means to reconnect if a server goes away. */
export interface GatherOptions {
  readonly regCred: RegCred;
  readonly connectOptions: ConnectOptions;
  /** The client that asks, with its ID. */
  readonly member: Member;
  readonly cluster: ClusterRef;
  readonly clusterId: string;
  readonly size: number | undefined;
  readonly wait: Wait;
  /** Joins again after the registry has lost the member; undefined if the client is no member. */
  readonly rejoin?: (session: RegistrySession) => Promise<ClusterProperties>;
}

/** Gathers a roster. Rejects as watchCluster() does; at the deadline with the last failure if no server answers. */
export async function gatherRoster(session: RegistrySession, options: GatherOptions): Promise<GatheredRoster> {
  const { member: self, wait, cluster, rejoin } = options;
  const seats = new Map<number, ClusterMember>();
  let { clusterId, size } = options;
  let epoch: number | undefined;
  let round: string | undefined;
  let confirmed: bigint | undefined;
  const progress = wait.waits ? new FillProgress(seats, () => size) : undefined;
  const watchOptions = {
    signal: wait.signal,
    memberId: rejoin && self.id,
    onCluster(found: { readonly clusterId: string; readonly size: number | undefined }) {
      clusterId = found.clusterId;
      size = found.size ?? size;
    },
    onRoster(roster: Roster) {
      progress?.confirmed(roster);
      ({ epoch, round } = roster);
      confirmed = round === undefined ? undefined : roster.confirmed;
    },
    onLeft(index: number) {
      progress?.left(seats.get(index)!);
      seats.delete(index);
    },
  };
  const watch = wait.waits
    ? watchCluster(session, cluster, (signal) => reopen(options, signal), {
        ...watchOptions,
        reopenMs: Number.POSITIVE_INFINITY,
        awaitCluster: true,
        rejoin,
        onLost: (address, why) => progress?.lost(address, failureOf(why)?.text ?? why.message),
        onRetry: (why) => wait.announceRetry(why),
      })
    : session.members(cluster, { ...watchOptions, wait: false });
  let timeUp = false;
  try {
    for await (const member of watch) {
      progress?.appeared(seats.get(member.index), member);
      seats.set(member.index, member);
      if (rejoin && member.id === self.id) warnOfTwin(self, member);
    }
  } catch (error) {
    if (!(error instanceof TimeUp)) throw error;
    timeUp = true;
  } finally {
    progress?.end();
  }
  const members = [...seats.values()].sort((one, other) => one.index - other.index);
  const full = size === undefined ? undefined : members.length >= size;
  const complete = epoch === undefined ? full : epoch > 0;
  return { clusterId, size, members, full, complete, epoch, round, confirmed, timeUp };
}

async function reopen({ regCred, connectOptions, member }: GatherOptions, signal: AbortSignal | undefined) {
  const session = await connectExplained(regCred, { ...connectOptions, signal });
  try {
    // Present the whole token, because a restored registry may not know the ID.
    await session.identify(member);
    return session;
  } catch (error) {
    session.close();
    throw error;
  }
}

/** Warns of a cloned machine or a second process with the same home. */
function warnOfTwin(self: Member, found: ClusterMember): void {
  if (found.endPoints.join(' ') === self.endPoints.join(' ')) return;
  const others = found.endPoints.map(escapeText).join(' ');
  process.stderr.write(
    `xlreg: the roster has this member's ID with other end points, ${others}: ` +
      'another process joins from the same home, or from a copy of it\n',
  );
}
