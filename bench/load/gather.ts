// One member of a cluster whose members all start together. It is done when it has every member's token.
import { setTimeout as pause } from 'node:timers/promises';
import { bigintOf, longOf, Op } from '../../src/wire/message.ts';
import type { Registry } from './exchange.ts';
import { openSession, type Seat } from './field-session.ts';

/** Pause after a GetCluster that returned no new member. */
const PAUSE_MS = 5;

/** Signs in, creates the cluster unless it exists, joins, and asks for the missing members until none is missing. */
export async function gather(registry: Registry, { member, clusterName, clusterSize }: Seat): Promise<void> {
  const exchange = await openSession(registry);
  try {
    await exchange.identify(member);
    await exchange({ Op: Op.Create, ClusterName: clusterName, ClusterSize: clusterSize }, Op.CreateReply);
    await exchange({ Op: Op.Join, ClusterName: clusterName }, Op.JoinReply);
    let missing = (1n << BigInt(clusterSize)) - 1n;
    while (missing !== 0n) {
      const request = { Op: Op.GetCluster, ClusterName: clusterName, Which: longOf(missing) };
      const { Which } = await exchange(request, Op.ClusterMembers);
      const news = bigintOf(Which) & missing;
      missing &= ~news;
      if (news === 0n) await pause(PAUSE_MS);
    }
  } finally {
    exchange.close();
  }
}
