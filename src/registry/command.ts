// Commands to the cluster table, its replies, and its changes: the language between workers, coordinator and store. IDs
// are lower-case hex. All values survive a structured clone.
import type { Refusal } from '../errors.ts';
import type { AdmissionClaim, TokenSpec, TokenState } from './join-token-spec.ts';
import type { RoundChange, RoundState } from './round-change.ts';

/** Names a cluster by its ID or by its name. */
export type ClusterRef = { readonly id: string } | { readonly name: string };

/** A client's request to the table. */
export type Command =
  | RegisterCommand
  | FindClientCommand
  | CreateCommand
  | JoinCommand
  | ConfirmCommand
  /** Gives the client's seat back. No error if it has none. */
  | { readonly kind: 'leave'; readonly clientId: string; readonly cluster: ClusterRef }
  | GetClusterCommand
  | GetRosterCommand
  | ChangeTokensCommand;

/** An operator's request to the table. */
export type OperatorCommand =
  | { readonly kind: 'evict'; readonly cluster: ClusterRef; readonly member: MemberSelector }
  | { readonly kind: 'delete-cluster'; readonly cluster: ClusterRef }
  /**
   * Creates the cluster unless the name exists. Marks the cluster in both cases: it never expires for lack of members.
   */
  | (Omit<CreateCommand, 'kind' | 'clientId' | 'admits'> & { readonly kind: 'keep-cluster' })
  | LiftMarksCommand
  /** Changes or lists the join tokens of a cluster, as ChangeTokensCommand does for its owner. */
  | (Omit<ChangeTokensCommand, 'kind' | 'clientId'> & { readonly kind: 'operate-tokens' });

/** Lifts the mark of a client, or of the first MARKS_LIFTED_MAX marked ones, which may then use the old dialects. */
export interface LiftMarksCommand {
  readonly kind: 'lift-marks';
  /** Undefined for any client. */
  readonly clientId: string | undefined;
}

/** Names a member by its client's ID or by its name. */
export type MemberSelector = ClusterRef;

/** Identity of a client, for the registry and for each cluster that it joined with it. */
export interface Registration {
  readonly clientId: string;
  readonly name: string;
  /** Encoded as rosters of the old dialects carry it; opaque to the table. */
  readonly token: Uint8Array;
  /** Fields 32 to 35 of the token, for readers of the sealed dialect; absent for a token without a statement. */
  readonly sealed?: Uint8Array | undefined;
  /** SHA-256 of the signed bytes of the statement, hex; may be absent where the registration comes from a seat's record. */
  readonly statementDigest?: string | undefined;
}

/** Returns a client by its ID. The worker verifies the signature against the token in the reply. */
export interface FindClientCommand {
  readonly kind: 'find-client';
  readonly clientId: string;
  /** True if the session is of the sealed dialect. */
  readonly sealed?: boolean;
}

/** Registers a client by its token, whose signature the worker has verified. */
export interface RegisterCommand extends Registration {
  readonly kind: 'register';
  /** True if the ID is the hash of the SigKey: it belongs to this key, whoever holds it. */
  readonly certified?: boolean;
  /** The statement's seq. Present, with `statementDigest`, exactly if the session is of the sealed dialect. */
  readonly seq?: number | undefined;
  /** SHA-256 of the SigKey's SPKI. Only the owner of this key may use the ID again. */
  readonly sigKeyDigest: string;
  readonly endPointCount: number;
  readonly ephemeral: boolean;
}

/** A client of an RSA dialect says Bye: it confirms the round that its last roster belongs to (Q5). */
export interface ConfirmCommand {
  readonly kind: 'confirm';
  readonly clientId: string;
  readonly clusterId: string;
  readonly round: string;
}

/** Creates a cluster unless the name exists. */
export interface CreateCommand {
  readonly kind: 'create';
  /** The requesting client. It counts as the creator of a new cluster. */
  readonly clientId: string;
  readonly name: string;
  /** ID for the cluster if it is new. */
  readonly id: string;
  readonly size: number;
  readonly endPointCount: number;
  readonly attrs: bigint;
  /** Present if the request came through `sealed`; see ClusterProperties. */
  readonly confirmMs?: number | undefined;
  /** Present if the cluster is to admit by join tokens: the first of them. Its owner is then the client's SigKey. */
  readonly admits?: { readonly tokens: readonly TokenSpec[]; readonly time: number } | undefined;
}

/** Takes a seat, or repeats that. */
export interface JoinCommand {
  readonly kind: 'join';
  readonly clientId: string;
  readonly cluster: ClusterRef;
  /** The round that the message carries, 16 hex digits (Q4). */
  readonly round?: string | undefined;
  /** Present exactly if the session is of the sealed dialect. */
  readonly claim?: AdmissionClaim | undefined;
}

