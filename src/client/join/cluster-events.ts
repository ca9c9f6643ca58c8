// The changes of a joined cluster, for any number of readers. A reader has no queue of changes: it remembers the state
// that it told last, and tells the difference to the present one. So a slow reader skips what has changed back, keeps
// no more than two states, and never slows the cluster down.
import { EventEmitter, once, setMaxListeners } from 'node:events';
import { type ClusterMember, isSameMember } from '../cluster.ts';
import { endPromptly } from '../prompt-end.ts';

/** A change of a cluster. `member` has the seat now, `former` had it before. */
export type ClusterEvent =
  /** A member has taken an empty seat. */
  | { readonly type: 'joined'; readonly member: ClusterMember }
  /** A member has another token: new end points, labels or keys, or another verdict on it. */
  | { readonly type: 'moved'; readonly member: ClusterMember; readonly former: ClusterMember }
  /** Another member has taken the seat (R14). */
  | { readonly type: 'replaced'; readonly member: ClusterMember; readonly former: ClusterMember }
  /** The seat is empty: its member has left, was evicted, or did not confirm. */
  | { readonly type: 'left'; readonly former: ClusterMember }
  /** Each seat is taken. */
  | { readonly type: 'full'; readonly size: number }
  /** Every member has confirmed, or the cluster is full where none has to (Q2). `epoch` is undefined in RSA dialects. */
  | { readonly type: 'complete'; readonly epoch: number | undefined }
  /** The session was lost. Members and end points may be out of date until `reconnected`. */
  | { readonly type: 'disconnected'; readonly address: string; readonly error: Error }
  /** Another session tells the cluster. */
  | { readonly type: 'reconnected'; readonly address: string };

/** A cluster at one moment. */
export interface ClusterState {
  /** Hex, 40 or 64 digits. */
  readonly clusterId: string;
  /** Undefined if an older registry does not tell it. */
  readonly size: number | undefined;
  /** By ascending index. */
  readonly members: readonly ClusterMember[];
  /** True if each seat is taken. */
  readonly full: boolean;
  /** Never false again for the same cluster (Q2). */
  readonly complete: boolean;
  /** 0 until the cluster is complete (Q2). Undefined in the RSA dialects. */
  readonly epoch: number | undefined;
  /** The round that its members confirm, 16 hex digits; undefined if there is none. */
  readonly round?: string | undefined;
  /** Bits of the seats that have confirmed the open round; undefined if there is none. */
  readonly confirmed: bigint | undefined;
  /** Address of the present or last session. */
  readonly address: string;
  /** The failure of the last session; undefined while there is one. */
  readonly lost: Error | undefined;
}

/**
 * Returns the events that lead from one state to another: `reconnected`, then seats by ascending index, `full`,
 * `complete`, `disconnected`. At most 67.
 */
export function eventsBetween(before: ClusterState, after: ClusterState): ClusterEvent[] {
  const { address, epoch, size, lost } = after;
  const isNew = before.clusterId !== after.clusterId;
  return [
    ...(before.lost && !lost ? [{ type: 'reconnected', address } as const] : []),
    ...seatEvents(before.members, after.members),
    ...(after.full && !before.full ? [{ type: 'full', size: size! } as const] : []),
    ...(after.complete && (isNew || !before.complete) ? [{ type: 'complete', epoch } as const] : []),
    ...(lost && !before.lost ? [{ type: 'disconnected', address, error: lost } as const] : []),
  ];
}

function seatEvents(before: readonly ClusterMember[], after: readonly ClusterMember[]): ClusterEvent[] {
  const former = new Map(before.map((member) => [member.index, member]));
  const present = new Map(after.map((member) => [member.index, member]));
  const indexes = [...new Set([...former.keys(), ...present.keys()])].sort((one, other) => one - other);
  return indexes.flatMap((index): ClusterEvent[] => {
    const [was, member] = [former.get(index), present.get(index)];
    if (!member) return [{ type: 'left', former: was! }];
    if (!was) return [{ type: 'joined', member }];
    if (was.id !== member.id) return [{ type: 'replaced', member, former: was }];
    return isSameMember(was, member) ? [] : [{ type: 'moved', member, former: was }];
  });
}

const CHANGED = 'changed';

/** Gives the latest state of a cluster to its readers. UNBOUNDED in readers, which the caller makes. */
export class ClusterFeed {
  readonly #emitter = new EventEmitter();
  #state: ClusterState | undefined;
  #end: { readonly error: unknown } | undefined;

  constructor() {
    setMaxListeners(0, this.#emitter);
  }

  /** The latest state; undefined before the first roster. */
  get state(): ClusterState | undefined {
    return this.#state;
  }

  /** True once no further state comes. */
  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** The failure that ended the feed. */
  get error(): unknown {
    return this.#end?.error;
  }

  publish(state: ClusterState): void {
    if (this.#end) return;
    this.#state = state;
    this.#emitter.emit(CHANGED);
  }

  /** Ends the feed: readers get what they have not yet told, then the error if there is one. The first end counts. */
  end(error?: unknown): void {
    this.#end ??= { error };
    this.#emitter.emit(CHANGED);
  }

  /** Resolves to the first state that the condition holds for. Rejects with the feed's error or the signal's reason. */
  async until(holds: (state: ClusterState) => boolean, signal: AbortSignal): Promise<ClusterState> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#state && holds(this.#state)) return this.#state;
      if (this.#end) throw this.#end.error;
      await this.#changed(signal);
    }
  }

  /** Tells each change from now on. Ends with the feed, or with the signal's reason. */
  events(signal: AbortSignal | undefined): AsyncGenerator<ClusterEvent, void, void> {
    const told = this.#state;
    return endPromptly(signal, (signal) => this.#eventsSince(told!, signal));
  }

  async *#eventsSince(told: ClusterState, signal: AbortSignal): AsyncGenerator<ClusterEvent, void, void> {
    for (let last = told; ; ) {
      signal.throwIfAborted();
      const state = this.#state!;
      if (state !== last) {
        const events = eventsBetween(last, state);
        last = state;
        yield* events;
        continue;
      }
      if (this.#end?.error !== undefined) throw this.#end.error;
      if (this.#end) return;
      await this.#changed(signal);
    }
  }

  async #changed(signal: AbortSignal): Promise<void> {
    try {
      await once(this.#emitter, CHANGED, { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  }
}
