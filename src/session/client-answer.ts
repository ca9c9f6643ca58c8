// Parts of a Client message in every dialect: the registration, and its end by ClientOK or by the table's refusal.
import { hash } from 'node:crypto';
import type { RegisterCommand, Reply } from '../registry/command.ts';
import { CLIENT_EPHEMERAL } from '../wire/member-token.ts';
import { bigintOf, encodeRosterToken, longOf, Op, type Token } from '../wire/message.ts';
import { certifiedId } from '../wire/statement.ts';
import type { AnonymousSession, Answer, AnyKeys, Refused } from './session.ts';

const NOTHING = new Uint8Array(0);

/** Registers a checked token. A token without an ID gets `assigned`. */
export function registrationOf(token: Token, assigned?: Uint8Array): RegisterCommand {
  const id = token.ID ?? assigned!;
  return {
    kind: 'register',
    clientId: Buffer.from(id).toString('hex'),
    name: token.Name!,
    sigKeyDigest: hash('sha256', token.SigKey!, 'hex'),
    endPointCount: token.MyEnds?.length ?? 0,
    ephemeral: (bigintOf(token.Attrs) & CLIENT_EPHEMERAL) !== 0n,
    token: encodeRosterToken(token.ID ? token : { ...token, ID: id }),
    // An assigned ID is random.
    certified: id === token.ID && certifiedId(token.SigKey!).equals(id),
  };
}

export function refusedBy(reply: Reply): Refused {
  if (reply.kind !== 'refused') throw new Error(`the table answered a client with ${reply.kind}`);
  const { refusal, recordedSeq } = reply;
  return { kind: 'refused', why: refusal, ...(recordedSeq !== undefined && { recordedSeq }) };
}

export function identified({ keys }: AnonymousSession, clientId: string, { Name, Attrs, MyEnds }: Token): Answer {
  return {
    kind: 'answer',
    message: { Op: Op.ClientOK, ClientID: Buffer.from(clientId, 'hex'), ClientAttrs: longOf(bigintOf(Attrs)) },
    clientName: Name!,
    clientEnds: hash('sha256', (MyEnds ?? []).join('\n'), 'buffer').readUInt32LE(0),
    session: {
      state: 'identified',
      keys: withoutHash(keys),
      clientId,
      createdId: undefined,
      clusterId: undefined,
      rosterId: undefined,
      rosterFrom: 0,
      toldRound: undefined,
    },
  };
}

/** No second Client is served in a session (S2), so its handshake hash is not needed any more. */
function withoutHash(keys: AnyKeys): AnyKeys {
  return keys.dialect === 'sealed' ? { ...keys, h: NOTHING } : keys;
}
