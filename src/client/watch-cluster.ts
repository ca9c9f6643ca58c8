// A watch that survives the loss of its server: it continues in a session with another server. A watching member that a
// later session does not find on the roster joins again, as after a restore of the registry. A member that has seen
// itself leave does not.
import type { ClusterProperties, ClusterRef, Roster } from './cluster.ts';
import { untilAborted } from './deadline.ts';
import { mayPass, NoLongerMember, RegistryRefused } from './errors.ts';
import { endPromptly } from './prompt-end.ts';
import type { RegistrySession } from './registry-session.ts';
import { retry } from './retry.ts';
import type { ChangesRequest, RosterChanges } from './roster-changes.ts';
import { replacedBy, SEAT_EXPIRED } from './seats.ts';
import { type MemberWatch, membersOf, type WatchSource, watch } from './watch.ts';
import { OwnSeat, type WatchedRoster, type WatchOptions } from './watch-members.ts';

/** Options of a watch with failover. */
export interface WatchClusterOptions extends WatchOptions {
  /** Milliseconds without a reply after which the watch gives up; default 30,000. Infinity: never. */
  readonly reopenMs?: number | undefined;
  /** Receives the address of a lost session, and the reason, before another session is opened. */
  readonly onLost?: ((address: string, why: Error) => void) | undefined;
  /** Receives each failed attempt to get a reply in another session, before the next attempt. */
  readonly onRetry?: ((why: Error) => void) | undefined;
  /** With `true` the watch waits for a missing cluster, up to reopenMs. Default false: the refusal ends the watch. */
  readonly awaitCluster?: boolean | undefined;
  /**
   * With memberId: joins again in a new session whose roster lacks the ID. Without this option such a roster ends the
   * watch with NoLongerMember. A refused Join ends it likewise.
   */
  readonly rejoin?: ((session: RegistrySession) => Promise<ClusterProperties>) | undefined;
  /**
   * With `true` and rejoin, joins again in each new session, also with a roster that has the ID: a restored registry may
   * have an older statement of this member, and its address may have changed. Default false.
   */
  readonly rejoinAlways?: boolean | undefined;
}

const REOPEN_MS = 30_000;

/** Opens an identified session. An aborted signal ends the session, or the attempt to open it. */
export type OpenSession = (signal: AbortSignal | undefined) => Promise<RegistrySession>;

/**
 * Yields members as RegistrySession.members() does. `first` is an identified session. `open` opens another one, with
 * the same registry and the same ID. It is called when a session is lost, and when a server stops (S7) or cannot store
 * (E5).
 * Rejects with the last failure after reopenMs without a reply. Rejects at once with an error about the request itself.
 * Closes the sessions that it opened; the caller closes `first`.
 *
 * @example
 * ```ts
 * const open = async (signal?: AbortSignal) => {
 *   const again = await connect(regCred, { signal });
 *   await again.identify(member);
 *   return again;
 * };
 * for await (const { index, name } of watchCluster(session, 'demo', open)) console.log(index, name);
 * ```
 */
export function watchCluster(
  first: RegistrySession,
  cluster: ClusterRef,
  open: OpenSession,
  options: WatchClusterOptions = {},
): MemberWatch {
  return endPromptly(options.signal, (signal) => membersOf(watchRosters(first, cluster, open, { ...options, signal })));
}

/** Yields the roster after each reply, in whichever session; like watchCluster() otherwise. */
export function watchRosters(
  first: RegistrySession,
  cluster: ClusterRef,
  open: OpenSession,
  options: WatchClusterOptions,
): AsyncGenerator<WatchedRoster, void, void> {
  return endPromptly(options.signal, async function* (signal) {
    const { memberId } = options;
    const own = memberId === undefined ? undefined : new OwnSeat(memberId);
    const sessions = new WatchSessions(first, cluster, open, { ...options, signal }, own);
    try {
      yield* watch(sessions, { ...options, signal }, own);
    } finally {
      await sessions.end();
    }
  });
}

/** Sends a request; `isFirst` is false where the session may know other versions. */
type Send<T> = (session: RegistrySession, isFirst: boolean) => Promise<T>;

