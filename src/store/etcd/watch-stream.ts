// Every change of etcd under a registry's prefix, in order and without a gap, from a revision on: one watch, resumed
// where it broke off. Invariant: all events up to `#revision` have arrived, and `#head` is the head at that revision.
// Each resumption checks that etcd still has this head.
import type { WatchEvent, WatchResponse } from './etcd-calls.ts';
import { ETCD, EventType, toNumber } from './etcd-calls.ts';
import type { EtcdClient, WatchCall } from './etcd-client.ts';
import { EtcdError } from './etcd-error.ts';
import { bytesOf, type EtcdKeys, endOf, keyOf } from './etcd-keys.ts';

/** The last change of a registry: its revision, 0 if there is none, and a stamp that no other change has. */
export interface Head {
  readonly revision: number;
  readonly stamp: string;
}

/** A key that was written, or deleted if `value` is undefined. */
export interface KeyEvent {
  readonly key: string;
  readonly value: Uint8Array | undefined;
  readonly revision: number;
}

/** Reason why the stream cannot resume: events are missing (`behind`), or etcd has a different history (`wrong`). */
export type ResyncKind = 'behind' | 'wrong';

/**
 * Events that wait for take(), which the coordinator calls every second or so. Beyond this bound the table is read
 * again.
 */
const QUEUED_EVENTS_MAX = 500_000;
const CHECK_MS = 1_000;
const PAUSE_MS = { first: 20, most: 1_000 } as const;

export class WatchStream {
  readonly #client: EtcdClient;
  readonly #keys: EtcdKeys;
  readonly #resync: (kind: ResyncKind, reason: string) => void;
  readonly #arrived: () => void;
  #head: Head;
  #revision: number;
  #events: KeyEvent[] = [];
  /** Events of a response that comes in several fragments. */
  #pieces: WatchEvent[] = [];
  readonly #waiting = new Set<{ readonly revision: number; resolve(): void }>();
  #stream: WatchCall | undefined;
  #stopped = false;

  /**
   * Starts after `revision`. Calls `resync` once, when the stream cannot resume, and `arrived` after each arrival of
   * events.
   */
  constructor(
    client: EtcdClient,
    keys: EtcdKeys,
    head: Head,
    revision: number,
    resync: (kind: ResyncKind, reason: string) => void,
    arrived: () => void = () => {},
  ) {
    this.#client = client;
    this.#keys = keys;
    this.#head = head;
    this.#revision = revision;
    this.#resync = resync;
    this.#arrived = arrived;
    void this.#run();
  }

  get head(): Head {
    return this.#head;
  }

  /** True if events wait for take() whose revision is not among `known`. */
  hasEventsBeside(known: ReadonlySet<number>): boolean {
    return this.#events.some(({ revision }) => !known.has(revision));
  }

  /** The events since the last call, and the revision up to which they are complete. */
  take(): { events: KeyEvent[]; revision: number } {
    const events = this.#events;
    this.#events = [];
    return { events, revision: this.#revision };
  }

  /** Resolves to true when the change of `revision` has arrived, to false after `timeoutMs`. */
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

  /** Cancels the watch; it resumes at the client's current server. */
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

  /** Checks that etcd is the one that the events came from. A restored etcd has a different history. */
  async #check(): Promise<void> {
    const request = { key: bytesOf(this.#keys.head), revision: this.#revision as never };
    const { kvs } = await this.#client.call(ETCD.range, request, performance.now() + CHECK_MS);
    const [kv] = kvs;
    const head = kv ? headOf(kv) : NO_HEAD;
    if (head.revision !== this.#head.revision || head.stamp !== this.#head.stamp) {
      this.#end('wrong', 'etcd has a different history: it was restored or replaced');
    }
  }

  /** Resolves when the watch has ended for any reason. */
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
          if (toNumber(response.compact_revision) > 0)
            this.#end('behind', 'etcd has compacted revisions that were not watched yet');
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
    if (this.#events.length > QUEUED_EVENTS_MAX) this.#end('behind', `more than ${QUEUED_EVENTS_MAX} events wait`);
    else this.#arrived();
  }

  #end(kind: ResyncKind, reason: string): void {
    if (this.#stopped) return;
    this.stop();
    this.#events = [];
    this.#resync(kind, reason);
  }
}

/** The head of a registry without changes. */
export const NO_HEAD: Head = { revision: 0, stamp: '' };

/** Decodes the head's key. */
export function headOf(kv: { mod_revision?: unknown; value?: Uint8Array | null }): Head {
  return {
    revision: toNumber(kv.mod_revision as never),
    stamp: Buffer.from(kv.value ?? []).toString('hex'),
  };
}
