// A cluster as a client sees it: its properties, and its members from ClusterMembers replies. IDs are lower-case hex.
import type { KeyObject } from 'node:crypto';
import { CLUSTER_SIZE_MAX } from '../limits.ts';
import { isNodeId } from '../wire/member-token.ts';
import { bigintOf, type Message, type Token } from '../wire/message.ts';
import { importPublicKey, parseSpki } from '../wire/rsa-key.ts';
import { ProtocolError } from './errors.ts';
import type { JoinTokenSpec } from './join-token-text.ts';
import type { Labels } from './member.ts';

/** Names a cluster by its name, or by its ID of 40 or 64 hex digits. */
export type ClusterRef =
  | string
  | {
      /** Hex, 40 or 64 digits. */
      readonly id: string;
    };

/** Requested properties of a new cluster. The registry has the last word. */
export interface ClusterSpec {
  /** Number of seats; the registry clamps it to 2 to 64 (R2). */
  readonly size: number;
  /** End points required of each member, 1 or 2 (R3). Default 1. */
  readonly endPoints?: number | undefined;
  /** With `true` the cluster may be lost when the registry restarts. Default false. */
  readonly ephemeral?: boolean | undefined;
  /**
   * Milliseconds in which each member has to confirm that it is there, once the last seat is taken; the registry clamps
   * it to 15,000 to 3,600,000 (Q1). A member that does not loses its seat. Watching a cluster confirms, as
   * `session.members()` and `watchCluster()` do. With 0 a full cluster is complete. Default 30,000. Only in `sealed`.
   */
  readonly confirmMs?: number | undefined;
  /**
   * Join tokens: the cluster then admits who brings one, and nobody else. At most 24; `sealed` only. Repeated by the same
   * member the request changes nothing. It is refused for a cluster that was made otherwise.
   */
  readonly joinTokens?: readonly JoinTokenSpec[] | undefined;
}

/** A cluster as the registry defines it. */
export interface ClusterProperties {
  /** Hex, 40 or 64 digits. */
  readonly clusterId: string;
  /** Number of seats, 2 to 64 (R2). */
  readonly size: number;
  /** Minimum of end points that each member has, 1 or 2 (R3). */
  readonly endPoints: number;
  /** True if the cluster may be lost when the registry restarts. */
  readonly ephemeral: boolean;
  /** The confirm time in milliseconds; 0 if none confirms, undefined if the registry or the dialect does not tell. */
  readonly confirmMs?: number | undefined;
  /** From create(), in `sealed`: true if the cluster existed before (R15). */
  readonly existed?: boolean | undefined;
}

/**
 * Reasons for which an entry of a roster is not verified. All but `none` are errors.
 *
 * - `none`: it has no statement, as that of a client in an RSA dialect.
 * - `bad`: a field breaks its rule, or the signature is not by the shown key over these fields and this registry.
 * - `older`: its statement is older than one seen in this cluster.
 * - `conflict`: it has another statement under a seq that was seen, an ID or name that another entry has, too, or is the
 *   own entry with a statement that this home never signed.
 * - `key-changed`: its ID was seen with another key.
 * - `stripped`: it has no statement, and its ID or key was seen with one.
 */
export type UnverifiedReason = 'none' | 'bad' | 'older' | 'conflict' | 'key-changed' | 'stripped';

/** A member of a cluster, with its public keys. */
export interface ClusterMember {
  /** Seat index: 0, 1, 2 … in the order of joining. It never changes (R6). */
  readonly index: number;
  /** Any text: some registries of the field do not enforce T2. */
  readonly name: string;
  /** Hex, 40 or 64 digits (T3). */
  readonly id: string;
  /** Bits: 1 ephemeral, 2 admin, 4 solo (T9). */
  readonly attrs: bigint;
  /** The member's public RSA key for encryption. */
  readonly commsKey: KeyObject;
  /** The member's public RSA key for signatures. */
  readonly sigKey: KeyObject;
  /** As the member sent them: `host:port`, some with a `TcpEndPoint: ` prefix (T5). */
  readonly endPoints: readonly string[];
  /**
   * True if the holder of sigKey has signed name, ID, keys, end points, labels and sealKey for this registry, and nothing
   * newer was seen. It does not tell whether that holder is the expected one.
   */
  readonly verified: boolean;
  /** The reason if it is not verified. All but `none` are errors. */
  readonly unverified?: UnverifiedReason | undefined;
  /**
   * True if the statement is older than one seen before the registry was restored from a backup, as a saved roster of a
   * higher term has shown. It is a warning, which ends when the member returns.
   */
  readonly restored?: boolean | undefined;
  /** Rises with each statement of the member. Undefined unless verified, as are the next two. */
  readonly seq?: number | undefined;
  /** Labels, if it is verified. */
  readonly labels?: Labels | undefined;
  /** X25519 key for streams, 32 bytes; undefined if the member takes none. */
  readonly sealKey?: Uint8Array | undefined;
}

