// A watch that outlives the server it began with: when that is gone it goes on in a session with another one. A watching
// member that a later session does not find on the roster joins again, as after a restore of the registry; one that has
// seen itself leave does not.
import type { ClusterMember, ClusterProperties, ClusterRef, Roster } from './cluster.ts';
import { untilAborted } from './deadline.ts';
import { mayPass, NoLongerMember, RegistryRefused } from './errors.ts';
import { endPromptly } from './prompt-end.ts';
import type { RegistrySession } from './registry-session.ts';
import { retry } from './retry.ts';
import { OwnSeat, type WatchOptions, watchMembers } from './watch-members.ts';

/** How to watch, and how long to look for another server. */
export interface WatchClusterOptions extends WatchOptions {
  /** Milliseconds without any reply after which the watch gives up, default 30,000; Infinity: it does not. */
  readonly reopenMs?: number | undefined;
  /** Told of the session that was lost, and why, before another is opened. */
  readonly onLost?: ((address: string, why: Error) => void) | undefined;
  /** Told of each failure to get a reply in another session, before the next attempt. */
  readonly onRetry?: ((why: Error) => void) | undefined;
  /** Whether to wait, reopenMs at most, for a cluster that is not there. Default false: its refusal ends the watch. */
  readonly awaitCluster?: boolean | undefined;
  /**
   * With memberId: joins again in a session that was opened anew and whose roster lacks the ID. Without it such a
   * roster ends the watch with NoLongerMember, and so does a refusal to join.
   */
  readonly rejoin?: ((session: RegistrySession) => Promise<ClusterProperties>) | undefined;
}

const REOPEN_MS = 30_000;

/** Makes a session that has identified itself; aborted, the signal ends it and the making of it. */
export type OpenSession = (signal: AbortSignal | undefined) => Promise<RegistrySession>;

/**
 * Yields the members of a cluster as RegistrySession.members() does, in a session that has identified itself. `open` makes
 * another such session with the same registry, under the same ID; it is called when the one before was lost, also to a
 * server that stops (S7) or cannot store (E5). Rejects with the last failure when there was no reply for reopenMs, and at
 * once with an error that is about the question. Sessions that it opened are closed at its end; the first one is the
 * caller's.
 */
export function watchCluster(
  first: RegistrySession,
  cluster: ClusterRef,
  open: OpenSession,
  options: WatchClusterOptions = {},
): AsyncGenerator<ClusterMember, void, void> {
  return endPromptly(options.signal, async function* (signal) {
    const { memberId } = options;
    const own = memberId === undefined ? undefined : new OwnSeat(memberId);
    const sessions = new WatchSessions(first, cluster, open, { ...options, signal }, own);
    try {
      yield* watchMembers((which) => sessions.ask(which), { ...options, signal }, own);
    } finally {
      await sessions.end();
    }
  });
}

/** The sessions of one watch, one at a time. */
class WatchSessions {
  readonly #first: RegistrySession;
  readonly #open: OpenSession;
  readonly #options: WatchClusterOptions;
  readonly #own: OwnSeat | undefined;
  #session: RegistrySession;
  #cluster: ClusterRef;
  /** Whether the registry knows the cluster under that ID, as far as it has said. */
  #known = true;
  #over = false;

  constructor(
    first: RegistrySession,
    cluster: ClusterRef,
    open: OpenSession,
    options: WatchClusterOptions,
    own: OwnSeat | undefined,
  ) {
    this.#first = first;
    this.#session = first;
    this.#cluster = cluster;
    this.#open = open;
    this.#options = options;
    this.#own = own;
  }

  /** One GetCluster, in another session if this one has ended. */
  async ask(which: bigint): Promise<Roster> {
    try {
      return await untilAborted(this.#session.cluster(this.#cluster, which), this.#options.signal);
    } catch (error) {
      if (this.#own && isClusterUnknown(error)) throw new NoLongerMember('the cluster is gone', { cause: error });
      if (!this.#mayPass(error)) throw error;
      const { signal, reopenMs = REOPEN_MS, onLost, onRetry } = this.#options;
      onLost?.(this.#session.address, error as Error);
      const mayPass = (error: unknown) => this.#mayPass(error);
      return await retry(() => this.#askAnew(which), { signal, forMs: reopenMs, mayPass, onRetry, after: error });
    }
  }

  /** Closes what was opened here; says goodbye unless the watch was ended from outside. */
  async end(): Promise<void> {
    this.#over = true;
    if (this.#session === this.#first) return;
    if (this.#options.signal?.aborted) this.#session.close();
    else await this.#session[Symbol.asyncDispose]();
  }

  async #askAnew(which: bigint): Promise<Roster> {
    const session = await this.#open(this.#options.signal);
    if (this.#session !== this.#first) this.#session.close();
    this.#session = session;
    if (this.#over) session.close();
    if (this.#own) await this.#assureMembership(session, this.#own);
    return await session.cluster(this.#cluster, which);
  }

  async #assureMembership(session: RegistrySession, own: OwnSeat): Promise<void> {
    if (this.#known) {
      try {
        if (own.see((await session.cluster(this.#cluster)).members)) return;
      } catch (error) {
        // The refusal ends the session: the next one joins without a look.
        if (isClusterUnknown(error)) this.#known = false;
        throw error;
      }
    }
    const { rejoin } = this.#options;
    if (!rejoin) throw new NoLongerMember('another session does not find it on the roster');
    try {
      const { clusterId } = await rejoin(session);
      this.#cluster = { id: clusterId };
      this.#known = true;
      own.joinedAgain();
    } catch (error) {
      if (!(error instanceof RegistryRefused) || this.#mayPass(error)) throw error;
      throw new NoLongerMember(`it could not join again: ${error.message}`, { cause: error });
    }
  }

  #mayPass(error: unknown): boolean {
    const { awaitCluster = false, rejoin } = this.#options;
    return mayPass(error) || (isClusterUnknown(error) && (awaitCluster || rejoin !== undefined));
  }
}

function isClusterUnknown(error: unknown): boolean {
  return error instanceof RegistryRefused && error.clusterUnknown;
}
