// Main thread, sequential: the end points of connected clients. They reveal one ID in use in two places, as after a
// machine was cloned with its member home. Invariant: a client's placements with open sessions form a list, the
// latest last, so the number of connections bounds them.
import { LEFT_CLIENTS_MAX } from '../limits.ts';

/** A placement as its sessions use it. */
export interface SessionPlacement {
  /** Set if a later session of the client has other end points. */
  readonly replacedBy: unknown;
}

/** The end points of connected clients, as the sessions report them. */
export interface ClientPlacements {
  /** Records that a session has identified itself. `ended` must follow. */
  identified(clientId: string, ends: number, address?: string): SessionPlacement;
  /** Records a message on a session whose placement was replaced. */
  active(placement: SessionPlacement): void;
  /** Records that a session of a placement has ended. */
  ended(placement: SessionPlacement): void;
}

/** The open sessions of one client with the same end points. */
export interface Placement extends SessionPlacement {
  readonly clientId: string;
  /** A digest of the end points. */
  readonly ends: number;
  /** Number of open sessions with these end points. */
  sessions: number;
  /** The next older and the next newer placement of the same client. */
  replaces: Placement | undefined;
  replacedBy: Placement | undefined;
  /** True if the client was seen in two places. */
  twin: boolean;
  /** Address of the session that identified itself last. */
  address: string | undefined;
}

export class LiveClients implements ClientPlacements {
  /** BOUNDED by the connections: the latest placement of each client. */
  readonly #latest = new Map<string, Placement>();
  /** BOUNDED by LEFT_CLIENTS_MAX: addresses of clients without a session, the longest gone first. */
  readonly #left = new Map<string, string>();
  readonly #onTwin: (clientId: string) => void;
  readonly #onReplaced: (clientId: string, ends: number) => void;

  /**
   * `onTwin` is called once for each pair of successive placements that are both in use. `onReplaced` is called when
   * the client's placements are replaced by one with other end points, for front ends that keep their own copies.
   */
  constructor(onTwin: (clientId: string) => void, onReplaced: (clientId: string, ends: number) => void = () => {}) {
    this.#onTwin = onTwin;
    this.#onReplaced = onReplaced;
  }

  /** Records that a session has identified itself. The caller must pass the placement to `ended` later. */
  identified(clientId: string, ends: number, address?: string): Placement {
    const latest = this.#latest.get(clientId);
    if (latest?.ends === ends) {
      latest.sessions += 1;
      latest.address = address;
      return latest;
    }
    const placement: Placement = {
      clientId,
      ends,
      sessions: 1,
      address,
      twin: false,
      replaces: latest,
      replacedBy: undefined,
    };
    if (latest) latest.replacedBy = placement;
    this.#latest.set(clientId, placement);
    if (latest) this.#onReplaced(clientId, ends);
    return placement;
  }

  /**
   * Records a message on a session whose placement was replaced: both places are in use. An open session alone proves
   * nothing, since a client that moves may leave one behind.
   */
  active(placement: Placement): void {
    if (placement.twin && placement.replacedBy!.twin) return;
    placement.twin = true;
    placement.replacedBy!.twin = true;
    this.#onTwin(placement.clientId);
  }

  /** Records that a session of a placement has ended. A client that is left in one place has no twin any more. */
  ended(placement: Placement): void {
    placement.sessions -= 1;
    if (placement.sessions > 0) return;
    const { clientId, replaces, replacedBy } = placement;
    if (replaces) replaces.replacedBy = replacedBy;
    if (replacedBy) replacedBy.replaces = replaces;
    else if (replaces) this.#latest.set(clientId, replaces);
    else this.#leave(placement);
    const latest = this.#latest.get(clientId);
    if (latest && latest.replaces === undefined) latest.twin = false;
  }

  /** The last address of a client, if it is connected or among the LEFT_CLIENTS_MAX that left last. */
  addressOf(clientId: string): string | undefined {
    return this.#latest.get(clientId)?.address ?? this.#left.get(clientId);
  }

  /** The audit log learns of a client's commands only after a moment, when its session may be over. */
  #leave({ clientId, address }: Placement): void {
    this.#latest.delete(clientId);
    if (address === undefined) return;
    this.#left.delete(clientId);
    this.#left.set(clientId, address);
    if (this.#left.size <= LEFT_CLIENTS_MAX) return;
    const [oldest] = this.#left.keys();
    this.#left.delete(oldest!);
  }

  /** Returns whether a client has an open session. */
  isConnected(clientId: string): boolean {
    return this.#latest.has(clientId);
  }

  /** Returns whether a client is connected from two places. */
  hasTwin(clientId: string): boolean {
    return this.#latest.get(clientId)?.twin ?? false;
  }
}
