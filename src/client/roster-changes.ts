// A cluster as a reply of the sealed dialect tells it to a reader that knows an earlier version (V1 to V5).
import { hash } from 'node:crypto';
import { bigintOf, longOf, type Message } from '../wire/message.ts';
import { idBytes, type Roster } from './cluster.ts';
import type { ReceivedMessage } from './message-codec.ts';

/** The version that a reader has. It asks for this cluster by ID: versions of another one mean nothing. */
export interface KnownRoster {
  /** Hex ID of the cluster. */
  readonly clusterId: string;
  /** Rises with each change of the roster (V1). */
  readonly version: bigint;
  /** 8 random bytes of the server process; a version counts with them only (V1). */
  readonly history: Uint8Array;
}

/** A request for what is newer than `known`, or for everything. */
export interface ChangesRequest {
  /** The version that the reader has; undefined for everything. */
  readonly known: KnownRoster | undefined;
  /** Milliseconds that the registry may hold the answer back while nothing is newer; 0: it answers at once. */
  readonly waitMs: number;
  /** The event that ends the wait: any change, or completion. */
  readonly until: 'change' | 'complete';
}

/** The answer: `members` are those that have changed since the known version, or all. */
export interface RosterChanges extends Roster {
  /** Undefined if the registry does not know versions: `members` are all then. */
  readonly known: KnownRoster | undefined;
  /** Bits of the seats that have become empty. */
  readonly emptied: bigint;
  /** Hash of the whole roster. */
  readonly rosterHash: Uint8Array | undefined;
  /** SHA-256 of the tokens of `members`, in the same order. */
  readonly digests: readonly Buffer[];
}

/** Fields of a GetCluster besides its cluster. */
export function changesFields({ known, waitMs, until }: ChangesRequest): Message {
  if (!known) return {};
  const wait = { WaitMs: waitMs, WaitFor: until === 'complete' ? 1 : 0 };
  return { KnownVersion: longOf(known.version), History: known.history, ...(waitMs > 0 && wait) };
}

/** Returns what the reply tells besides `roster`. */
export function changesIn(reply: ReceivedMessage, roster: Roster): RosterChanges {
  const { ClusterVersion, History, Emptied, RosterHash, tokenBytes = [] } = reply;
  const version = ClusterVersion && History?.length ? bigintOf(ClusterVersion) : undefined;
  const known =
    version === undefined ? undefined : { clusterId: roster.clusterId, version, history: Uint8Array.from(History!) };
  return {
    ...roster,
    known,
    emptied: known ? bigintOf(Emptied) : ~bigintOf(reply.Which),
    rosterHash: RosterHash?.length ? RosterHash : undefined,
    digests: tokenBytes.map((bytes) => hash('sha256', bytes, 'buffer')),
  };
}

/** The RosterHash of tokens with these digests, by index (V3). */
export function rosterHashOf(clusterId: string, digests: ReadonlyMap<number, Uint8Array>): Buffer {
  const parts: Uint8Array[] = [idBytes(clusterId)];
  for (const index of [...digests.keys()].sort((one, other) => one - other)) {
    parts.push(Uint8Array.of(index), digests.get(index)!);
  }
  return hash('sha256', Buffer.concat(parts), 'buffer');
}
