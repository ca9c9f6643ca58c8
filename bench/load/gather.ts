// One member of a cluster whose members all start at once: it is done when it has the keys of everybody.
import { setTimeout as pause } from 'node:timers/promises';
import { bigintOf, longOf, Op } from '../../src/wire/message.ts';
import { openSession, type Registry, type Seat } from './field-session.ts';

/** Between two questions, where the first had no news. */
const PAUSE_MS = 5;

/** Signs in, creates the cluster or finds it created, joins, and asks for who is missing until nobody is. */
export async function gather(registry: Registry, { token, clusterName, clusterSize }: Seat): Promise<void> {
  const exchange = await openSession(registry);
  try {
    await exchange({ Op: Op.Client, ClientSpecs: token }, Op.ClientOK);
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
