// What every stage of a start is given: the settings, the log, the metrics, and the state that health and the admin port read.
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { GrowthRates } from '../admission/growth-budgets.ts';
import type { Config } from '../config.ts';
import type { ServedConnections } from '../connection/served-connections.ts';
import type { RegistryState } from './admin-site.ts';
import type { Certificates } from './certificates.ts';

/** What a registry tells to those that run it. */
export interface ServerObserver {
  readonly log: Logger;
  /** Lines of the log that were lost so far. */
  logLinesDropped(): number;
  /** A part died that the registry cannot go on without. */
  onDeath(error: unknown): void;
}

/** What addresses may add to the table, as all threads see it (R4). */
export interface Growth {
  readonly memory: SharedArrayBuffer;
  readonly rates: GrowthRates;
}

export interface ServerContext {
  readonly config: Config;
  readonly observer: ServerObserver;
  /** Where metrics are registered. */
  readonly metrics: Registry;
  readonly state: RegistryState;
  /** All connections of sessions; they are served from the last stage on. */
  readonly connections: ServedConnections;
  readonly certificates: Certificates;
  readonly growth: Growth;
  /** `--max-connections`, or what the limit of open files leaves of it. */
  readonly maxConnections: number;
  /** Registers what closes a part. Parts close in the reverse order. */
  onStop(close: () => Promise<void>): void;
}