/** Adds join tokens to a cluster of the client's, or revokes some; with neither it lists them. */
export interface ChangeTokensCommand {
  readonly kind: 'change-tokens';
  readonly clientId: string;
  readonly cluster: ClusterRef;
  /** At most JOIN_TOKENS_ADDED_MAX. */
  readonly add: readonly TokenSpec[];
  /** Hashes, at most JOIN_TOKENS_PER_CLUSTER_MAX. */
  readonly revoke: readonly string[];
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** Fetches tokens of members. */
export interface GetClusterCommand {
  readonly kind: 'get-cluster';
  /** The requesting client. A member's request keeps an ephemeral cluster alive. */
  readonly clientId: string;
  readonly cluster: ClusterRef;
  /** Bit i requests the member with index i. */
  readonly which: bigint;
  /** Cursor of the session's last roster reply: its cluster, and the index where the next reply for it begins. */
  readonly cursor: { readonly clusterId: string; readonly from: number } | undefined;
  /** Upper bound of token bytes. A single member is sent even if its token is longer. */
  readonly rosterBytesMax: number;
  /** True if the tokens are to have their fields 32 to 35, and the reply `sealed`. */
  readonly sealed?: boolean;
  /** The version that the client has, and the History that it belongs to, as hex (V2). */
  readonly known?: KnownVersion | undefined;
  /** Present if the client waits for something newer than `known` (V5). */
  readonly wait?: RequestedWait | undefined;
  /** The round that the message carries, or that an RSA session was told, 16 hex digits (Q4, Q5). */
  readonly round?: string | undefined;
  /** Present exactly if the session is of the sealed dialect. */
  readonly claim?: AdmissionClaim | undefined;
}

/** A version of a cluster that a client has. */
export interface KnownVersion {
  readonly version: number;
  /** 8 bytes, hex. */
  readonly history: string;
}

/** The event that a client waits for. */
export interface RequestedWait {
  readonly until: 'change' | 'complete';
  /** True if the request has waited before: a wait for completion then goes on after a change. */
  readonly resumed: boolean;
}

/** Fetches the roster body of a complete cluster's epoch, and all members. */
export interface GetRosterCommand {
  readonly kind: 'get-roster';
  /** The requesting client. */
  readonly clientId: string;
  readonly cluster: ClusterRef;
  /** Present exactly if the session is of the sealed dialect. */
  readonly claim?: AdmissionClaim | undefined;
}

/** Properties of a cluster, as Create and Join return them. */
export interface ClusterProperties {
  readonly id: string;
  readonly size: number;
  readonly endPointCount: number;
  readonly attrs: bigint;
  /**
   * Milliseconds that a member has to confirm, 15,000 to 3,600,000; 0: none confirms. Absent in clusters that clients of
   * RSA dialects or earlier servers made: their completion is not stored.
   */
  readonly confirmMs?: number | undefined;
}

/** The table's reply to a command. */
export type Reply =
  | { readonly kind: 'registered' }
  | { readonly kind: 'client'; readonly token: Uint8Array }
  /** With `round`: the current round, which a Join tells. */
  | { readonly kind: 'cluster'; readonly cluster: ClusterProperties; readonly round?: string | undefined }
  | RosterReply
  | WaitingReply
  | SavedRosterReply
  | { readonly kind: 'tokens'; readonly cluster: ClusterProperties; readonly tokens: readonly TokenState[] }
  /** Marks lifted, and marks left. */
  | { readonly kind: 'marks'; readonly lifted: number; readonly left: number }
  | RefusedReply;

export interface RefusedReply {
  readonly kind: 'refused';
  readonly refusal: Refusal;
  /** With `statement-older`: the seq on record. */
  readonly recordedSeq?: number | undefined;
  /** The same request may succeed after so many milliseconds. Absent for the time that errors.ts gives, if any. */
  readonly retryAfterMs?: number | undefined;
}

/** Tokens of members, concatenated in the order of the bits of `which`. */
export interface RosterReply {
  readonly kind: 'roster';
  readonly cluster: ClusterProperties;
  readonly which: bigint;
  /** Index where the next reply begins. */
  readonly next: number;
  readonly roster: Uint8Array;
  /** Present if the command's `sealed` is true. */
  readonly sealed?: RosterState | undefined;
  /** The cluster's progress; absent if it has no barrier. */
  readonly barrier?: BarrierView | undefined;
}

/** The state of a cluster that a roster for a reader of the sealed dialect belongs to (V1 to V4). */
export interface RosterState {
  readonly version: number;
  /** 8 bytes, hex. */
  readonly history: string;
  readonly epoch: number;
  /** Bits of the seats that have become empty since the known version; of all empty seats without one. */
  readonly emptied: bigint;
  /** 32 bytes. */
  readonly rosterHash: Uint8Array;
  readonly yourSeat: number;
}

/** Nothing is newer than what the client knows, so its request waits. */
export interface WaitingReply {
  readonly kind: 'waiting';
  readonly clusterId: string;
  /** The present version: a later one ends the wait. */
  readonly version: number;
  /** Upper bound of the wait in milliseconds, in a cluster that is not complete (V5). */
  readonly atMostMs?: number | undefined;
}

/** The progress of a cluster, as its members are told. */
export interface BarrierView {
  /** 0 until the cluster is complete. */
  readonly epoch: number;
  /** The current round, 16 hex digits. */
  readonly round: string | undefined;
  /** Bit i if the member with index i has confirmed it. */
  readonly confirmed: bigint;
}

/** The body of a complete cluster's epoch, and the tokens of its members by ascending index. */
export interface SavedRosterReply {
  readonly kind: 'saved-roster';
  readonly clusterId: string;
  readonly body: Uint8Array;
  readonly which: bigint;
  readonly roster: Uint8Array;
}

/** The unit of storage: a record written or removed. Removing a cluster removes its members and entries. */
export type Change =
  | ClientRecord
  | ClusterRecord
  | MemberRecord
  | EntryRecord
  | ClientRemoval
  | ClusterRemoval
  | MemberRemoval
  | EntryRemoval
  | RoundChange;

/** A record as a store returns it. */
export type StoredRecord = ClientRecord | ClusterRecord | MemberRecord | MemberRef | EntryRecord;

/** A stored member without its token: the token is the one of its client's record. */
export interface MemberRef extends Omit<MemberRecord, 'kind' | 'token'> {
  readonly kind: 'seat';
}

/** Removes an expired registration. */
export interface ClientRemoval {
  readonly kind: 'client-removal';
  readonly clientId: string;
}

/** Removes a cluster that expired or was deleted, with its members and entries. */
export interface ClusterRemoval {
  readonly kind: 'cluster-removal';
  readonly id: string;
  readonly name: string;
  /** One more than the highest index taken. */
  readonly seats: number;
  /** Only on a shared store: the cluster expired, so a use by another server cancels the removal. */
  readonly expired?: true;
}

/** Removes a member that was evicted or left. */
export interface MemberRemoval {
  readonly kind: 'member-removal';
  readonly clusterId: string;
  readonly index: number;
  /** The member's client. The removal has no effect if another client holds the seat by now. */
  readonly clientId: string;
  /** Only on a shared store: the round state, which must not have changed. The removal ends a round. */
  readonly roundState?: RoundState | undefined;
}

/** Removes an entry of a cluster, if there is one. */
export interface EntryRemoval {
  readonly kind: 'entry-removal';
  readonly clusterId: string;
  readonly key: string;
}

/** A stored client, with the key that owns its ID. */
export interface ClientRecord extends Omit<RegisterCommand, 'kind' | 'certified'> {
  readonly kind: 'client';
  /** True if it has registered through the sealed dialect. Its ID and its SigKey are then closed to the others. */
  readonly marked?: true | undefined;
  /** Only in a change: the SigKey's digest of the former holder of this ID, whom the record displaces. */
  readonly displaces?: string | undefined;
}

/** A stored cluster without its members and entries. */
export interface ClusterRecord extends ClusterProperties {
  readonly kind: 'cluster';
  readonly name: string;
  /**
   * True if the cluster never expires for lack of members. Operators set this mark. Records older than the mark have it
   * too.
   */
  readonly keep?: true;
  /** SHA-256 of the creator's SigKey SPKI, hex: the cluster admits by join tokens. Absent if it admits anybody. */
  readonly owner?: string | undefined;
}

/**
 * A record that belongs to a cluster beside its seats: the roster of an epoch, a join token, a use of one, a fence. The
 * table gives key and value their meaning.
 */
export interface EntryRecord {
  readonly kind: 'entry';
  readonly clusterId: string;
  /** Hex of 1 to ENTRY_KEY_BYTES_MAX bytes. The first byte is the type. */
  readonly key: string;
  /** At most ENTRY_VALUE_BYTES_MAX bytes; may be empty. */
  readonly value: Uint8Array;
  /** Only in a change: it conflicts if another value is stored under the key. The same value is no conflict. */
  readonly ifAbsent?: true | undefined;
  /** Only in a change, and only for a shared store: it conflicts unless the cluster has an entry under this key. */
  readonly needs?: string | undefined;
}

/** A taken seat, with the registration that took it. */
export interface MemberRecord extends Registration {
  readonly kind: 'member';
  readonly clusterId: string;
  readonly index: number;
  /**
   * Only on a shared store: the registration equals its client's record, which is stored already or in the same commit.
   */
  readonly ofClient?: true;
  /** Only in a change for a shared store: the round state, which must not have changed. */
  readonly roundState?: RoundState | undefined;
  /** Only in a change: ID of the client that has the seat until then. Its name is the same. */
  readonly replaces?: string | undefined;
}

/**
 * A use of a cluster or client, which must not expire for `ttlMs`. Servers on one store announce these to each other.
 */
export interface Use {
  readonly id: string;
  readonly ttlMs: number;
}

/** A record or an event that another server has committed. */
export type Learned =
  | Change
  | StoredRecord
  /** The cluster has this round state. */
  | { readonly kind: 'round-state'; readonly clusterId: string; readonly state: RoundState }
  /** The client has confirmed the round of this state. */
  | { readonly kind: 'confirmed'; readonly clusterId: string; readonly clientId: string; readonly state: RoundState }
  /** The seat has become empty. */
  | { readonly kind: 'seat-empty'; readonly clusterId: string; readonly index: number }
  /** The cluster or client was used. It must not expire before `use-over`. */
  | { readonly kind: 'use'; readonly id: string }
  | { readonly kind: 'use-over'; readonly id: string };
