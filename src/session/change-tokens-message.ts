// Serves ChangeTokens (A7): builds the command for the table (stage 2), and the list of tokens from the table's reply
// (stage 5). Only the sealed dialect has this message (M3).
import type { TokenState } from '../registry/join-token-spec.ts';
import { longOf, type Message, Op, type TokenSpec as SpecMessage } from '../wire/message.ts';
import { selectCluster } from './cluster-messages.ts';
import type { IdentifiedSession, SessionContext, Step } from './session.ts';
import { HASH_BYTES, specsOf } from './token-messages.ts';

export function serveChangeTokens(session: IdentifiedSession, message: Message, { now }: SessionContext): Step {
  const cluster = selectCluster(message, session.clusterId);
  if (!cluster) return { kind: 'refused', why: 'cluster-not-named' };
  const { JoinTokens, TokenHashes } = message;
  const add = specsOf(JoinTokens ?? []);
  const revoke = TokenHashes ?? [];
  const isBad = revoke.some(({ length }) => length !== HASH_BYTES) || (add.length > 0 && revoke.length > 0);
  if (typeof add === 'string' || isBad) return { kind: 'refused', why: 'join-tokens-invalid' };
  return {
    kind: 'question',
    command: {
      kind: 'change-tokens',
      ...{ clientId: session.clientId, cluster, add },
      revoke: revoke.map((bytes) => Buffer.from(bytes).toString('hex')),
      time: now(),
    },
    conclude(reply) {
      if (reply.kind === 'refused') return { kind: 'refused', why: reply.refusal };
      if (reply.kind !== 'tokens') throw new Error(`the table answered a change of tokens with ${reply.kind}`);
      return {
        kind: 'answer',
        message: {
          ...{ Op: Op.TokensReply, ClusterID: Buffer.from(reply.cluster.id, 'hex') },
          JoinTokens: reply.tokens.map(messageOf),
        },
        session,
      };
    },
  };
}

function messageOf({ hash, uses, left, ttlMs, forName, replace, observer }: TokenState): SpecMessage {
  return {
    ...{ Hash: Buffer.from(hash, 'hex'), Uses: uses, Left: left },
    ...(ttlMs !== undefined && { TtlMs: longOf(BigInt(ttlMs)) }),
    ...(forName !== undefined && { ForName: forName }),
    ...(replace && { Replace: true }),
    ...(observer && { Observer: true }),
  };
}