/** The sessions of one watch; one is open at a time. */
class WatchSessions implements WatchSource {
  readonly #first: RegistrySession;
  readonly #open: OpenSession;
  readonly #options: WatchClusterOptions;
  readonly #own: OwnSeat | undefined;
  #session: RegistrySession;
  #cluster: ClusterRef;
  /** False once the registry has refused the cluster's ID. */
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

  get isSealed(): boolean {
    return this.#first.dialect === 'sealed';
  }

  get maxWaitMs(): number {
    return this.#session.maxWaitMs;
  }

  cluster(which: bigint): Promise<Roster> {
    return this.#ask((session) => session.cluster(this.#cluster, which));
  }

  /** In another session the answer has everything: another server knows other versions, if any. */
  changes(request: ChangesRequest): Promise<RosterChanges> {
    return this.#ask((session, isFirst) => {
      return session.changes(this.#cluster, isFirst ? request : { ...request, known: undefined, waitMs: 0 });
    });
  }

  /** Sends one request; opens another session if the current one is lost. */
  async #ask<T extends { readonly yourSeat?: number | undefined }>(send: Send<T>): Promise<T> {
    try {
      return await untilAborted(this.#askNow(send), this.#options.signal);
    } catch (error) {
      if (this.#own && isClusterUnknown(error)) throw new NoLongerMember('the cluster is gone', { cause: error });
      const replaced = this.#own && replacedBy(error);
      if (replaced) throw replaced;
      if (!this.#mayPass(error)) throw error;
      const { signal, reopenMs = REOPEN_MS, onLost, onRetry } = this.#options;
      onLost?.(this.#session.address, error as Error);
      const mayPass = (error: unknown) => this.#mayPass(error);
      return await retry(() => this.#reopen((session) => send(session, false)), {
        signal,
        forMs: reopenMs,
        mayPass,
        onRetry,
        after: error,
      });
    }
  }

  /** A member whose round has passed without it joins again at once, with the same key (V4). */
  async #askNow<T extends { readonly yourSeat?: number | undefined }>(send: Send<T>): Promise<T> {
    const reply = await send(this.#session, true);
    const { rejoin } = this.#options;
    if (reply.yourSeat !== SEAT_EXPIRED || !this.#own || !rejoin) return reply;
    await rejoin(this.#session);
    this.#own.joinedAgain();
    return await send(this.#session, false);
  }

  /** Closes the session that the watch opened. Sends Bye unless the watch was aborted. */
  async end(): Promise<void> {
    this.#over = true;
    if (this.#session === this.#first) return;
    if (this.#options.signal?.aborted) this.#session.close();
    else await this.#session[Symbol.asyncDispose]();
  }

  async #reopen<T>(send: (session: RegistrySession) => Promise<T>): Promise<T> {
    const session = await this.#open(this.#options.signal);
    if (this.#session !== this.#first) this.#session.close();
    this.#session = session;
    if (this.#over) session.close();
    if (this.#own) await this.#assureMembership(session, this.#own);
    return await send(session);
  }

  async #assureMembership(session: RegistrySession, own: OwnSeat): Promise<void> {
    const { rejoin, rejoinAlways = false } = this.#options;
    if (this.#known && !(rejoin && rejoinAlways)) {
      try {
        if (own.see((await session.cluster(this.#cluster)).members)) return;
      } catch (error) {
        // The refusal has ended the session. The next session joins without asking for the roster.
        if (isClusterUnknown(error)) this.#known = false;
        throw error;
      }
    }
    if (!rejoin) throw new NoLongerMember('another session did not find it on the roster');
    try {
      const { clusterId } = await rejoin(session);
      this.#cluster = { id: clusterId };
      this.#known = true;
      own.joinedAgain();
    } catch (error) {
      if (!(error instanceof RegistryRefused) || this.#mayPass(error)) throw error;
      throw replacedBy(error) ?? new NoLongerMember(`it could not join again: ${error.message}`, { cause: error });
    }
  }

  #mayPass(error: unknown): boolean {
    const { awaitCluster = false, rejoin } = this.#options;
    return isClusterUnknown(error) ? awaitCluster || rejoin !== undefined : mayPass(error);
  }
}

function isClusterUnknown(error: unknown): boolean {
  return error instanceof RegistryRefused && error.clusterUnknown;
}
