// Front end, sequential: the end points of connected clients. They reveal one ID in use in two places, as after a
// machine was cloned with its member home. Invariant: each client with an identified session has one entry, so the
// number of connections bounds the entries.

/** The open sessions of one client with the same end points. */
export interface Placement {
  readonly clientId: string;
  /** A digest of the end points. */
  readonly ends: number;
  /** Number of open sessions with these end points. */
  sessions: number;
  /** The placement of the same client that was registered later with other end points. */
  replacedBy: Placement | undefined;
  /** True if the client was seen in two places. */
  twin: boolean;
}

export class LiveClients {
  /** BOUNDED by the connections: the latest placement of each client. */
  readonly #latest = new Map<string, Placement>();
  readonly #onTwin: (clientId: string) => void;

  /** `onTwin` is called once for each placement that turns out to have a twin. */
  constructor(onTwin: (clientId: string) => void) {
    this.#onTwin = onTwin;
  }

  /** Records that a session has identified itself. The caller must pass the placement to `ended` later. */
  identified(clientId: string, ends: number): Placement {
    const latest = this.#latest.get(clientId);
    if (latest?.ends === ends) {
      latest.sessions += 1;
      return latest;
    }
    const placement: Placement = { clientId, ends, sessions: 1, replacedBy: undefined, twin: false };
    if (latest) latest.replacedBy = placement;
    this.#latest.set(clientId, placement);
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

  ended(placement: Placement): void {
    placement.sessions -= 1;
    const { clientId, sessions } = placement;
    if (sessions === 0 && this.#latest.get(clientId) === placement) this.#latest.delete(clientId);
  }

  /** Returns whether a client is connected from two places. */
  hasTwin(clientId: string): boolean {
    return this.#latest.get(clientId)?.twin ?? false;
  }
}
