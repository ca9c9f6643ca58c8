// Which end points the clients have that are connected: to notice one ID in two places, as after a machine was cloned with
// its member home. Invariant: there is an entry for each client with an identified session, so connections bound them.

/** The sessions of one client with the same end points. */
export interface Placement {
  readonly clientId: string;
  /** A digest of the end points. */
  readonly ends: number;
  /** How many sessions there are with them. */
  sessions: number;
  /** The same client with other end points, registered later. */
  replacedBy: Placement | undefined;
  /** Whether it was seen in two places. */
  twin: boolean;
}

export class LiveClients {
  /** BOUNDED by the connections: each client's latest placement. */
  readonly #latest = new Map<string, Placement>();
  readonly #onTwin: (clientId: string) => void;

  /** `onTwin` is called once for each placement that turns out to have a twin. */
  constructor(onTwin: (clientId: string) => void) {
    this.#onTwin = onTwin;
  }

  /** A session has identified itself; `ended` is to be called with the placement. */
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
   * A session whose placement was replaced has sent a message: it is in use still. A session that is merely open is not
   * enough, since a client that moves may leave one behind.
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

  /** Whether a client is connected from two places. */
  hasTwin(clientId: string): boolean {
    return this.#latest.get(clientId)?.twin ?? false;
  }
}
