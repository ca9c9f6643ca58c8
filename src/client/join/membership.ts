// A membership that is kept up: joins, follows the cluster, comes back after each lost session, moves and leaves.
// Invariant: one identification at a time, so the seat gets the end points of the last move.
import { setMaxListeners } from 'node:events';
import type { RegCred } from '../../wire/reg-cred.ts';
import { type BegunSession, beginSession } from '../begin-session.ts';
import type { ClusterMember, ClusterProperties } from '../cluster.ts';
import { mayPass, NoLongerMember } from '../errors.ts';
import type { Labels, Member } from '../member.ts';
import type { RegistrySession } from '../registry-session.ts';
import { retry } from '../retry.ts';
import { watchRosters } from '../watch-cluster.ts';
import type { WatchedRoster } from '../watch-members.ts';
import { ClusterFeed } from './cluster-events.ts';
import { assertRegistry, type ClusterToJoin, createAndJoin, identifyAndKeep } from './enter.ts';
import type { OpenIdentity } from './identity-store.ts';
import type { RegistryAccess } from './registry-access.ts';

/** The membership to keep up. */
export interface MembershipOptions extends Pick<ClusterToJoin, 'cluster' | 'spec'> {
  readonly endPoints: readonly string[];
  readonly labels: Labels;
  readonly onRetry: ((why: Error) => void) | undefined;
}

export class Membership {
  readonly feed = new ClusterFeed();
  readonly #access: RegistryAccess;
  readonly #options: MembershipOptions;
  /** Ends every session and wait. */
  readonly #life = new AbortController();
  #identity: OpenIdentity | undefined;
  /** The member as it should be: its end points may be `auto:` ones. */
  #member: Member | undefined;
  /** The own entry of the last roster that had it. */
  #self: ClusterMember | undefined;
  #address = '';
  /** The failure of the last attempt. */
  #failure: Error | undefined;
  #leaving = false;
  /** Settles after the identification under way. Never rejects. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Settles after the moves before. Never rejects. */
  #moved: Promise<unknown> = Promise.resolve();
  /** Settles when the watch has ended. Never rejects. */
  #watched: Promise<void> = Promise.resolve();

