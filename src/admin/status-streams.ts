// The streams of the status page (server-sent events). While there are readers, each interval makes one report for all
// of them. Invariants: there are STATUS_STREAMS_MAX readers at most, and nothing is queued for a slow one. It misses
// the report, since the next one is complete again, and is disconnected after `missedMax` of them.
import { STATUS_STREAMS_MAX } from '../limits.ts';
import type { Activity } from '../metrics/status-snapshot.ts';
import { type HttpReply, type ReplyStream, refusalReply } from '../net/web-site.ts';
import type { TableOverview } from '../registry/cluster-scan.ts';
import type { LogEntry } from '../runtime/recent-log.ts';
import { describeCluster } from './described-cluster.ts';

/** The contents of a report. */
export interface StatusReport extends Omit<Activity, 'store'> {
  /** Version of the product. */
  readonly version: string;
  readonly uptimeSeconds: number;
  /** The readiness checks, each with the time it has had its result. */
  readonly checks: readonly { readonly check: string; readonly passes: boolean; readonly seconds: number }[];
  readonly store: Activity['store'] & { readonly kind: string };
  /** Undefined until the table is loaded. */
  readonly overview: TableOverview | undefined;
  /** The latest warnings and errors of the log, the newest first. */
  readonly log: readonly LogEntry[];
}

/** The interval of reports, and the patience with slow readers. */
export interface StreamPace {
  /** Milliseconds from one report to the next. */
  readonly intervalMs: number;
  /** Reports that a reader may miss in a row before it is disconnected. */
  readonly missedMax: number;
}

const PACE: StreamPace = { intervalMs: 1_000, missedMax: 10 };

interface Reader {
  readonly stream: ReplyStream;
  /** The last events that were sent. An equal one is not sent again, except `status`. */
  sent: Events | undefined;
  /** Reports missed since the last one sent. */
  missed: number;
}

/** A report as events. RECENT_CLUSTERS_MAX clusters and RECENT_LOG_LINES_MAX lines bound their length. */
interface Events {
  readonly status: string;
  readonly clusters: string;
  readonly log: string;
}

export class StatusStreams {
  readonly #read: () => Promise<StatusReport | undefined>;
  readonly #pace: StreamPace;
  readonly #readers = new Set<Reader>();
  /** The last report, for a reader that joins before the next; undefined while none are made. */
  #latest: Events | undefined;
  #next: NodeJS.Timeout | undefined;
  #reporting = false;
  #closed = false;

  /** `read` makes a report; undefined if there is none now. */
  constructor(read: () => Promise<StatusReport | undefined>, pace = PACE) {
    this.#read = read;
    this.#pace = pace;
  }

  /** The reply to a new reader: a stream, or 503. */
  reply(): HttpReply {
    if (this.#closed) return refusalReply(503, 'stopping', 'the registry stops');
    if (this.#readers.size >= STATUS_STREAMS_MAX)
      return refusalReply(503, 'too-many-readers', 'the status page has too many readers');
    return {
      status: 200,
      type: 'text/event-stream',
      body: '',
      headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' },
      stream: (stream) => this.#open(stream),
    };
  }

  /** Ends all streams and refuses new ones. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#next);
    for (const { stream } of this.#readers) stream.end();
    this.#readers.clear();
  }

  #open(stream: ReplyStream): () => void {
    // Check again: other readers may have come since the reply was made.
    if (this.#closed || this.#readers.size >= STATUS_STREAMS_MAX) {
      stream.end();
      return () => {};
    }
    const reader: Reader = { stream, sent: undefined, missed: 0 };
    this.#readers.add(reader);
    if (this.#latest) this.#send(reader, this.#latest);
    if (!this.#reporting) void this.#report();
    return () => this.#readers.delete(reader);
  }

  /** Sends a report to all readers, and schedules the next one while there are readers. */
  async #report(): Promise<void> {
    this.#reporting = true;
    const report = await this.#read();
    if (report) {
      this.#latest = eventsOf(report);
      for (const reader of this.#readers) this.#send(reader, this.#latest);
    }
    if (this.#closed || this.#readers.size === 0) {
      this.#reporting = false;
      this.#latest = undefined;
      return;
    }
    this.#next = setTimeout(() => void this.#report(), this.#pace.intervalMs);
  }

  #send(reader: Reader, events: Events): void {
    const { status, clusters, log } = events;
    const news = [clusters === reader.sent?.clusters ? '' : clusters, log === reader.sent?.log ? '' : log];
    if (reader.stream.write(status + news.join(''))) {
      reader.sent = events;
      reader.missed = 0;
      return;
    }
    reader.missed += 1;
    if (reader.missed < this.#pace.missedMax) return;
    this.#readers.delete(reader);
    reader.stream.destroy();
  }
}

function eventsOf({ overview, log, ...activity }: StatusReport): Events {
  const { recent = [], ...table } = overview ?? {};
  return {
    status: event('status', { ...activity, table: overview ? table : null }),
    clusters: event('clusters', { clusters: recent.map(describeCluster) }),
    log: event('log', { lines: log }),
  };
}

/** JSON has no line breaks, so no text from others can end an event. */
function event(name: string, data: object): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
