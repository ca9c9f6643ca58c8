// The context of every stage of a start: settings, log, metrics, and the state that health and the admin port read.
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { AdmissionMemory } from '../admission/admission-memory.ts';
import type { LimitLedger } from '../admission/limit-ledger.ts';
import type { Config } from '../config.ts';
import type { LiveClients } from '../connection/live-clients.ts';
import type { ServedConnections } from '../connection/served-connections.ts';
import type { LaunchCoordinator } from '../coordinator/thread/handle.ts';
import type { FrontStats } from '../metrics/front-stats.ts';
import type { StartWorkers } from '../pool/worker-threads.ts';
import type { LogEntry } from '../runtime/recent-log.ts';
import type { RegistryState } from './admin-site.ts';
import type { Certificates } from './certificates.ts';
import type { LiveLimits } from './live-limits.ts';
import type { Reload } from './reload.ts';
import type { TableCopies } from './table-copies.ts';

/** Log and events of a server, for the process that runs it. */
export interface ServerObserver {
  readonly log: Logger;
  /** Writes lines of the log that other threads have made. */
  logLines(lines: readonly string[]): void;
  /** Number of log lines lost so far. */
  logLinesDropped(): number;
  /** The latest warnings and errors of the log, the newest first. */
  recentTrouble(): readonly LogEntry[];
  /** A part died that the server cannot work without. */
  onDeath(error: unknown): void;
}

/** The place where the parts of a server run: threads of their own, or the caller's thread for tests. */
export interface ServerHost {
  readonly launchCoordinator: LaunchCoordinator;
  readonly startWorkers: StartWorkers;
  /** True if the published test keys are accepted, as only a registry inside a test does. */
  readonly testKeys: boolean;
}

export interface ServerContext {
  /** The settings of the start. */
  readonly config: Config;
  readonly observer: ServerObserver;
  readonly host: ServerHost;
  /** The registry of prom-client. */
  readonly metrics: Registry;
  readonly state: RegistryState;
  /** Number of front ends, that of the main thread included. Beside others it serves the WebSocket port only. */
  readonly fronts: number;
  /** The connections of the main thread. They are served once its front end runs. */
  readonly connections: ServedConnections;
  /** The clients of all front ends. */
  readonly clients: LiveClients;
  /** The counts of each front end, and their memory. */
  readonly frontStats: readonly { readonly memory: SharedArrayBuffer; readonly stats: FrontStats }[];
  readonly certificates: Certificates;
  /** Memory of admission, shared by all front ends. */
  readonly admissionMemory: AdmissionMemory;
  /** Memory of the growth budgets of addresses, shared by all threads (R4). */
  readonly growthMemory: SharedArrayBuffer;
  /** The limits in effect, which may change while the server runs. */
  readonly limits: LiveLimits;
  /** Counts what limits turn away. */
  readonly ledger: LimitLedger;
  /** Makes copies of the table for backups. */
  readonly copies: TableCopies;
  /** Stages register the parts that a reload can change. Its `config` has the settings in effect. */
  readonly reload: Reload;
  /** Registers a function that closes a part. Parts close in reverse order. */
  onStop(close: () => Promise<void>): void;
}
