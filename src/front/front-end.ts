// A front end as one unit: its connections, its share of the pool, its waits and its counts. It runs in the main thread
// or in a thread of its own. Listeners hand connections to `connections`.
import type { Logger } from 'pino';
import type { HelloKinds } from '../connection/hello-kind.ts';
import type { ClientPlacements } from '../connection/live-clients.ts';
import { ParkedRequests } from '../connection/parked-requests.ts';
import type { Deadlines } from '../connection/serve-connection.ts';
import type { ServedConnections } from '../connection/served-connections.ts';
import { SessionLog } from '../connection/session-log.ts';
import type { FrontState, FrontStats } from '../metrics/front-stats.ts';
import { type ChannelService, type MarkOrder, Pool, type PoolSettings } from '../pool/pool.ts';
import { pooledRandom } from '../pool/pooled-random.ts';
import type { StartWorkers } from '../pool/worker-threads.ts';
import { SharedSequence } from '../shared-memory/shared-sequence.ts';

/** The settings of a front end. They can be sent to a thread. */
export interface FrontSettings extends Omit<PoolSettings, 'startWorkers'> {
  /** Its number, from 0 on. */
  readonly front: number;
  readonly deadlines: Deadlines;
  readonly hellos: HelloKinds;
  /** Milliseconds from which a session's line is a warning; undefined for never. */
  readonly slowSessionMs: number | undefined;
  /** Memory of the ring to which the coordinator posts changes. Each front end reads it. */
  readonly changes: SharedArrayBuffer;
  /** Memory of the sequence that numbers the connections of all front ends. */
  readonly connectionNumbers: SharedArrayBuffer;
}

/** The parts of the process that a front end uses. */
export interface FrontHost {
  readonly log: Logger;
  readonly coordinator: ChannelService;
  readonly startWorkers: StartWorkers;
  /** The clients of all front ends. */
  readonly clients: ClientPlacements;
  /** The pool replaces no more workers. The process has to stop. */
  givenUp(error: unknown): void;
}

export class FrontEnd {
  readonly #settings: FrontSettings;
  readonly #host: FrontHost;
  readonly #stats: FrontStats;
  readonly #pool: Pool;
  readonly #parked: ParkedRequests;

  /** Starts the workers. Events count in `stats`. close() must follow. */
  constructor(settings: FrontSettings, stats: FrontStats, host: FrontHost) {
    this.#settings = settings;
    this.#host = host;
    this.#stats = stats;
    this.#pool = new Pool({ ...settings, startWorkers: host.startWorkers }, host.coordinator, {
      handedOver: (jobs) => stats.pool.handedOver(jobs),
      done: (kind, waited, call, times) => stats.pool.done(kind, waited, call, times),
      failed(error) {
        stats.pool.failed();
        host.log.error({ err: error }, 'a job or a worker failed: its connections are closed');
      },
      givenUp: host.givenUp,
    });
    this.#parked = new ParkedRequests(settings.changes, settings.front);
  }

  /** Resolves when every worker runs. Rejects with ThreadLoadError. */
  loaded(): Promise<void> {
    return this.#pool.loaded();
  }

  /** Serves connections from now on. */
  serve(connections: ServedConnections): void {
    const { deadlines, hellos, slowSessionMs, connectionNumbers } = this.#settings;
    const { log, clients } = this.#host;
    connections.open({
      ...{ pool: this.#pool, parked: this.#parked, metrics: this.#stats.sessions, clients, deadlines, hellos },
      log: new SessionLog(log, slowSessionMs, new SharedSequence(connectionNumbers)),
      random: pooledRandom(),
    });
  }

  /** The present state, for metrics and health. */
  get state(): FrontState {
    const { queueLengths, silentMs } = this.#pool;
    return { queueLengths, waits: this.#parked.counts, silentMs };
  }

  /** The stats of each worker. */
  get threadStats(): Pool['threadStats'] {
    return this.#pool.threadStats;
  }

  /** Sends a mark through each worker, behind all messages that have arrived (Q7). */
  mark(order: MarkOrder): void {
    this.#pool.mark(order);
  }

  /** Ends the workers. The connections must have been drained. */
  async close(): Promise<void> {
    this.#parked.close();
    await this.#pool.close();
  }
}
