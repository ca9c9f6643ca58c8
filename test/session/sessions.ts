// Sessions and contexts for tests, with fixed bytes in place of random ones.

import type { AnonymousSession, IdentifiedSession, SessionContext } from '../../src/session/session.ts';
import { bytes, messageOf, vectors } from '../wire/vectors.ts';

const [reply] = vectors.helloReplies;
const keys = {
  dialect: 'chained',
  key2: bytes(reply!.key2),
  receiveChain: bytes(reply!.iv2!),
  sendChain: bytes(reply!.iv2!),
} as const;

export const CLIENT_ID: string = vectors.clientById.clientId;

/** A session after the vectors' HelloReply. */
export const anonymous: AnonymousSession = { state: 'anonymous', keys, salt2: bytes(reply!.salt2) };

/** A session after ClientOK that has not created or joined a cluster. */
export const identified: IdentifiedSession = {
  state: 'identified',
  keys,
  clientId: CLIENT_ID,
  createdId: undefined,
  clusterId: undefined,
  rosterId: undefined,
  rosterFrom: 0,
};

/** A context whose random bytes all have this value. */
export function contextOf(random: number): SessionContext {
  return {
    registryToken: messageOf(vectors.tokens.at(-1)!.fields),
    version: 1,
    random: (count) => new Uint8Array(count).fill(random),
    now: Date.now,
    rosterBytesMax: 10_000,
    maxWaitMs: 0,
  };
}
