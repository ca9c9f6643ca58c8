// Implements the unit of work of each kind of load.
import { encodeMessage, Op } from '../../src/wire/message.ts';
import type { Exchange, Registry } from './exchange.ts';
import { openFrames, openSession, registryOf, runSession } from './field-session.ts';
import { gather } from './gather.ts';
import type { LoadOrder, Work } from './load-order.ts';
import { membersOf, TOKENS } from './members.ts';

/** One reply in so many is decoded and checked; the others only have their length checked. */
const OPENED = 64;

/** Work that is ready to start. */
export interface PreparedWork {
  /** Makes the units from `first` ready, before the clock of their run starts. */
  prepare?(first: number, count: number): void;
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
  const returning = members === 'returning';
  const all = membersOf(registry, { returning });
  return {
    prepare: all.prepare,
    run(unit) {
      const clusterName = `${order.prefix}${Math.floor((returning ? unit % TOKENS : unit) / clusterSize)}`;
      return runSession(registry, { member: all.at(unit), clusterName, clusterSize });
    },
    release() {},
  };
}

function idleSessions(registry: Registry): PreparedWork {
  const members = membersOf(registry);
  const held: Exchange[] = [];
  return {
    prepare: members.prepare,
    async run(unit) {
      const exchange = await openSession(registry);
      held.push(exchange);
      await exchange.identify(members.at(unit));
    },
    release: () => closeAll(held),
  };
}

/** Fills a cluster; its first members stay connected and fetch the roster. */
async function rosters(order: LoadOrder, clusterName: string, clusterSize: number): Promise<PreparedWork> {
  const registry = registryOf(order);
  const request = { Op: Op.GetCluster, ClusterName: clusterName };
  const sessions: Exchange[] = [];
  const members = membersOf(registry);
  members.prepare(0, clusterSize);
  for (let place = 0; place < clusterSize; place++) {
    const exchange = await openSession(registry);
    await exchange.identify(members.at(place));
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
  const { length } = encodeMessage(await open(0));
  return {
    async run(unit, connection) {
      if (unit % OPENED === 0) await open(connection);
      else await sessions[connection]!.unopened(request, length);
    },
    release: () => closeAll(sessions),
  };
}

function gatherings(order: LoadOrder, clusterSize: number): PreparedWork {
  const registry = registryOf(order);
  const members = membersOf(registry);
  return {
    prepare: members.prepare,
    run(unit) {
      const clusterName = `${order.prefix}${Math.floor(unit / clusterSize)}`;
      return gather(registry, { member: members.at(unit), clusterName, clusterSize });
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
