// What a unit of work is, for each kind of load.
import { Op } from '../../src/wire/message.ts';
import {
  type Exchange,
  openFrames,
  openSession,
  type Registry,
  registryOf,
  runSession,
  wireBytes,
} from './field-session.ts';
import { gather } from './gather.ts';
import type { LoadOrder, Work } from './load-order.ts';
import { signTokens } from './signed-tokens.ts';

/** Different members; a registry that has seen them before does no less for them. A multiple of every cluster's size. */
const TOKENS = 256;

const OPENED = 64;

/** A load's work, ready to begin. */
export interface PreparedWork {
  run(unit: number, connection: number): Promise<void>;
  /** Closes what was held open. */
  release(): void;
}

/** Does all that is to be done before the clock starts: signing tokens, signing in. */
export async function prepareWork(order: LoadOrder): Promise<PreparedWork> {
  const { work } = order;
  switch (work.kind) {
    case 'full':
      return fullSessions(order, work);
    case 'hello':
      return { run: async () => (await openSession(registryOf(order))).close(), release() {} };
    case 'idle':
      return idleSessions(registryOf(order));
    case 'roster':
      return rosters(order, work.clusterName, work.clusterSize);
    case 'gathering':
      return gatherings(order, work.clusterSize);
    case 'frames':
      return frames(order, work.bytes);
  }
}

function fullSessions(order: LoadOrder, { clusterSize, members }: Work & { kind: 'full' }): PreparedWork {
  const registry = registryOf(order);
  const tokens = signTokens(TOKENS, { withIds: members === 'returning' });
  return {
    run(unit) {
      const member = members === 'returning' ? unit % TOKENS : unit;
      const clusterName = `${order.prefix}${Math.floor(member / clusterSize)}`;
      return runSession(registry, { token: tokens[unit % TOKENS]!, clusterName, clusterSize });
    },
    release() {},
  };
}

function idleSessions(registry: Registry): PreparedWork {
  const tokens = signTokens(TOKENS);
  const held: Exchange[] = [];
  return {
    async run(unit) {
      const exchange = await openSession(registry);
      held.push(exchange);
      await exchange({ Op: Op.Client, ClientSpecs: tokens[unit % TOKENS]! }, Op.ClientOK);
    },
    release: () => closeAll(held),
  };
}

/** Fills a cluster, whose first members stay to ask for it. Of the replies one in `OPENED` is opened. */
async function rosters(order: LoadOrder, clusterName: string, clusterSize: number): Promise<PreparedWork> {
  const registry = registryOf(order);
  const request = { Op: Op.GetCluster, ClusterName: clusterName };
  const sessions: Exchange[] = [];
  for (const token of signTokens(clusterSize)) {
    const exchange = await openSession(registry);
    await exchange({ Op: Op.Client, ClientSpecs: token }, Op.ClientOK);
    await exchange({ Op: Op.Create, ClusterName: clusterName, ClusterSize: clusterSize }, Op.CreateReply);
    await exchange({ Op: Op.Join, ClusterName: clusterName }, Op.JoinReply);
    if (sessions.length < connectionsOf(order)) sessions.push(exchange);
    else exchange.close();
  }
  const open = async (connection: number) => {
    const roster = await sessions[connection]!(request, Op.ClusterMembers);
    if (roster.Tokens?.length !== clusterSize) throw new Error('a roster without all members');
    return roster;
  };
  const replyBytes = wireBytes(registry.dialect, await open(0));
  return {
    async run(unit, connection) {
      if (unit % OPENED === 0) await open(connection);
      else await sessions[connection]!.unopened(request, replyBytes);
    },
    release: () => closeAll(sessions),
  };
}

function gatherings(order: LoadOrder, clusterSize: number): PreparedWork {
  const registry = registryOf(order);
  const tokens = signTokens(TOKENS);
  return {
    run(unit) {
      const clusterName = `${order.prefix}${Math.floor(unit / clusterSize)}`;
      return gather(registry, { token: tokens[unit % TOKENS]!, clusterName, clusterSize });
    },
    release() {},
  };
}

async function frames(order: LoadOrder, bytes: number): Promise<PreparedWork> {
  const frame = Buffer.alloc(bytes, 1);
  const opening = Array.from({ length: connectionsOf(order) }, () => openFrames(order.wsUrl!));
  const sockets = await Promise.all(opening);
  return {
    async run(_unit, connection) {
      sockets[connection]!.send(frame);
      await sockets[connection]!.arrivals.take();
    },
    release: () => closeAll(sockets),
  };
}

/** Work on connections that are there already knows how many. */
function connectionsOf({ arrivals, work }: LoadOrder): number {
  if (arrivals.mode === 'closed') return arrivals.connections;
  throw new Error(`${work.kind} is for a closed loop`);
}

function closeAll(held: readonly { close(): void }[]): void {
  for (const one of held) one.close();
}
