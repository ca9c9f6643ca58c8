// joinCluster(): from options to a member of a cluster, in one call.
import { isName } from '../../wire/name.ts';
import type { ClusterSpec } from '../cluster.ts';
import { TimeUp } from '../errors.ts';
import { requireJoinToken } from '../join-token.ts';
import { areLabels, type Labels } from '../member.ts';
import { ClusterIncomplete } from './cluster-errors.ts';
import { type IdentityStore, openIdentity } from './identity-store.ts';
import { assertEndPoints, Cluster } from './joined-cluster.ts';
import { Membership } from './membership.ts';
import { RegistryAccess, type RegistryOptions } from './registry-access.ts';

/** The member, the cluster that it joins, and the time to try. */
export interface JoinClusterOptions extends RegistryOptions {
  /** Name of the cluster (T2). */
  readonly cluster: string;
  /**
   * Number of seats, 2 to 64, with which a missing cluster is created. Without it this waits until somebody creates the
   * cluster. A cluster of another size is refused with CLUSTER_DIFFERS. With a join token leave it out: a cluster that
   * anybody may create admits anybody.
   */
  readonly size?: number | undefined;
  /**
   * Milliseconds in which each member of a full new cluster has to confirm that it is there, 15,000 to 3,600,000, or 0;
   * default 30,000. A member that does not loses its seat (Q1). Only `sealed` has it.
   */
  readonly confirmMs?: number | undefined;
  /** Name of this member, 1 to 128 of `[A-Za-z0-9_.-]` (T2). */
  readonly name: string;
  /** 1 to 4 of `HOST:PORT`. `auto:PORT` stands for the address that the registry sees; `sealed` only. */
  readonly endPoints: readonly string[];
  /** Labels that other members see, 512 bytes at most; `sealed` only. */
  readonly labels?: Labels | undefined;
  /**
   * The place of the member's keys: a directory of its own, a MemoryStore, or an IdentityStore of yours. The same store
   * is the same member, which comes back to its seat. One process at a time uses it.
   */
  readonly store: string | IdentityStore;
  /** Names that the cluster should have, this one among them, so that errors and missing() can name who is missing. */
  readonly expected?: readonly string[] | undefined;
  /** Milliseconds until this gives up; default 60,000. Infinity: never. */
  readonly deadlineMs?: number | undefined;
  /** Ends this call when aborted, with the signal's reason. It means nothing to the Cluster afterwards. */
  readonly signal?: AbortSignal | undefined;
  /**
   * `complete`, the default: resolves once every member is there and has confirmed; in an RSA dialect, and with an older
   * registry, once the cluster is full. `joined`: resolves as soon as this member has its seat.
   */
  readonly until?: 'joined' | 'complete' | undefined;
  /** Receives each failure that another attempt follows, also of the Cluster later. */
  readonly onRetry?: ((why: Error) => void) | undefined;
}

const DEADLINE_MS = 60_000;
/** The longest time that a timer of Node measures, some 24 days. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/**
 * Joins a cluster and stays a member until the Cluster is closed. Creates the member's identity at the first run, and
 * comes back as the same member later. Waits for credentials that do not exist yet, a registry that does not answer, a
 * cluster that nobody has created, and members that are not there.
 *
 * Rejects at once with a failure that no retry changes, such as FINGERPRINT_MISMATCH, REFUSED_CLUSTER_FULL of a complete
 * cluster, or HOME_LOCKED. At the deadline rejects with ClusterIncomplete, which has the roster so far, what is missing,
 * and the last failure. Throws TypeError for an invalid option. docs/reference/errors.md has the codes.
 *
 * @example
 * ```ts
 * await using cluster = await joinCluster({
 *   registry: 'xlreg-data/regCred.dat',
 *   cluster: 'demo',
 *   size: 2,
 *   name: 'alice',
 *   endPoints: ['127.0.0.1:4001'],
 *   store: 'members/alice',
 * });
 * for (const { name, endPoints } of cluster.members()) console.log(name, endPoints);
 * ```
 */
export async function joinCluster(options: JoinClusterOptions): Promise<Cluster> {
  const { name, cluster, endPoints, labels = {}, store, expected = [], until = 'complete', onRetry } = options;
  const { dialect = 'sealed', deadlineMs = DEADLINE_MS, signal } = options;
  assertValid(options);
  signal?.throwIfAborted();
  const access = new RegistryAccess(registryOptions(options));
  const membership = new Membership(access, { cluster, spec: specOf(options), endPoints, labels, onRetry });
  const abort = () => void membership.end(signal!.reason);
  signal?.addEventListener('abort', abort, { once: true });
  const late = () => void membership.end(new TimeUp(`after ${deadlineMs / 1_000} s`));
  const timer = deadlineMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(late, deadlineMs);
  try {
    const onLost = (error: Error) => void membership.end(error, error);
    await membership.begin((signal) => openIdentity(store, { name, endPoints, labels }, { signal, onLost }));
    await membership.feed.until(
      ({ complete }) => membership.self !== undefined && (complete || until === 'joined'),
      membership.signal,
    );
    return new Cluster(cluster, membership, dialect, expected);
  } catch (error) {
    const { reason } = membership.signal;
    await membership.end(error);
    if (!(reason instanceof TimeUp)) throw reason ?? error;
    const what = `the cluster ${cluster} is not ${until} ${reason.message}`;
    throw new ClusterIncomplete(what, membership.feed.state, expected, membership.failure);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

/** Throws TypeError. Options of the connection are checked where they are used. */
function assertValid(options: JoinClusterOptions): void {
  const { name, cluster, endPoints, labels = {}, joinToken, dialect = 'sealed', deadlineMs = DEADLINE_MS } = options;
  if (!isName(name)) throw new TypeError('name should be 1 to 128 letters, digits, _ . - and begin with none of . -');
  if (!isName(cluster))
    throw new TypeError('cluster should be 1 to 128 letters, digits, _ . - and begin with none of . -');
  assertEndPoints(endPoints);
  if (!areLabels(labels)) throw new TypeError('labels should be key=value, in all 512 bytes at most');
  if (joinToken !== undefined) {
    requireJoinToken(joinToken);
    if (dialect !== 'sealed') throw new TypeError('a join token needs the dialect sealed');
    if (options.size !== undefined) throw new TypeError('with a join token, leave size out: the cluster exists');
  }
  const isTime = deadlineMs === Number.POSITIVE_INFINITY || (deadlineMs >= 1 && deadlineMs <= TIMER_MS_MAX);
  if (!isTime) throw new TypeError(`deadlineMs should be 1 to ${TIMER_MS_MAX}, or Infinity`);
}

function specOf({ size, confirmMs }: JoinClusterOptions): ClusterSpec | undefined {
  return size === undefined ? undefined : { size, confirmMs };
}

/** The options of the connection among those of the call. */
function registryOptions(options: JoinClusterOptions): RegistryOptions {
  const { registry, fingerprint, transport, connect, dialect, joinToken, timeoutMs, helloTries, onSkipped } = options;
  return { registry, fingerprint, transport, connect, dialect, joinToken, timeoutMs, helloTries, onSkipped };
}
