// What is written in etcd under the prefix of a registry, in order and without a gap, from a revision on: one watch, begun
// again where it broke off. Invariant: `#revision` is a revision whose events, and all before it, have come; `#head` is the
// head as of then. That both still stand in etcd is asked whenever the watch begins again.
import type { WatchEvent, WatchResponse } from './etcd-calls.ts';
import { ETCD, EventType, toNumber } from './etcd-calls.ts';
import type { EtcdClient, WatchCall } from './etcd-client.ts';
import { EtcdError } from './etcd-error.ts';
import { bytesOf, type EtcdKeys, endOf, keyOf } from './etcd-keys.ts';

/** The last change of a registry: when it was made, and what nothing else ever was; of an empty one, revision 0. */
export interface Head {
  readonly revision: number;
  readonly stamp: string;
}

/** A key that was written, or deleted (without a value), and when. */
export interface FeedEvent {
  readonly key: string;
  readonly value: Uint8Array | undefined;
  readonly revision: number;
}

/** Why a feed cannot go on: what it gave is of the past, or of what does not stand any more. */
export type Gap = 'behind' | 'wrong';

/** Events that wait to be taken: the coordinator takes them at least every second or so. Beyond it, all is read again. */
const WAITING_EVENTS_MAX = 500_000;
const CHECK_MS = 1_000;
const PAUSE_MS = { first: 20, most: 1_000 } as const;

export class WatchStream {
  readonly #client: EtcdClient;
  readonly #keys: EtcdKeys;
  readonly #resync: (kind: Gap, reason: string) => void;
  #head: Head;
  #revision: number;
  #events: FeedEvent[] = [];
  /** Of a revision that comes in several pieces. */
  #pieces: WatchEvent[] = [];
  readonly #waiting = new Set<{ readonly revision: number; resolve(): void }>();
  #stream: WatchCall | undefined;
  #stopped = false;

  /** Begins behind `revision`. `gap` is called once, if it cannot go on. */
  constructor(
    client: EtcdClient,
    keys: EtcdKeys,
    head: Head,
    revision: number,
    gap: (kind: Gap, reason: string) => void,
  ) {
    this.#client = client;
    this.#keys = keys;
    this.#head = head;
    this.#revision = revision;
    this.#resync = gap;
    void this.#run();
  }

  get head(): Head {
    return this.#head;
  }

  /** Events that have come since the last time, and the revision up to which they are all there. */
  take(): { events: FeedEvent[]; revision: number } {
    const events = this.#events;
    this.#events = [];
    return { events, revision: this.#revision };
  }

  /** Resolves to whether the change of that revision has come before so many milliseconds were over. */
  async reach(revision: number, timeoutMs: number): Promise<boolean> {
    if (this.#head.revision >= revision) return true;
    return new Promise((resolve) => {
      const waiter = {
        revision,
        resolve: () => {
          clearTimeout(timeout);
          resolve(true);
        },
      };
      const timeout = setTimeout(
        () => {
          this.#waiting.delete(waiter);
          resolve(false);
        },
        Math.max(0, timeoutMs),
      );
      this.#waiting.add(waiter);
    });
  }

  /** Begins again with the server that the client asks now. */
  restart(): void {
    this.#stream?.cancel();
  }

  stop(): void {
    this.#stopped = true;
    this.#stream?.cancel();
  }

  async #run(): Promise<void> {
    let pause: number = PAUSE_MS.first;
    for (let first = true; !this.#stopped; first = false) {
      const began = performance.now();
      try {
        if (!first) await this.#check();
        if (this.#stopped) return;
        await this.#watch();
      } catch (error) {
        if (error instanceof EtcdError && error.isRevisionGone) {
          return this.#end(/compacted/.test(error.message) ? 'behind' : 'wrong', error.message);
        }
      }
      pause = performance.now() - began > PAUSE_MS.most ? PAUSE_MS.first : Math.min(PAUSE_MS.most, 2 * pause);
      if (!this.#stopped) await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  /** Whether etcd is the one that the events came from: one that was restored has another past. */
  async #check(): Promise<void> {
    const request = { key: bytesOf(this.#keys.head), revision: this.#revision as never };
    const { kvs } = await this.#client.call(ETCD.range, request, performance.now() + CHECK_MS);
    const [kv] = kvs;
    const head = kv ? headOf(kv) : NO_HEAD;
    if (head.revision !== this.#head.revision || head.stamp !== this.#head.stamp) {
      this.#end('wrong', 'etcd has another past than it had');
    }
  }

  /** Resolves when the stream has ended, however that came. */
  async #watch(): Promise<void> {
    const stream = await this.#client.watch();
    this.#stream = stream;
    if (this.#stopped) stream.cancel();
    stream.write({
      create_request: {
        key: bytesOf(this.#keys.prefix),
        range_end: bytesOf(endOf(this.#keys.prefix)),
        start_revision: (this.#revision + 1) as never,
        fragment: true,
      },
    });
    this.#pieces = [];
    await new Promise<void>((resolve) => {
      stream.on('data', (response: WatchResponse) => {
        if (this.#stream !== stream || this.#stopped) return;
        if (response.canceled) {
          if (toNumber(response.compact_revision) > 0) this.#end('behind', 'etcd has compacted what was to be watched');
          else this.#client.forgetToken();
          stream.cancel();
          return;
        }
        this.#received(response);
      });
      stream.on('error', () => resolve());
      stream.on('end', () => resolve());
      stream.on('close', () => resolve());
    });
    this.#stream = undefined;
  }

  #received({ events, fragment }: WatchResponse): void {
    this.#pieces.push(...events);
    if (fragment) return;
    const all = this.#pieces;
    this.#pieces = [];
    for (const { type, kv } of all) {
      const key = keyOf(kv!);
      const revision = toNumber(kv!.mod_revision);
      this.#revision = Math.max(this.#revision, revision);
      if (key === this.#keys.head) this.#head = headOf(kv!);
      else this.#events.push({ key, value: type === EventType.DELETE ? undefined : kv!.value!, revision });
    }
    for (const waiter of this.#waiting) {
      if (waiter.revision > this.#head.revision) continue;
      this.#waiting.delete(waiter);
      waiter.resolve();
    }
    if (this.#events.length > WAITING_EVENTS_MAX) this.#end('behind', 'more has changed than was taken over');
  }

  #end(kind: Gap, reason: string): void {
    if (this.#stopped) return;
    this.stop();
    this.#events = [];
    this.#resync(kind, reason);
  }
}

/** Of a registry in which nothing was ever changed. */
export const NO_HEAD: Head = { revision: 0, stamp: '' };

/** What the head's key says. */
export function headOf(kv: { mod_revision?: unknown; value?: Uint8Array | null }): Head {
  return {
    revision: toNumber(kv.mod_revision as never),
    stamp: Buffer.from(kv.value ?? []).toString('hex'),
  };
}