  #ended: Promise<void> | undefined;
  /** Receives each failure that another attempt follows. */
  readonly #onRetry = (why: Error): void => {
    this.#lost(why);
    this.#options.onRetry?.(why);
  };

  constructor(access: RegistryAccess, options: MembershipOptions) {
    this.#access = access;
    this.#options = options;
    // Each request in flight listens for the end.
    setMaxListeners(0, this.#life.signal);
  }

  get signal(): AbortSignal {
    return this.#life.signal;
  }

  get self(): ClusterMember | undefined {
    return this.#self;
  }

  /** The last failure, if no session has succeeded since. */
  get failure(): Error | undefined {
    return this.feed.state ? this.feed.state.lost : this.#failure;
  }

  /** Joins, and then follows the cluster until the end. Rejects with the first failure that no retry may change. */
  async begin(open: (signal: AbortSignal) => Promise<OpenIdentity>): Promise<void> {
    const { signal } = this;
    this.#identity = await open(signal);
    const { endPoints, labels } = this.#options;
    this.#member = { ...this.#identity.member, endPoints, labels };
    const { session, begun } = await retry(() => this.#enter(this.#member!), {
      ...{ signal, mayPass, onRetry: this.#onRetry },
    });
    this.#address = session.address;
    this.#watched = this.#watch(session, begun.clusterId);
  }

  /** Presents other end points and joins again, so that the seat has them. */
  move(endPoints: readonly string[]): Promise<void> {
    const moved = this.#moved.then(async () => {
      this.signal.throwIfAborted();
      await this.#retry(async () => {
        const { session } = await this.#enter({ ...this.#member!, endPoints });
        this.#member = { ...this.#member!, endPoints };
        session.close();
      });
    });
    this.#moved = moved.catch(() => {});
    return moved;
  }

  /** Gives the seat back. The watch sees it, and ends without an error. */
  async leave(): Promise<void> {
    this.signal.throwIfAborted();
    this.#leaving = true;
    try {
      await this.#retry(async () => {
        const clusterId = this.feed.state!.clusterId;
        const { session } = await this.#begin(this.#member!, (session) => session.leave({ id: clusterId }));
        session.close();
      });
    } catch (error) {
      this.#leaving = false;
      throw error;
    }
  }

  /**
   * Ends everything; readers end with `error` if there is one. `why` ends pending calls. The store is free when this
   * resolves, and not before the last write to it. Idempotent; the first call counts.
   */
  end(why: unknown, error?: unknown): Promise<void> {
    this.feed.end(error);
    this.#life.abort(why);
    this.#ended ??= Promise.all([this.#watched, this.#turn]).then(() => this.#identity?.release());
    return this.#ended;
  }

  async #watch(first: RegistrySession, clusterId: string): Promise<void> {
    const rosters = watchRosters(first, { id: clusterId }, () => this.#reopen(), {
      ...{ signal: this.signal, memberId: this.#member!.id, follow: true },
      ...{ rejoin: (session: RegistrySession) => this.#join(session), rejoinAlways: true },
      reopenMs: Number.POSITIVE_INFINITY,
      onLost: (_address, why) => this.#lost(why),
      onRetry: this.#onRetry,
    });
    try {
      for await (const roster of rosters) this.#publish(roster);
    } catch (error) {
      const left = this.#leaving && error instanceof NoLongerMember;
      this.feed.end(this.signal.aborted || left ? undefined : error);
      if (!this.signal.aborted && !left) queueMicrotask(() => void this.end(error, error));
    }
  }

  #publish({ clusterId, size, members, settled, epoch, round, confirmed }: WatchedRoster): void {
    const before = this.feed.state;
    this.#self = members.find(({ id }) => id === this.#member!.id) ?? this.#self;
    this.feed.publish({
      ...{ clusterId, size, members, epoch, address: this.#address, lost: undefined },
      full: size !== undefined && members.length >= size,
      complete: settled || (before?.clusterId === clusterId && before.complete),
      ...{ round, confirmed: round === undefined ? undefined : confirmed },
    });
  }

  #lost(why: Error): void {
    this.#failure = why;
    const { state } = this.feed;
    if (state) this.feed.publish({ ...state, lost: why });
  }

  async #reopen(): Promise<RegistrySession> {
    const { session } = await this.#begin(this.#member!, async () => {});
    this.#address = session.address;
    return session;
  }

  /** Opens a session of this member and joins. */
  #enter(member: Member): Promise<BegunSession<ClusterProperties>> {
    return this.#begin(member, (session) => this.#join(session));
  }

  #join(session: RegistrySession): Promise<ClusterProperties> {
    return createAndJoin(session, this.#options);
  }

  /** Opens a session, identifies the member, keeps what has changed of it, and runs `work`; one at a time. */
  #begin<T>(member: Member, work: (session: RegistrySession) => Promise<T>): Promise<BegunSession<T>> {
    const begun = this.#turn.then(async () => {
      const regCred = await this.#access.credentials(this.signal);
      assertRegistry(this.#member!, regCred, 'the identity store');
      const options = this.#access.connectOptions(regCred, this.signal, member.registryAddress);
      try {
        return await beginSession(regCred, options, async (session) => {
          await this.#identify(session, member, regCred);
          return await work(session);
        });
      } catch (error) {
        throw await this.#access.explain(error, regCred, this.signal);
      }
    });
    this.#turn = begun.catch(() => {});
    return begun;
  }

  async #identify(session: RegistrySession, member: Member, regCred: RegCred): Promise<void> {
    const keep = (kept: Member) => this.#identity!.keep(kept);
    const { id, registryId, registryAddress } = await identifyAndKeep(session, member, regCred, keep);
    this.#member = { ...this.#member!, id, registryId, registryAddress };
  }

  async #retry(attempt: () => Promise<void>): Promise<void> {
    await retry(attempt, { signal: this.signal, mayPass, onRetry: this.#options.onRetry });
  }
}
