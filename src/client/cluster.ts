// What a client learns of a cluster: its properties, and its members as they stand in a ClusterMembers reply. IDs are
// lower-case hex.
import type { KeyObject } from 'node:crypto';
import { CLUSTER_SIZE_MAX } from '../limits.ts';
import { isNodeId } from '../wire/member-token.ts';
import { bigintOf, type Message, type Token } from '../wire/message.ts';
import { importPublicKey, parseSpki } from '../wire/rsa-key.ts';
import { ProtocolError } from './errors.ts';

/** A cluster is meant by its name or by its ID, 40 or 64 hex digits. */
export type ClusterRef = string | { readonly id: string };

/** What a new cluster is to be; the registry has the last word. */
export interface ClusterSpec {
  /** Members when complete; the registry makes it 2 to 64 (R2). */
  readonly size: number;
  /** End points each member must have, 1 or 2 (R3). Default 1. */
  readonly endPoints?: number | undefined;
  /** Whether it may be forgotten when the registry restarts. Default false. */
  readonly ephemeral?: boolean | undefined;
}

/** A cluster as the registry decided it. */
export interface ClusterProperties {
  readonly clusterId: string;
  /** Members when complete, 2 to 64 (R2). */
  readonly size: number;
  /** End points each member has at least, 1 or 2 (R3). */
  readonly endPoints: number;
  readonly ephemeral: boolean;
}

/** A member of a cluster, with its public keys. */
export interface ClusterMember {
  /** Its seat: 0, 1, 2 … in the order of joining, for good (R6). */
  readonly index: number;
  /** Any text: not every registry of the field holds names to T2. */
  readonly name: string;
  readonly id: string;
  /** Bits: 1 ephemeral, 2 admin, 4 solo (T9). */
  readonly attrs: bigint;
  readonly commsKey: KeyObject;
  readonly sigKey: KeyObject;
  /** As the member sent them: `host:port`, perhaps with `TcpEndPoint: ` in front (T5). */
  readonly endPoints: readonly string[];
}

/** Members of a cluster: those of one ClusterMembers reply, which may have no room for all (R9), or all of them. */
export interface Roster {
  readonly clusterId: string;
  /** Undefined where neither this reply (older servers) nor an earlier one of the session tells it (R11). */
  readonly size: number | undefined;
  /** By ascending index. */
  readonly members: readonly ClusterMember[];
}

/** `Which` of all 64 seats (R8). */
export const ALL_MEMBERS = 0xffff_ffff_ffff_ffffn;

/** The bit of a seat in a `Which` (R8); that of seat 64 is one more than all of them. */
export function seatBit(index: number): bigint {
  return 1n << BigInt(index);
}

/** Whether a seat's member is the one that was seen there, with the same token. */
export function isSameMember(seen: ClusterMember | undefined, member: ClusterMember): boolean {
  if (seen === undefined || seen.id !== member.id || seen.name !== member.name) return false;
  if (seen.attrs !== member.attrs || seen.endPoints.join('\n') !== member.endPoints.join('\n')) return false;
  return seen.commsKey.equals(member.commsKey) && seen.sigKey.equals(member.sigKey);
}

/**
 * All members, from as many replies as that takes (R9): 65 at most, since each but the last has to bring one more.
 * Rejects as `ask` does, which makes one GetCluster of a `Which`.
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
    return { ...roster, members: [...seats.values()].sort((one, other) => one.index - other.index) };
  }
}

/** Cluster attrs bit 1 (R4). */
export const CLUSTER_EPHEMERAL = 1n;

/** The ID's hex, or a ProtocolError. */
export function hexId(id: Uint8Array | null | undefined): string {
  if (!id || !isNodeId(id)) throw new ProtocolError('the registry sent an ID that is none');
  return Buffer.from(id).toString('hex');
}

/** The bytes of an ID, or a TypeError. */
export function idBytes(hex: string): Buffer {
  const id = Buffer.from(hex, 'hex');
  if (id.length * 2 !== hex.length || !isNodeId(id)) throw new TypeError('an ID should be 40 or 64 hex digits');
  return id;
}

/** The cluster of a CreateReply or JoinReply. */
export function propertiesOf({ ClusterID, ClusterSize, ClusterAttrs, EndPointCount }: Message): ClusterProperties {
  return {
    clusterId: hexId(ClusterID),
    size: checkedSize(ClusterSize),
    endPoints: EndPointCount ?? 1,
    ephemeral: (bigintOf(ClusterAttrs) & CLUSTER_EPHEMERAL) !== 0n,
  };
}

/** What a ClusterMembers reply says of `clusterId`. */
export function rosterOf(reply: Message, clusterId: string | undefined, size: number | undefined): Roster {
  const tokens = reply.Tokens ?? [];
  const which = bigintOf(reply.Which);
  const indexes = Array.from({ length: CLUSTER_SIZE_MAX }, (_, index) => index).filter((index) =>
    hasSeat(which, index),
  );
  if (indexes.length !== tokens.length)
    throw new ProtocolError('the registry sent members without telling whose seats');
  return {
    clusterId: reply.ClusterID?.length ? hexId(reply.ClusterID) : (clusterId ?? hexId(undefined)),
    size: reply.ClusterSize ? checkedSize(reply.ClusterSize) : size,
    members: tokens.map((token, place) => memberOf(token, indexes[place]!)),
  };
}

/** Whether a `Which` has the bit of a seat. */
export function hasSeat(which: bigint, index: number): boolean {
  return ((which >> BigInt(index)) & 1n) === 1n;
}

function checkedSize(size: number | null | undefined): number {
  if (!size || size > CLUSTER_SIZE_MAX) throw new ProtocolError('the registry sent a cluster size that is none');
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
  };
}

function publicKey(spki: Uint8Array | null | undefined, index: number): KeyObject {
  const parts = spki ? parseSpki(spki) : undefined;
  if (parts === undefined) throw new ProtocolError(`the registry sent a key that is none, of member ${index}`);
  return importPublicKey(parts);
}
