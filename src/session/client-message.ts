// Serves the Client message, which identifies a client (T1 to T12). Part of stages 2 and 5 of the data path. A token
// registers a new client or a returning one. An ID with a signature over this session's salt2 returns a known client.
import { ID_BYTES } from '../limits.ts';
import { checkToken, isNodeId, verifySignature } from '../wire/member-token.ts';
import { decodeRoster, type Message, type Token } from '../wire/message.ts';
import { parseSpki } from '../wire/rsa-key.ts';
import { identified, refusedBy, registrationOf } from './client-answer.ts';
import { serveSealedClient } from './sealed-client.ts';
import type { AnonymousSession, SessionContext, Step } from './session.ts';

export function serveClient(session: AnonymousSession, message: Message, context: SessionContext): Step {
  const { keys } = session;
  if (keys.dialect === 'sealed') return serveSealedClient(session, keys, message, context);
  if (message.ClientSpecs) return register(session, message.ClientSpecs, context);
  if (message.ClientID) return returnById(session, message.ClientID, message.DigSig);
  return { kind: 'refused', why: 'token-missing' };
}

/** Registers a client by its token. A token without an ID gets a new one. */
function register(session: AnonymousSession, token: Token, context: SessionContext): Step {
  const fault = checkToken(token, context.testKeys === true);
  if (fault) return { kind: 'refused', why: fault };
  const command = registrationOf(token, token.ID ? undefined : context.random(ID_BYTES));
  return {
    kind: 'question',
    command,
    conclude: (reply) => (reply.kind === 'refused' ? refusedBy(reply) : identified(session, command.clientId, token)),
  };
}

/**
 * Returns a client by its ID. Its signature is verified in `conclude`, once the table has returned the key on record
 * (T10).
 */
function returnById(session: AnonymousSession, id: Uint8Array, digSig: Uint8Array | null | undefined): Step {
  if (!isNodeId(id)) return { kind: 'refused', why: 'node-id-length' };
  const clientId = Buffer.from(id).toString('hex');
  const signed = Buffer.concat([id, session.salt2]);
  return {
    kind: 'question',
    command: { kind: 'find-client', clientId, sealed: false },
    conclude(reply) {
      if (reply.kind !== 'client') return refusedBy(reply);
      const token = decodeRoster(reply.token)[0]!;
      const verified = digSig && verifySignature(parseSpki(token.SigKey!)!, [signed], digSig);
      if (!verified) return { kind: 'refused', why: 'signature-invalid' };
      return identified(session, clientId, token);
    },
  };
}
