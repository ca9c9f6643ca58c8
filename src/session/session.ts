// States of a session and results of a step. Part of stages 2 and 5 of the data path: pure code that workers run in
// parallel; it touches no queue. An ended session needs no state: the front end discards all bytes after the last reply
// (S4).
import type { Fault, Refusal } from '../errors.ts';
import type { Command, Reply } from '../registry/command.ts';
import type { RandomBytes, SessionKeys } from '../wire/dialect.ts';
import type { Message, Token } from '../wire/message.ts';
import type { SealedKeys } from '../wire/sealed-keys.ts';

/** Keys of a session in any dialect. */
export type AnyKeys = SessionKeys | SealedKeys;

/** After the Hello, before the client has identified itself. */
export interface AnonymousSession {
  readonly state: 'anonymous';
  readonly keys: AnyKeys;
  /** Part of what a returning client signs (T10). Empty in the sealed dialect. */
  readonly salt2: Uint8Array;
}

/** After ClientOK. IDs are hex. */
export interface IdentifiedSession {
  readonly state: 'identified';
  readonly keys: AnyKeys;
  readonly clientId: string;
  /** The last cluster created in this session; a Join without name and ID refers to it (R5). */
  readonly createdId: string | undefined;
  /** The last cluster created or joined; a GetCluster without name and ID refers to it (R7). */
  readonly clusterId: string | undefined;
  /**
   * Cluster of the last roster, and the index where its next roster begins. A client that repeats GetCluster thus sees
   * all members (R9).
   */
  readonly rosterId: string | undefined;
  readonly rosterFrom: number;
  /** Only in the RSA dialects: the round that was current when the last roster was sent, 16 hex digits (Q5). */
  readonly toldRound?: string | undefined;
}

export type Session = AnonymousSession | IdentifiedSession;

/** A reply, and the session after it. `message` has its Op but not the roster, which stays encoded. */
export interface Answer {
  readonly kind: 'answer';
  readonly message: Message;
  /** Encoded tokens, appended to the message. */
  readonly roster?: Uint8Array;
  readonly session: Session;
  /** ClientOK only, for the log: the name in the client's token, which satisfies T2. */
  readonly clientName?: string;
  /** With clientName: a 32-bit digest of the client's end points, to compare sessions of one client. */
  readonly clientEnds?: number;
  /** Reason why the session ends with this reply; absent if it continues. */
  readonly end?: 'bye' | Fault | Refusal;
}

/**
 * The reply depends on the cluster table. The worker sends `command` to the coordinator and passes the table's reply to
 * `conclude`.
 */
export interface Question {
  readonly kind: 'question';
  readonly command: Command;
  conclude(reply: Reply): Answer | Refused | Waiting;
}

/**
 * Nothing is newer than what the client knows. The front end parks the connection; a job resumes the request after a
 * change of the cluster, or at the end of the wait (V5).
 */
export interface Waiting {
  readonly kind: 'waiting';
  readonly clusterId: string;
  /** A later version of the cluster ends the wait. */
  readonly version: number;
  readonly until: 'change' | 'complete';
  /** Milliseconds from now, or from the request if it has waited before. */
  readonly waitMs: number;
  /** The GetCluster for serveResumed(). */
  readonly request: Message;
}

/** Ends the session with an Error message. */
export interface Refused {
  readonly kind: 'refused';
  readonly why: Fault | Refusal;
  /** With `statement-older`: the seq on record, which only the sealed dialect tells. */
  readonly recordedSeq?: number;
  /** Milliseconds after which the same request may succeed, instead of the time that errors.ts gives, if any. */
  readonly retryAfterMs?: number;
}

export type Step = Answer | Question | Refused;

/** The registry's own data, and what serving a message requires. */
export interface SessionContext {
  /** The registry's own token (S6): signed, but without DigSig in the sealed dialect. */
  readonly registryToken: Token;
  readonly version: number;
  readonly random: RandomBytes;
  /** Signs a roster body by sk (W3). Present in the sealed dialect. */
  readonly signRoster?: ((body: Uint8Array) => Uint8Array) | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Maximum bytes of tokens in one reply on this connection. */
  readonly rosterBytesMax: number;
  /** Longest wait of a GetCluster in milliseconds; 0 if none waits. */
  readonly maxWaitMs: number;
  /** True if clients may have published test keys (K7); by default they may not. */
  readonly testKeys?: boolean | undefined;
}
