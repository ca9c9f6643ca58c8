// The readers of the status page's stream (server-sent events). One report at a time is made for all of them, only while there are
// any. Invariants: there are STATUS_STREAMS_MAX readers at most, and for one who does not read nothing is kept: what he
// did not take in time he is not sent, since the next report says it all again, and soon he is cut off.
import { STATUS_STREAMS_MAX } from '../limits.ts';
import type { Activity } from '../metrics/status-snapshot.ts';
import { type HttpReply, plainReply, type ReplyStream } from '../net/web-site.ts';
import type { TableOverview } from '../registry/cluster-table.ts';
import { describeCluster } from './described-cluster.ts';

/** What a report is made of. */
export interface StatusReport extends Activity {
  readonly uptimeSeconds: number;
  /** Checks of readiness that fail. */
  readonly failing: readonly string[];
  readonly overview: TableOverview;
}

/** How often there are reports, and how patient they are. */
export interface StreamPace {
  /** Milliseconds from one report to the next. */
  readonly intervalMs: number;
  /** A reader who has not taken the last one when so many more are made is cut off. */
  readonly missedMax: number;
}

const PACE: StreamPace = { intervalMs: 1_000, missedMax: 10 };

interface Reader {
  readonly stream: ReplyStream;
  /** The last event of this kind that was sent: it is sent again only if there is news. */
  clusters: string;
  /** Reports since the last that was sent. */
  missed: number;
}

/** A report as events; none is longer than RECENT_CLUSTERS_MAX clusters need. */
interface Events {
  readonly status: string;
  readonly clusters: string;
}

export class StatusStreams {
  readonly #read: () => Promise<StatusReport | undefined>;
  readonly #pace: StreamPace;
  readonly #readers = new Set<Reader>();
  /** The last report, for who comes before the next; undefined while none are made. */
  #latest: Events | undefined;
  #next: NodeJS.Timeout | undefined;
  #reporting = false;
  #closed = false;

  /** `read` makes a report; undefined if there is none to be had now. */
  constructor(read: () => Promise<StatusReport | undefined>, pace = PACE) {
    this.#read = read;
    this.#pace = pace;
  }

  /** The reply to who wants to read. */
  reply(): HttpReply {
    if (this.#closed) return plainReply(503, 'the registry stops');
    if (this.#readers.size >= STATUS_STREAMS_MAX) return plainReply(503, 'the status page has too many readers');
    return {
      status: 200,
      type: 'text/event-stream',
      body: '',
      headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' },
      stream: (stream) => this.#open(stream),
    };
  }

  /** Ends all streams, for good. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#next);
    for (const { stream } of this.#readers) stream.end();
    this.#readers.clear();
  }

  #open(stream: ReplyStream): () => void {
    // Asked again, because others may have come since the reply was made.
    if (this.#closed || this.#readers.size >= STATUS_STREAMS_MAX) {
      stream.end();
      return () => {};
    }
    const reader: Reader = { stream, clusters: '', missed: 0 };
    this.#readers.add(reader);
    if (this.#latest) this.#send(reader, this.#latest);
    if (!this.#reporting) void this.#report();
    return () => this.#readers.delete(reader);
  }

  /** Reports to all there are, and again after a while, until there is nobody. */
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

  #send(reader: Reader, { status, clusters }: Events): void {
    if (reader.stream.write(clusters === reader.clusters ? status : status + clusters)) {
      reader.clusters = clusters;
      reader.missed = 0;
      return;
    }
    reader.missed += 1;
    if (reader.missed < this.#pace.missedMax) return;
    this.#readers.delete(reader);
    reader.stream.destroy();
  }
}

/** JSON has no line breaks, so that no text of others can end an event. */
function eventsOf({ overview: { recent, ...table }, ...activity }: StatusReport): Events {
  return {
    status: `event: status\ndata: ${JSON.stringify({ ...activity, table })}\n\n`,
    clusters: `event: clusters\ndata: ${JSON.stringify({ clusters: recent.map(describeCluster) })}\n\n`,
  };
}
