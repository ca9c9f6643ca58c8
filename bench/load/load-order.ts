// What a generator process is asked to do, and what it reports. Everything here survives a message between processes.
import type { DialectName } from '../../src/wire/hello.ts';

/** What the sessions of a load do. */
export type Work =
  /** Hello, Client, Create, Join, GetCluster, Bye; `returning` members come back under their IDs, so the table stays as it is. */
  | { readonly kind: 'full'; readonly clusterSize: number; readonly members: 'new' | 'returning' }
  /** Hello, and close. */
  | { readonly kind: 'hello' }
  /** Hello and Client, then silence until the load is released. */
  | { readonly kind: 'idle' }
  /** Members of a full cluster, who joined before the clock starts; each unit of work is one GetCluster of it. */
  | { readonly kind: 'roster'; readonly clusterName: string; readonly clusterSize: number }
  /**
   * Members that start together, a cluster of them at a time: Hello, Client, Create, Join, and GetCluster until everyone is
   * there. `connections` should be the cluster's size.
   */
  | { readonly kind: 'gathering'; readonly clusterSize: number }
  /** Frames of so many bytes to a WebSocket server that answers each with one, no registry involved. */
  | { readonly kind: 'frames'; readonly bytes: number };

/** When units of work begin. */
export type Arrivals =
  /**
   * Closed loop: so many connections at a time, each beginning anew when it is done, until the work is done or, if that is
   * given, so many seconds have passed.
   */
  | { readonly mode: 'closed'; readonly connections: number; readonly secondsMax?: number }
  /**
   * Open loop: so many a second whatever becomes of them, evenly spaced or as a Poisson process (exponential gaps, from a
   * seed). At most `inFlightMax` are under way; what is due beyond that is dropped and counted.
   */
  | {
      readonly mode: 'open';
      readonly rate: number;
      readonly spacing: 'even' | 'poisson';
      readonly seed: number;
      readonly inFlightMax: number;
    };

/** What to do to which registry. */
export interface LoadOrder {
  readonly regCredText: string;
  readonly transport: 'tcp' | 'ws';
  /** Needed for `ws`. */
  readonly wsUrl: string | undefined;
  readonly dialect: DialectName;
  readonly work: Work;
  readonly arrivals: Arrivals;
  /** Units of work in all. */
  readonly count: number;
  /** Begins the names of its clusters, so that two loads on one registry have none in common. */
  readonly prefix: string;
}

/** What became of a load. Histograms count microseconds and are in the compressed form of hdr-histogram-js. */
export interface LoadReport {
  readonly completed: number;
  readonly failed: number;
  /** Due while too many were under way. */
  readonly dropped: number;
  /** Times that a connection was closed at its Hello, as a registry does that has too many; the unit was begun again. */
  readonly turnedAway: number;
  /** How often which failure was seen: the first few kinds of them. */
  readonly failures: Readonly<Record<string, number>>;
  /** From the first intended start to the last end. */
  readonly seconds: number;
  /** From the intended start of a unit of work to its end. */
  readonly latency: string;
  /** How late the generator itself was to begin: part of `latency`. */
  readonly lateness: string;
}

/** Parent to generator. */
export type GeneratorOrder =
  | { readonly kind: 'prepare'; readonly order: LoadOrder }
  /** Begin, with so much of the work; may be given again, and goes on where it ended. */
  | { readonly kind: 'go'; readonly arrivals: Arrivals; readonly count: number }
  | { readonly kind: 'release' };

/** Generator to parent. */
export type GeneratorNews =
  | { readonly kind: 'prepared' }
  | { readonly kind: 'progress'; readonly settled: number }
  | { readonly kind: 'report'; readonly report: LoadReport }
  | { readonly kind: 'broken'; readonly message: string };
