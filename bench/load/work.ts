// Implements the unit of work of each kind of load.
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

/** Distinct tokens; a multiple of every cluster size. A registry does no less work for a token it has seen before. */
const TOKENS = 256;

/** One reply in so many is decoded and checked; the others only have their length checked. */
const OPENED = 64;

/** Work that is ready to start. */
export interface PreparedWork {
  run(unit: number, connection: number): Promise<void>;
  /** Closes connections held open. */
  release(): void;
}

/** Does everything that precedes the clock: signs tokens, signs members in. */
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

/** Fills a cluster; its first members stay connected and fetch the roster. */
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
    if (roster.Tokens?.length !== clusterSize)
      throw new Error(`the roster has ${roster.Tokens?.length ?? 0} members, not ${clusterSize}`);
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

/** The connections of a closed loop. Work on persistent connections needs their number in advance. */
function connectionsOf({ arrivals, work }: LoadOrder): number {
  if (arrivals.mode === 'closed') return arrivals.connections;
  throw new Error(`${work.kind} needs a closed loop`);
}

function closeAll(held: readonly { close(): void }[]): void {
  for (const one of held) one.close();
}
