// A session, and what can come of a message in it. A session that has ended is not a state here: the front end reads and
// drops what comes after the last reply (S4).
import type { Fault, Refusal } from '../errors.ts';
import type { Command, Reply } from '../registry/command.ts';
import type { RandomBytes, SessionKeys } from '../wire/dialect.ts';
import type { Message, Token } from '../wire/message.ts';

/** After the Hello: nobody knows who asks. */
export interface AnonymousSession {
  readonly state: 'anonymous';
  readonly keys: SessionKeys;
  /** What a returning client signs (T10). */
  readonly salt2: Uint8Array;
}

/** After ClientOK. IDs are hex. */
export interface IdentifiedSession {
  readonly state: 'identified';
  readonly keys: SessionKeys;
  readonly clientId: string;
  /** The cluster last created in this session, which a bare Join means (R5). */
  readonly createdId: string | undefined;
  /** The cluster last created or joined, which a bare GetCluster means (R7). */
  readonly clusterId: string | undefined;
  /** The cluster of the last roster, and the index that the next one of it begins with: who keeps asking sees all (R9). */
  readonly rosterId: string | undefined;
  readonly rosterFrom: number;
}

export type Session = AnonymousSession | IdentifiedSession;

/** A message with the two parts of it that are not the protobuf library's word: a checked Op, a roster kept encoded. */
export interface Answer {
  readonly kind: 'answer';
  readonly message: Message;
  /** Encoded tokens, to be sent behind the message. */
  readonly roster?: Uint8Array;
  readonly session: Session;
  /** Of ClientOK: the name in the client's token, which keeps T2; for the log. */
  readonly clientName?: string;
  /** With clientName: a digest of its end points, 32 bits, by which sessions of one client are compared. */
  readonly clientEnds?: number;
  /** Why the session ends with this answer; absent if it goes on. */
  readonly end?: 'bye' | Fault | Refusal;
}

/** The answer depends on the cluster table. */
export interface Question {
  readonly kind: 'question';
  readonly command: Command;
  conclude(reply: Reply): Answer | Refused;
}

/** Ends the session with an Error. */
export interface Refused {
  readonly kind: 'refused';
  readonly why: Fault | Refusal;
}

export type Step = Answer | Question | Refused;

/** What the registry says of itself, and what it needs to serve a message. */
export interface SessionContext {
  /** The registry's own token, signed (S6). */
  readonly registryToken: Token;
  readonly version: number;
  readonly random: RandomBytes;
  /** Bytes of tokens that a reply on this connection can carry. */
  readonly rosterBytesMax: number;
}
