// What can be asked of the cluster table, what it answers, and what it changes: the whole language between workers,
// coordinator and store. IDs are lower-case hex; everything here survives a structured clone.
import type { Refusal } from '../errors.ts';

/** A cluster is meant by its ID or by its name. */
export type ClusterRef = { readonly id: string } | { readonly name: string };

/** One thing asked of the table. */
export type Command =
  | RegisterCommand
  | { readonly kind: 'find-client'; readonly clientId: string }
  | CreateCommand
  | { readonly kind: 'join'; readonly clientId: string; readonly cluster: ClusterRef }
  | GetClusterCommand;

/** One thing that an operator has done to the table. */
export type OperatorCommand =
  | { readonly kind: 'evict'; readonly cluster: ClusterRef; readonly member: MemberSelector }
  | { readonly kind: 'delete-cluster'; readonly cluster: ClusterRef }
  /** Creates a cluster unless one of that name exists, and marks it either way: it stays without a member. */
  | (Omit<CreateCommand, 'kind' | 'clientId'> & { readonly kind: 'keep-cluster' });

/** A member of a cluster is meant by its client's ID or by its name. */
export type MemberSelector = ClusterRef;

/** What a client is known by: to the registry, and in every cluster that it joined with it. */
export interface Registration {
  readonly clientId: string;
  readonly name: string;
  /** As it goes into rosters; opaque here. */
  readonly token: Uint8Array;
}

/** A client presents its token; its signature has been verified. */
export interface RegisterCommand extends Registration {
  readonly kind: 'register';
  /** SHA-256 of the SigKey's SPKI: who may come back under this ID. */
  readonly sigKeyDigest: string;
  readonly endPointCount: number;
  readonly ephemeral: boolean;
}

/** Create a cluster unless one of that name exists. */
export interface CreateCommand {
  readonly kind: 'create';
  /** Who asks, and counts as its maker if it is new. */
  readonly clientId: string;
  readonly name: string;
  /** The ID it gets if it is new. */
  readonly id: string;
  readonly size: number;
  readonly endPointCount: number;
  readonly attrs: bigint;
}

/** Fetch tokens of members. */
export interface GetClusterCommand {
  readonly kind: 'get-cluster';
  /** Who asks: a member's asking keeps an ephemeral cluster alive. */
  readonly clientId: string;
  readonly cluster: ClusterRef;
  /** Bit i asks for the member with index i. */
  readonly which: bigint;
  /** The cluster this client was last sent members of, and the index to begin with if it asks for the same again. */
  readonly goOn: { readonly clusterId: string; readonly from: number } | undefined;
  /** Bytes of tokens at most; one member is sent even if it has more. */
  readonly rosterBytesMax: number;
}

/** What a client learns of a cluster when it creates or joins it. */
export interface ClusterProperties {
  readonly id: string;
  readonly size: number;
  readonly endPointCount: number;
  readonly attrs: bigint;
}

/** The answer to a command. */
export type Reply =
  | { readonly kind: 'registered' }
  | { readonly kind: 'client'; readonly token: Uint8Array }
  | { readonly kind: 'cluster'; readonly cluster: ClusterProperties }
  | RosterReply
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** Tokens of members, the pieces one behind the other in the order of the bits. */
export interface RosterReply {
  readonly kind: 'roster';
  readonly cluster: ClusterProperties;
  readonly which: bigint;
  /** Index to begin with next time. */
  readonly next: number;
  readonly roster: Uint8Array;
}

/** The unit of storage: a record added or replaced, or one (of a cluster, its members with it) taken away. */
export type Change = ClientRecord | ClusterRecord | MemberRecord | ClientRemoval | ClusterRemoval | MemberRemoval;

/** What a store gives back of what it was given. */
export type StoredRecord = ClientRecord | ClusterRecord | MemberRecord | MemberRef;

/** A member as a store may give it back, if its registration is the one its client has. */
export interface MemberRef extends Omit<MemberRecord, 'kind' | 'token'> {
  readonly kind: 'seat';
}

/** A registration has expired. */
export interface ClientRemoval {
  readonly kind: 'client-removal';
  readonly clientId: string;
}

/** A cluster has expired or was deleted. */
export interface ClusterRemoval {
  readonly kind: 'cluster-removal';
  readonly id: string;
  readonly name: string;
  /** One more than the highest index that is taken. */
  readonly seats: number;
  /** Of a table that several servers share: its time was up, and whoever uses it meanwhile keeps it. */
  readonly expired?: true;
}

/** A member was evicted. */
export interface MemberRemoval {
  readonly kind: 'member-removal';
  readonly clusterId: string;
  readonly index: number;
  /** Who is to lose the seat: if somebody else has it by now, the removal is lost. */
  readonly clientId: string;
}

/** A client and who may use its ID. */
export interface ClientRecord extends Omit<RegisterCommand, 'kind'> {
  readonly kind: 'client';
}

/** A cluster, without its members. */
export interface ClusterRecord extends ClusterProperties {
  readonly kind: 'cluster';
  readonly name: string;
  /** It stays without a member: an operator marked it, or it was stored before there were marks. */
  readonly keep?: true;
}

/** The seat of a member, and the registration it took it with. */
export interface MemberRecord extends Registration {
  readonly kind: 'member';
  readonly clusterId: string;
  readonly index: number;
  /** Of a table that several servers share: its registration is that of its client, stored already or together with it. */
  readonly ofClient?: true;
}

/** A cluster or client was used, and is not to be forgotten for so long: what servers on one store tell each other. */
export interface Use {
  readonly id: string;
  readonly ttlMs: number;
}

/** What a server learns of what others have done. */
export type Learned =
  | Change
  | StoredRecord
  /** Nobody has this seat any more. */
  | { readonly kind: 'seat-empty'; readonly clusterId: string; readonly index: number }
  /** This cluster or client was used, and is not to be forgotten before that use is over. */
  | { readonly kind: 'use'; readonly id: string }
  | { readonly kind: 'use-over'; readonly id: string };
