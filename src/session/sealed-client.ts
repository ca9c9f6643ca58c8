// Serves the Client message of the sealed dialect (L1 to L7). Part of stages 2 and 5 of the data path. The client proves
// in this session that it holds its SigKey, and its statement binds name, end points and keys to this registry.
import type { Fault } from '../errors.ts';
import { SEAL_KEY_BYTES, SEQ_AHEAD_MS_MAX } from '../limits.ts';
import { isLabels } from '../wire/labels.ts';
import { checkTokenFields, isNodeId } from '../wire/member-token.ts';
import { decodeRoster, encodeSealedFields, type Message, type Token } from '../wire/message.ts';
import { verifyAllPss } from '../wire/pss.ts';
import { parseSpki, type RsaKeyParts } from '../wire/rsa-key.ts';
import type { SealedKeys } from '../wire/sealed-keys.ts';
import { clientProof, returnProof, seqOf, statementBytes, statementDigest } from '../wire/statement.ts';
import { identified, refusedBy, registrationOf } from './client-answer.ts';
import type { AnonymousSession, SessionContext, Step } from './session.ts';

export function serveSealedClient(
  session: AnonymousSession,
  keys: SealedKeys,
  message: Message,
  context: SessionContext,
): Step {
  const { ClientSpecs, ClientID, DigSig } = message;
  if (ClientSpecs) return register(session, keys, ClientSpecs, DigSig, context);
  if (ClientID) return returnById(session, keys, ClientID, DigSig);
  return { kind: 'refused', why: 'token-missing' };
}

/** Registers a client by its token and statement. */
function register(
  session: AnonymousSession,
  { h }: SealedKeys,
  token: Token,
  proof: Uint8Array | null | undefined,
  context: SessionContext,
): Step {
  const checked = checkFields(token, context);
  if (typeof checked === 'string') return { kind: 'refused', why: checked };
  const { sigKey, seq } = checked;
  const signed = statementBytes(context.registryToken.ID!, token);
  const digest = statementDigest(signed);
  const verified = verifyAllPss(sigKey, [
    { bytes: signed, signature: token.Statement },
    { bytes: clientProof(h, digest), signature: proof },
  ]);
  if (!verified) return { kind: 'refused', why: 'signature-invalid' };
  const command = {
    seq,
    statementDigest: digest.toString('hex'),
    sealed: encodeSealedFields(token),
    ...registrationOf(token),
  };
  return {
    kind: 'question',
    command,
    conclude: (reply) => (reply.kind === 'refused' ? refusedBy(reply) : identified(session, command.clientId, token)),
  };
}

/** Checks all fields in the order of the faults. Returns the parsed SigKey and the seq, or the fault. */
function checkFields(token: Token, context: SessionContext): { sigKey: RsaKeyParts; seq: number } | Fault {
  const sigKey = checkTokenFields(token, true, context.testKeys === true);
  if (typeof sigKey === 'string') return sigKey;
  if (token.Labels && !isLabels(token.Labels)) return 'labels-invalid';
  if (token.SealKey?.length && token.SealKey.length !== SEAL_KEY_BYTES) return 'seal-key-invalid';
  const seq = seqOf(token);
  if (seq === undefined || seq > context.now() + SEQ_AHEAD_MS_MAX) return 'seq-invalid';
  return { sigKey, seq };
}

/** Returns a client by its ID. Its signature is verified once the table has returned the key on record. */
function returnById(
  session: AnonymousSession,
  { h }: SealedKeys,
  id: Uint8Array,
  proof: Uint8Array | null | undefined,
): Step {
  if (!isNodeId(id)) return { kind: 'refused', why: 'node-id-length' };
  const clientId = Buffer.from(id).toString('hex');
  const bytes = returnProof(h, id);
  return {
    kind: 'question',
    command: { kind: 'find-client', clientId, sealed: true },
    conclude(reply) {
      if (reply.kind !== 'client') return refusedBy(reply);
      const token = decodeRoster(reply.token)[0]!;
      const verified = verifyAllPss(parseSpki(token.SigKey!)!, [{ bytes, signature: proof }]);
      return verified ? identified(session, clientId, token) : { kind: 'refused', why: 'signature-invalid' };
    },
  };
}
