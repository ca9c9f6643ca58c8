// The messages between the parent and its generator processes. Everything here survives structured cloning.
import type { SessionDialect } from '../../src/wire/hello.ts';

/** The unit of work of a load. */
export type Work =
  /**
   * Hello, Client, Create, Join, GetCluster, Bye. `returning` members come back under their IDs and leave the table
   * unchanged.
   */
  | { readonly kind: 'full'; readonly clusterSize: number; readonly members: 'new' | 'returning' }
  /** Hello, and close. */
  | { readonly kind: 'hello' }
  /** Hello and Client, then silence until the load is released. */
  | { readonly kind: 'idle' }
  /** One GetCluster of a full cluster, by members that joined before the clock started. */
  | { readonly kind: 'roster'; readonly clusterName: string; readonly clusterSize: number }
  /**
   * Members of one cluster start together: Hello, Client, Create, Join, then GetCluster until every member is there.
   * `connections` should be the size of the cluster.
   */
  | { readonly kind: 'gathering'; readonly clusterSize: number }
  /** A frame of `bytes` bytes to a WebSocket server that answers each frame with one. No registry is involved. */
  | { readonly kind: 'frames'; readonly bytes: number };

/** The start times of units of work. */
export type Arrivals =
  /**
   * Closed loop: each of `connections` connections starts a new unit when its last is done. It ends when all units are
   * done or `secondsMax` seconds have passed.
   */
  | { readonly mode: 'closed'; readonly connections: number; readonly secondsMax?: number }
  /**
   * Open loop: `rate` starts a second, independent of completions; evenly spaced or a Poisson process (exponential gaps
   * from `seed`). At most `inFlightMax` units are pending; further due units are dropped and counted.
   */
  | {
      readonly mode: 'open';
      readonly rate: number;
      readonly spacing: 'even' | 'poisson';
      readonly seed: number;
      readonly inFlightMax: number;
    };

/** A load and its registry. */
export interface LoadOrder {
  readonly regCredText: string;
  readonly transport: 'tcp' | 'ws';
  /** Required for `ws`. */
  readonly wsUrl: string | undefined;
  readonly dialect: SessionDialect;
  readonly work: Work;
  readonly arrivals: Arrivals;
  /** Units of work in all. */
  readonly count: number;
  /** Prefix of cluster names. Different loads on one registry need different prefixes. */
  readonly prefix: string;
}

/** The result of a load. Histograms are in microseconds, in the compressed encoding of hdr-histogram-js. */
export interface LoadReport {
  readonly completed: number;
  readonly failed: number;
  /** Units that became due while `inFlightMax` were pending. */
  readonly dropped: number;
  /** Connections that the server closed at the Hello, as under overload. Each unit was retried. */
  readonly turnedAway: number;
  /** Counts by failure message: the first few kinds, the rest as `other`. */
  readonly failures: Readonly<Record<string, number>>;
  /** Seconds from the first intended start to the last end. */
  readonly seconds: number;
  /** CPU seconds of the generator meanwhile. */
  readonly generatorCpuSeconds: number;
  /** Time from the intended start of a unit of work to its end. */
  readonly latency: string;
  /** Lateness of the generator in starting a unit; part of `latency`. */
  readonly lateness: string;
}

/** Parent to generator. */
export type GeneratorOrder =
  | { readonly kind: 'prepare'; readonly order: LoadOrder }
  /** Starts `count` units. A later `go` continues with the next units. */
  | { readonly kind: 'go'; readonly arrivals: Arrivals; readonly count: number }
  | { readonly kind: 'release' };

/** Generator to parent. */
export type GeneratorNews =
  | { readonly kind: 'prepared' }
  | { readonly kind: 'progress'; readonly settled: number }
  | { readonly kind: 'report'; readonly report: LoadReport }
  | { readonly kind: 'broken'; readonly message: string };