/** Members of a cluster: all of them, or those of one ClusterMembers reply, which may not have room for all (R9). */
export interface Roster {
  /** Hex, 40 or 64 digits. */
  readonly clusterId: string;
  /** Undefined if neither this reply nor an earlier one of the session tells it, as with older servers (R11). */
  readonly size: number | undefined;
  /** By ascending index. */
  readonly members: readonly ClusterMember[];
  /** 0 until the cluster is complete (Q2). Undefined in the RSA dialects and from older registries. */
  readonly epoch?: number | undefined;
  /** The round that its members confirm, 16 hex digits; undefined if there is none. */
  readonly round?: string | undefined;
  /** Bit i is set if the member with index i has confirmed; undefined as epoch is. */
  readonly confirmed?: bigint | undefined;
  /** The own seat, or from 64 on why there is none (V4); undefined if the registry does not tell. */
  readonly yourSeat?: number | undefined;
}

/** `Which` of all 64 seats (R8). */
export const ALL_MEMBERS = 0xffff_ffff_ffff_ffffn;

/** The bit of a seat in a `Which` (R8). The bit of seat 64 is ALL_MEMBERS + 1. */
export function seatBit(index: number): bigint {
  return 1n << BigInt(index);
}

/** True if the seat still has the same member with the same token. */
export function isSameMember(seen: ClusterMember | undefined, member: ClusterMember): boolean {
  if (seen === undefined || seen.id !== member.id || seen.name !== member.name) return false;
  if (seen.verified !== member.verified || seen.unverified !== member.unverified || seen.seq !== member.seq)
    return false;
  if (seen.attrs !== member.attrs || seen.endPoints.join('\n') !== member.endPoints.join('\n')) return false;
  return seen.commsKey.equals(member.commsKey) && seen.sigKey.equals(member.sigKey);
}

/**
 * Returns all members, from as many replies as necessary (R9). At most 65, because each reply but the last brings at
 * least one more. `ask` sends one GetCluster with a `Which`; its rejections are passed on.
 */
export async function wholeRoster(ask: (which: bigint) => Promise<Roster>): Promise<Roster> {
  const seats = new Map<number, ClusterMember>();
  for (let which = ALL_MEMBERS; ; ) {
    const roster = await ask(which);
    const before = which;
    for (const member of roster.members) {
      if (!hasSeat(which, member.index)) continue;
      seats.set(member.index, member);
      which &= ~seatBit(member.index);
    }
    if (which !== before && seats.size < (roster.size ?? CLUSTER_SIZE_MAX)) continue;
    const members = [...seats.values()].sort((one, other) => one.index - other.index);
    return { ...roster, members: withoutRepeated(members) };
  }
}

/** Marks verified members with an ID or name that another one has, too. Replies may have divided them. */
export function withoutRepeated(members: readonly ClusterMember[]): readonly ClusterMember[] {
  const repeated = repeatedAmong(members);
  return members.map((member) =>
    member.verified && repeated.has(member) ? { ...member, verified: false, unverified: 'conflict' } : member,
  );
}

/** Members of a roster whose ID or name another one has, too. */
export function repeatedAmong(members: readonly ClusterMember[]): Set<ClusterMember> {
  const counts = new Map<string, number>();
  const names = ({ id, name }: ClusterMember) => [`id ${id}`, `name ${name}`];
  for (const text of members.flatMap(names)) counts.set(text, (counts.get(text) ?? 0) + 1);
  return new Set(members.filter((member) => names(member).some((text) => counts.get(text)! > 1)));
}

