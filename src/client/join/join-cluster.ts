// joinCluster(): from options to a member of a cluster, in one call.
import type { ClusterSpec } from '../cluster.ts';
import { TimeUp } from '../errors.ts';
import { ClusterIncomplete } from './cluster-errors.ts';
import { openIdentity } from './identity-store.ts';
import { assertValid, DEADLINE_MS, type JoinClusterOptions } from './join-options.ts';
import { Cluster } from './joined-cluster.ts';
import { Membership } from './membership.ts';
import { RegistryAccess, type RegistryOptions } from './registry-access.ts';

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
  assertValid(options);
  const { name, cluster, endPoints, labels = {}, store, expected = [], until = 'complete', onRetry } = options;
  const { dialect = 'sealed', deadlineMs = DEADLINE_MS, signal } = options;
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

function specOf({ size, confirmMs }: JoinClusterOptions): ClusterSpec | undefined {
  return size === undefined ? undefined : { size, confirmMs };
}

/** The options of the connection among those of the call. */
function registryOptions(options: JoinClusterOptions): RegistryOptions {
  const { registry, fingerprint, transport, connect, dialect, joinToken, timeoutMs, helloTries, onSkipped } = options;
  return { registry, fingerprint, transport, connect, dialect, joinToken, timeoutMs, helloTries, onSkipped };
}
