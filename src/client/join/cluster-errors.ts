// Errors of joinCluster() and of the Cluster that it returns.
import { CLUSTER_SIZE_MAX } from '../../limits.ts';
import { type ClusterMember, hasSeat } from '../cluster.ts';
import { XlRegError } from '../errors.ts';
import { escapeText } from '../escape-text.ts';
import type { ClusterState } from './cluster-events.ts';

/** The lacks of a cluster. */
export interface Missing {
  /** Indexes of empty seats, ascending; none as long as the size is unknown. */
  readonly seats: readonly number[];
  /** Expected names that no member has, in the order given. */
  readonly names: readonly string[];
  /** Names of members that have not confirmed the open round (Q4). */
  readonly unconfirmed: readonly string[];
}

/** Returns what a state lacks; undefined stands for a cluster that was never joined. */
export function missingIn(state: ClusterState | undefined, expected: readonly string[]): Missing {
  const { members = [], size = 0, confirmed } = state ?? {};
  const taken = new Set(members.map(({ index }) => index));
  const names = new Set(members.map(({ name }) => name));
  return {
    seats: Array.from({ length: Math.min(size, CLUSTER_SIZE_MAX) }, (_, index) => index).filter(
      (index) => !taken.has(index),
    ),
    names: expected.filter((name) => !names.has(name)),
    unconfirmed:
      confirmed === undefined ? [] : members.filter(({ index }) => !hasSeat(confirmed, index)).map(({ name }) => name),
  };
}

/**
 * The deadline of joinCluster() has passed. The member keeps the seat that it may have: the same call comes back to it.
 * `cause` is the last failure and `remedy` its remedy, if there is one; with a registry that answers there is none.
 */
export class ClusterIncomplete extends XlRegError {
  override readonly name = 'ClusterIncomplete';
  /** The members so far, by ascending index; none if the cluster was never joined. */
  readonly members: readonly ClusterMember[];
  /** Number of seats, if it is known. */
  readonly size: number | undefined;
  /** The seats, names and confirmations that lack. */
  readonly missing: Missing;

  constructor(what: string, state: ClusterState | undefined, expected: readonly string[], cause: unknown) {
    const missing = missingIn(state, expected);
    const remedy = cause instanceof XlRegError ? cause.remedy : undefined;
    const fields = { code: 'CLUSTER_INCOMPLETE', retryable: true, remedy, cause } as const;
    super(`${what}${detailsOf(state, missing, cause)}`, fields);
    this.members = state?.members ?? [];
    this.size = state?.size;
    this.missing = missing;
  }
}

/** The Cluster has been closed, or has left. */
export class ClusterClosed extends XlRegError {
  override readonly name = 'ClusterClosed';

  constructor() {
    super('this Cluster is closed', { code: 'CLUSTER_CLOSED' });
  }
}

function detailsOf(state: ClusterState | undefined, { seats, names, unconfirmed }: Missing, cause: unknown): string {
  const list = (title: string, items: readonly (string | number)[]) =>
    items.length > 0 ? [`${title}: ${items.map((item) => escapeText(String(item))).join(', ')}`] : [];
  const count = state && `${state.members.length} of ${state.size ?? 'an unknown number of'} members`;
  return [
    ...(count ? [count] : ['not joined']),
    ...list('missing seats', seats),
    ...list('missing members', names),
    ...list('not yet confirmed', unconfirmed),
    ...(cause instanceof Error ? [`last failure: ${cause.message}`] : []),
  ]
    .map((part) => `; ${part}`)
    .join('');
}
