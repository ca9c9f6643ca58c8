// A session as a field client runs it, with minimal overhead.
import { setMaxListeners } from 'node:events';
import { openTcp } from '../../src/client/tcp-transport.ts';
import type { Transport } from '../../src/client/transport.ts';
import { openWebSocket } from '../../src/client/websocket-transport.ts';
import { REPLY_BYTES_MAX, SEALED_REPLY_BYTES_MAX } from '../../src/limits.ts';
import { Op } from '../../src/wire/message.ts';
import { parseRegCred } from '../../src/wire/reg-cred.ts';
import type { Exchange, LoadMember, Registry } from './exchange.ts';
import type { LoadOrder } from './load-order.ts';
import { greetOld } from './old-exchange.ts';
import { greetSealed } from './sealed-exchange.ts';

/** The registry of an order. */
export function registryOf({ regCredText, transport, wsUrl, dialect }: LoadOrder): Registry {
  return { regCred: parseRegCred(regCredText), transport, wsUrl, dialect };
}

/** The cluster that a full session joins, and the member that joins it. */
export interface Seat {
  readonly member: LoadMember;
  readonly clusterName: string;
  readonly clusterSize: number;
}

/** Runs one full session to its end. Rejects at any unexpected reply. */
export async function runSession(registry: Registry, { member, clusterName, clusterSize }: Seat): Promise<void> {
  const exchange = await openSession(registry);
  try {
    await exchange.identify(member);
    const create = { Op: Op.Create, ClusterName: clusterName, ClusterSize: clusterSize, EndPointCount: 1 };
    await exchange(create, Op.CreateReply);
    const joined = await exchange({ Op: Op.Join, ClusterName: clusterName }, Op.JoinReply);
    await exchange({ Op: Op.GetCluster, ClusterID: joined.ClusterID! }, Op.ClusterMembers);
    await exchange({ Op: Op.Bye }, Op.Ack);
  } finally {
    exchange.close();
  }
}

/** Connects and exchanges Hellos. Rejects with HelloRefused if the server closes the connection at the Hello. */
export async function openSession(registry: Registry): Promise<Exchange> {
  const { regCred, dialect } = registry;
  const transport = await openTransport(registry);
  try {
    return await (dialect === 'sealed' ? greetSealed(regCred, transport) : greetOld(regCred, dialect, transport));
  } catch (error) {
    transport.close();
    throw error;
  }
}

/** Never aborted: the load itself bounds its time. */
const { signal } = new AbortController();
setMaxListeners(0, signal);

/** Connects to a WebSocket server. */
export function openFrames(wsUrl: string): Promise<Transport> {
  return openWebSocket(wsUrl, signal);
}

function openTransport({ regCred, transport, wsUrl, dialect }: Registry): Promise<Transport> {
  if (transport === 'ws') {
    if (wsUrl === undefined) throw new Error('--transport ws needs the WebSocket URL of the registry: pass --ws-url');
    return openFrames(wsUrl);
  }
  const [, host, port] = /^(?:.* )?\[?(.*?)\]?:(\d+)$/.exec(regCred.endPoints[0]!)!;
  const replyBytesMax = dialect === 'sealed' ? SEALED_REPLY_BYTES_MAX : REPLY_BYTES_MAX;
  return openTcp(host!, Number(port), signal, undefined, replyBytesMax);
}
