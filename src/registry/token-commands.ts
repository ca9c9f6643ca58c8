// Commands about the join tokens of a cluster: its first tokens, a repeated Create, and ChangeTokens (A2, A7). Part of
// stage 3 of the data path, sequential. Pure like the table.
import type { Cluster } from './cluster.ts';
import type { Change, ChangeTokensCommand, ClusterProperties, CreateCommand, OperatorCommand } from './command.ts';
import { addTokens, EntryEdits, hasTokens, tokenKey, tokenStates } from './join-tokens.ts';
import { type AuditedEvent, answer, type Outcome, refuse } from './outcome.ts';

/** A change of tokens by the owner or by an operator. */
type TokensOperation = ChangeTokensCommand | (OperatorCommand & { kind: 'operate-tokens' });

/** Adds the tokens of a Create to its new cluster. `added` is the outcome so far. */
export function withTokens(
  cluster: Cluster,
  { tokens, time }: NonNullable<CreateCommand['admits']>,
  added: Outcome,
): Outcome {
  const edits = new EntryEdits(cluster);
  const refusal = addTokens(cluster, tokens, time, edits);
  if (refusal) {
    added.undo();
    return refuse(refusal);
  }
  return { ...added, changes: [...added.changes, ...edits.changes], audits: auditsOf(edits.changes) };
}

/**
 * A Create of an existing name changes nothing. With join tokens it has to be the one that made the cluster. `digest` is
 * that of the client's SigKey.
 */
export function repeatCreate(
  cluster: Cluster,
  { admits }: CreateCommand,
  digest: string | undefined,
  properties: ClusterProperties,
): Outcome {
  const { owner } = cluster.record;
  const isSame = !admits || (owner !== undefined && owner === digest && hasTokens(cluster, admits.tokens, admits.time));
  return isSame ? answer({ kind: 'cluster', cluster: properties }) : refuse('cluster-admits-differently');
}

/** Adds, revokes or lists. `digest` is that of the client's SigKey; undefined for an operator. */
export function changeTokens(
  cluster: Cluster,
  { kind, add, revoke, time }: TokensOperation,
  digest: string | undefined,
  properties: ClusterProperties,
): Outcome {
  const { owner } = cluster.record;
  const isOperator = kind === 'operate-tokens';
  if (isOperator && owner === undefined) return refuse('cluster-admits-differently');
  if (!isOperator && (owner === undefined || owner !== digest)) return refuse('not-owner');
  const edits = new EntryEdits(cluster);
  const refusal = addTokens(cluster, add, time, edits);
  if (refusal) return refuse(refusal);
  for (const hash of revoke) edits.remove(tokenKey(hash));
  return {
    reply: { kind: 'tokens', cluster: properties, tokens: tokenStates(cluster, time) },
    changes: edits.changes,
    undo: () => edits.undo(),
    // An addition takes a unit of the growth budget, like a member: it writes to the store and to the audit log.
    ...(edits.changes.some(({ kind }) => kind === 'entry') && { adds: 'member' }),
    audits: auditsOf(edits.changes),
  };
}

/** Events of changed tokens for the audit log: a line each for those added and those removed, with the first hash. */
function auditsOf(changes: readonly Change[]): AuditedEvent[] {
  const event = (kind: 'entry' | 'entry-removal', action: AuditedEvent['action']): AuditedEvent[] => {
    const keys = changes.flatMap((change) => (change.kind === kind ? [change.key] : []));
    if (keys.length === 0) return [];
    return [{ action, joinToken: keys[0]!.slice(2), ...(keys.length > 1 && { joinTokens: keys.length }) }];
  };
  return [...event('entry', 'join-token-add'), ...event('entry-removal', 'join-token-revoke')];
}