/** Bit of cluster attrs (R4). */
export const CLUSTER_EPHEMERAL = 1n;

/** Returns the ID as hex. Throws ProtocolError if it is invalid. */
export function hexId(id: Uint8Array | null | undefined): string {
  if (!id || !isNodeId(id)) throw new ProtocolError('the registry sent an invalid ID');
  return Buffer.from(id).toString('hex');
}

/** Returns the bytes of an ID. Throws TypeError if it is invalid. */
export function idBytes(hex: string): Buffer {
  const id = Buffer.from(hex, 'hex');
  if (id.length * 2 !== hex.length || !isNodeId(id)) throw new TypeError('an ID should be 40 or 64 hex digits');
  return id;
}

/** Returns the cluster of a CreateReply or JoinReply. */
export function propertiesOf(reply: Message): ClusterProperties {
  const { ClusterID, ClusterSize, ClusterAttrs, EndPointCount, ConfirmMs, Existed } = reply;
  return {
    clusterId: hexId(ClusterID),
    size: checkedSize(ClusterSize),
    endPoints: EndPointCount ?? 1,
    ephemeral: (bigintOf(ClusterAttrs) & CLUSTER_EPHEMERAL) !== 0n,
    ...(isTold(ConfirmMs) && { confirmMs: ConfirmMs }),
    ...(isTold(Existed) && { existed: Existed }),
  };
}

/** Returns the members in a ClusterMembers reply. `clusterId` and `size` fill in for what the reply omits. */
export function rosterOf(reply: Message, clusterId: string | undefined, size: number | undefined): Roster {
  const tokens = reply.Tokens ?? [];
  const which = bigintOf(reply.Which);
  const indexes = Array.from({ length: CLUSTER_SIZE_MAX }, (_, index) => index).filter((index) =>
    hasSeat(which, index),
  );
  if (indexes.length !== tokens.length)
    throw new ProtocolError(`the registry sent ${tokens.length} tokens for ${indexes.length} seats`);
  return {
    clusterId: reply.ClusterID?.length ? hexId(reply.ClusterID) : (clusterId ?? hexId(undefined)),
    size: reply.ClusterSize ? checkedSize(reply.ClusterSize) : size,
    members: tokens.map((token, place) => memberOf(token, indexes[place]!)),
    ...progressOf(reply),
  };
}

/** The progress of a forming cluster, as far as the reply tells it. */
function progressOf({ Epoch, Round, Confirmed, YourSeat }: Message): Partial<Roster> {
  return {
    ...(isTold(Epoch) && { epoch: Number(bigintOf(Epoch)), confirmed: bigintOf(Confirmed) }),
    ...(Round?.length && { round: Buffer.from(Round).toString('hex') }),
    ...(isTold(YourSeat) && { yourSeat: YourSeat }),
  };
}

function isTold<T>(field: T | null | undefined): field is T {
  return field !== null && field !== undefined;
}

/** True if a `Which` has the bit of this seat. */
export function hasSeat(which: bigint, index: number): boolean {
  return ((which >> BigInt(index)) & 1n) === 1n;
}

function checkedSize(size: number | null | undefined): number {
  if (!size || size > CLUSTER_SIZE_MAX) throw new ProtocolError('the registry sent an invalid cluster size');
  return size;
}

function memberOf(token: Token, index: number): ClusterMember {
  return {
    index,
    name: token.Name ?? '',
    id: hexId(token.ID),
    attrs: bigintOf(token.Attrs),
    commsKey: publicKey(token.CommsKey, index),
    sigKey: publicKey(token.SigKey, index),
    endPoints: token.MyEnds ?? [],
    verified: false,
    unverified: 'none',
  };
}

function publicKey(spki: Uint8Array | null | undefined, index: number): KeyObject {
  const parts = spki ? parseSpki(spki) : undefined;
  if (parts === undefined) throw new ProtocolError(`the registry sent an invalid key of member ${index}`);
  return importPublicKey(parts);
}
