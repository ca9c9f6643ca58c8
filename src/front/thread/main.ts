// The thread of a further front end: its listener on the shared TCP port, its connections and its workers, which are
// threads of this thread and end with it. It carries out the orders of the main thread.
import { parentPort, workerData } from 'node:worker_threads';
import type { Logger } from 'pino';
import { Admission } from '../../admission/admission.ts';
import { growthLook } from '../../admission/growth-budgets.ts';
import { ServedConnections } from '../../connection/served-connections.ts';
import { FrontStats } from '../../metrics/front-stats.ts';
import { ListenError, type Listener } from '../../net/connection.ts';
import { listenTcp } from '../../net/tcp/tcp-listener.ts';
import type { ChannelService } from '../../pool/pool.ts';
import { startWorkerThreads } from '../../pool/worker-threads.ts';
import { jsonLog } from '../../runtime/json-log.ts';
import { watchLoopDelay } from '../../runtime/loop-delay.ts';
import { nameThread } from '../../runtime/thread-name.ts';
import { readThreadStats } from '../../runtime/thread-stats.ts';
import type { ChannelMemory } from '../../shared-memory/worker-channel.ts';
import { FrontEnd } from '../front-end.ts';
import type { FrontOrder, FrontReport, FrontThreadData } from './messages.ts';
import { Outbox } from './outbox.ts';
import { RemoteClients } from './remote-clients.ts';

/** Time between two records of the thread's state. */
const RECORD_INTERVAL_MS = 100;

function report(message: FrontReport): void {
  parentPort!.postMessage(message);
}

/** The parts of a running front end. */
interface Parts {
  readonly data: FrontThreadData;
  readonly outbox: Outbox;
  readonly log: Logger;
  readonly clients: RemoteClients;
  readonly admission: Admission;
  readonly connections: ServedConnections;
  readonly front: FrontEnd;
}

/** Entry of the thread. The order to drain ends the thread. */
export async function runFront(): Promise<void> {
  const data = workerData as FrontThreadData;
  nameThread(`front-${data.settings.front}`);
  const outbox = new Outbox(report);
  const log = jsonLog(outbox);
  log.level = data.logLevel;
  const clients = new RemoteClients(data.clients);
  const isGrowthFull = growthLook(data.growth);
  const admission = new Admission(data.limits, data.admission, data.settings.front, isGrowthFull, (cause, address) => {
    outbox.refused(cause, address);
    if (log.isLevelEnabled('debug')) log.debug({ cause, address }, 'a limit turned a client away');
  });
  const stats = new FrontStats(data.stats);
  watchLoopDelay(stats.loopDelay);
  const front = new FrontEnd(data.settings, stats, {
    log,
    coordinator: channelService(data),
    clients,
    startWorkers: startWorkerThreads,
    givenUp: broken,
  });
  await front.loaded();
  const record = () => {
    stats.thread.write(readThreadStats());
    stats.record(front.state);
  };
  record();
  setInterval(record, RECORD_INTERVAL_MS);
  const connections = new ServedConnections();
  takeOrders({ data, outbox, log, clients, admission, connections, front }, record);
  front.serve(connections);
  report({ kind: 'loaded' });
}

/** The coordinator as this thread reaches it: the main thread passes the channels of workers on. */
function channelService({ coordinatorParker, rosterCache }: FrontThreadData): ChannelService {
  let lastId = 0;
  return {
    parker: coordinatorParker,
    rosterCache,
    serve(channel: ChannelMemory, worker: number) {
      const id = ++lastId;
      report({ kind: 'serve', id, worker, channel });
      return () => report({ kind: 'withdraw', id });
    },
  };
}

/** Reports what this front end cannot go on with. */
function broken(error: unknown): void {
  const { message } = error as Error;
  report({ kind: 'broken', message, mayPass: error instanceof ListenError && error.mayPass });
}

function takeOrders(parts: Parts, record: () => void): void {
  const { log, clients, admission, connections, front } = parts;
  let listener: Listener | undefined;
  parentPort!.on('message', async (order: FrontOrder) => {
    switch (order.kind) {
      case 'listen':
        try {
          listener = await listen(parts);
          report({ kind: 'listening' });
        } catch (error) {
          broken(error);
        }
        return;
      case 'mark':
        return front.mark(order.order);
      case 'limits':
        return admission.setLimits(order.limits);
      case 'log-level':
        log.level = order.level;
        return;
      case 'sessions':
        return report({ kind: 'sessions', id: order.id, sessions: connections.list(order.after, order.limit) });
      case 'replaced':
      case 'current':
        return clients[order.kind](order.clientId, order.ends);
      case 'unlisten':
        await listener?.close();
        return report({ kind: 'unlistened' });
      case 'drain':
        await listener?.close();
        return drain(parts, order.graceMs, record);
    }
  });
}

function listen({ data, admission, connections }: Parts): Promise<Listener> {
  return listenTcp(data.port, admission, connections.accept.bind(connections));
}

/** Everything that the connections reported has left this thread before it ends. */
async function drain(
  { outbox, admission, connections, front }: Parts,
  graceMs: number,
  record: () => void,
): Promise<void> {
  await connections.drain(graceMs);
  await front.close();
  admission.close();
  record();
  outbox.flush();
  process.exit(0);
}
