// The Cluster that joinCluster() returns: what a member sees of its cluster, and what it can do in it.

import { type InspectOptions, inspect } from 'node:util';
import { TOKEN_END_POINTS_MAX } from '../../limits.ts';
import type { SessionDialect } from '../../wire/hello.ts';
import type { ClusterMember } from '../cluster.ts';
import { parseEndPoint } from '../end-point.ts';
import { rosterJson } from '../roster-json.ts';
import { ClusterClosed, type Missing, missingIn } from './cluster-errors.ts';
import type { ClusterEvent, ClusterState } from './cluster-events.ts';
import type { Membership } from './membership.ts';

/** Throws TypeError unless these can be the end points of a member. */
export function assertEndPoints(endPoints: readonly string[]): void {
  if (endPoints.length === 0 || endPoints.length > TOKEN_END_POINTS_MAX) {
    throw new TypeError(`a member of a cluster has 1 to ${TOKEN_END_POINTS_MAX} end points`);
  }
  endPoints.forEach(parseEndPoint);
}

/**
 * A cluster that this process is a member of. It is kept up to date, and the membership kept up, until close(): after a
 * lost session, a restart, restore or move of the registry it reconnects and joins again, for as long as it takes. An
 * open Cluster keeps the process alive.
 *
 * A failure that no retry can change ends it, such as an eviction (MEMBERSHIP_LOST) or a registry with other keys
 * (REGISTRY_CHANGED). Readers of changes() then get the error, and so do later calls.
 */
export class Cluster {
  /** The cluster's name. */
  readonly name: string;
  readonly #membership: Membership;
  readonly #dialect: SessionDialect;
  readonly #expected: readonly string[];

  /** For joinCluster(), which makes each Cluster. */
  constructor(name: string, membership: Membership, dialect: SessionDialect, expected: readonly string[]) {
    this.name = name;
    this.#membership = membership;
    this.#dialect = dialect;
    this.#expected = expected;
  }

  /** The cluster's ID, hex. It changes only if the registry has lost the cluster, and it was created again. */
  get id(): string {
    return this.#state.clusterId;
  }

  /** Number of seats, 2 to 64; undefined if an older registry does not tell. */
  get size(): number | undefined {
    return this.#state.size;
  }

  /** True once every member has confirmed, or in an RSA dialect once the cluster has been full. It stays true. */
  get complete(): boolean {
    return this.#state.complete;
  }

  /** False while no session tells the cluster: members() are then those of the last one. */
  get connected(): boolean {
    return this.#state.lost === undefined && !this.#membership.feed.ended;
  }

  /** The failure that has ended this Cluster; undefined while it is open, and after close() or leave(). */
  get error(): unknown {
    return this.#membership.feed.error;
  }

  /** The own entry in the roster: index, ID, and the end points that others see. */
  get self(): ClusterMember {
    return this.#membership.self!;
  }

  /** The members, by ascending index: 64 at most. */
  members(): readonly ClusterMember[] {
    return this.#state.members;
  }

  /** Returns the member of this name; undefined if there is none. */
  get(name: string): ClusterMember | undefined {
    return this.#state.members.find((member) => member.name === name);
  }

  /** Returns what the cluster lacks: seats, expected names, confirmations. */
  missing(): Missing {
    return missingIn(this.#state, this.#expected);
  }

  /**
   * Tells each change from this call on, also after completion. A reader that falls behind gets the difference between
   * what it was told and the present cluster: it skips changes that were undone meanwhile, and its backlog is bounded
   * by 67 events. Ends with close(), leave() or the loop's own end; rejects with the error that ends the Cluster, or with
   * the signal's reason.
   *
   * @example
   * for await (const event of cluster.changes()) {
   *   if (event.type === 'moved') console.log(event.member.name, event.member.endPoints);
   * }
   */
  changes({ signal }: { readonly signal?: AbortSignal | undefined } = {}): AsyncGenerator<ClusterEvent, void, void> {
    return this.#membership.feed.events(signal);
  }

  /**
   * Changes the own end points, 1 to 4 of `HOST:PORT` or `auto:PORT`. Resolves when the registry has stored them; the
   * event `moved` follows. The registry allows a move a second (W1), and this waits its turn. Calls are served in order.
   * Throws TypeError for an invalid end point; rejects with ClusterClosed once closed.
   */
  async move(endPoints: readonly string[]): Promise<void> {
    assertEndPoints(endPoints);
    await this.#membership.move(endPoints);
  }

  /**
   * Gives the own seat back (A8), then closes. A later joinCluster() takes any free seat. Rejects with TypeError in an RSA
   * dialect, which has no Leave, with ClusterClosed once closed.
   */
  async leave(): Promise<void> {
    if (this.#dialect !== 'sealed') throw new TypeError(`the dialect ${this.#dialect} has no Leave; sealed has`);
    await this.#membership.leave();
    await this.close();
  }

  /**
   * Ends the sessions, changes() and pending calls, and unlocks the identity store. The member keeps its seat. Never
   * rejects.
   */
  async close(): Promise<void> {
    await this.#membership.end(new ClusterClosed());
  }

  /** For `await using`: closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** For JSON.stringify: the object of `xlreg members --json`. */
  toJSON(): object {
    return rosterJson({ ...this.#state, cluster: this.name });
  }

  /** For console.log: how far the cluster is, with the names of its members. */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    const { name, size, complete, connected, error } = this;
    const state = { name, complete, epoch: this.#state.epoch, size, connected, ...(error !== undefined && { error }) };
    const members = this.members().map((member) => member.name);
    return `Cluster ${inspect({ ...state, self: this.self.name, members }, options)}`;
  }

  get #state(): ClusterState {
    return this.#membership.feed.state!;
  }
}
