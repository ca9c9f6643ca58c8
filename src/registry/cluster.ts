// One cluster: its properties, its members and its entries. Invariants: a member never changes its index. A new member gets the
// lowest free index. Names and client IDs of members are unique. At most `size` seats are taken.
import { strict as assert } from 'node:assert';
import { hash } from 'node:crypto';
import { ClusterVersions, type LossReason } from './cluster-versions.ts';
import type { ClusterProperties, ClusterRecord, EntryRecord, MemberRecord, Registration } from './command.ts';
import { chooseMembers, joinWholeTokens, type Roster, wholeTokenBytes, wholeTokenContent } from './roster.ts';
import type { Round } from './round.ts';
import type { RoundState } from './round-change.ts';
import { bitsWhere } from './seat-bits.ts';

const CLUSTER_EPHEMERAL = 1n;
const DIGEST_BYTES = 32;
const NO_ENTRIES: ReadonlyMap<string, Uint8Array> = new Map();
const NO_MOVES: ReadonlyMap<number, number> = new Map();

/** Ephemeral clusters expire once no member asks for them (R4). */
export function isEphemeral({ attrs }: ClusterProperties): boolean {
  return (attrs & CLUSTER_EPHEMERAL) !== 0n;
}

/** The client that created a cluster, as the cluster sees it. */
export interface Maker {
  /** Existing clusters that it created since the start of this server. */
  clustersMade: number;
}

export class Cluster {
  record: ClusterRecord;
  /**
   * Last use: the creation, a member's request, or the last member's departure. In milliseconds of the coordinator's
   * clock.
   */
  lastUse: number;
  /** Last use that the other servers know of, in whole seconds of the same clock. */
  announcedUse: number;
  /** Creation time on the same clock. Undefined for a cluster from the store, and after an eviction. */
  createdAt: number | undefined;
  /** The client that created it on this server; undefined for a cluster from the store. */
  maker: Maker | undefined;
  /** Shared `seats` array of all clients whose only seat is in this cluster. */
  readonly alone: readonly Cluster[] = [this];
  readonly versions = new ClusterVersions();
  /**
   * Digests of members' tokens as the RosterHash has them, in a cluster that is filling: each Join then hashes one token.
   * BOUNDED by the size.
   */
  #digests: { readonly of: (Registration | undefined)[]; readonly bytes: Buffer } | undefined;
  /** The RosterHash of sealed readers, and the version that it is of. */
  #rosterHash: { readonly version: number; readonly hash: Uint8Array } | undefined;
  /** The progress of a cluster with a barrier. Only Barriers writes it and `round`. */
  roundState: RoundState = '';
  /** The open round. */
  round: Round | undefined;
  /** By index, up to the highest taken. A hole is the seat of an evicted member. */
  readonly #seats: (Registration | undefined)[] = [];
  #memberCount = 0;
  /** Undefined without entries, as most clusters are. BOUNDED by ENTRIES_PER_CLUSTER_MAX. */
  #entries: Map<string, Uint8Array> | undefined;
  /** The result of deriveFromEntries(), until an entry changes. */
  #derived: unknown;
  /** Undefined before the first move. BOUNDED by the size. */
  #movedAt: Map<number, number> | undefined;

  constructor(record: ClusterRecord, lastUse: number, createdAt?: number) {
    this.record = record;
    this.lastUse = lastUse;
    this.announcedUse = Math.floor(lastUse / 1_000);
    this.createdAt = createdAt;
  }

  /** Registrations the members joined with, by index, up to the highest taken. */
  get seats(): readonly (Registration | undefined)[] {
    return this.#seats;
  }

  get memberCount(): number {
    return this.#memberCount;
  }

  get isFull(): boolean {
    return this.#memberCount >= this.record.size;
  }

  /** Values of the entries by their keys, in hex. */
  get entries(): ReadonlyMap<string, Uint8Array> {
    return this.#entries ?? NO_ENTRIES;
  }

  /** Lowest free index. Fills holes first, because others may wait for the cluster to become full. */
  get freeIndex(): number {
    return this.#memberCount === this.#seats.length ? this.#seats.length : this.#seats.indexOf(undefined);
  }

  /** Index of a client's seat; -1 if it has none. */
  seatOf(clientId: string): number {
    return this.#seats.findIndex((member) => member?.clientId === clientId);
  }

  /** Index of the member with this name; -1 if there is none. */
  seatNamed(name: string): number {
    return this.#seats.findIndex((member) => member?.name === name);
  }

  /** The record that the store keeps for a taken seat. */
  memberRecord(index: number): MemberRecord {
    const { clientId, name, token, sealed } = this.#seats[index]!;
    return { kind: 'member', clusterId: this.record.id, index, clientId, name, token, ...(sealed && { sealed }) };
  }

  /** The records that the store keeps for the entries. */
  *entryRecords(): Iterable<EntryRecord> {
    for (const [key, value] of this.entries) yield { kind: 'entry', clusterId: this.record.id, key, value };
  }

  /** Adds or replaces an entry. The caller bounds their number. */
  setEntry(key: string, value: Uint8Array): void {
    this.#entries ??= new Map();
    this.#entries.set(key, value);
    this.#derived = undefined;
  }

  /** Removes an entry if there is one. */
  deleteEntry(key: string): void {
    this.#entries?.delete(key);
    this.#derived = undefined;
    if (this.#entries?.size === 0) this.#entries = undefined;
  }

  /** Remembers what one function derives from the entries, until one of them changes. Always call it with that function. */
  deriveFromEntries<T>(derive: (entries: ReadonlyMap<string, Uint8Array>) => T): T {
    this.#derived ??= derive(this.entries);
    return this.#derived as T;
  }

  /** Times of the members' last moves since the table was loaded, by index, in milliseconds of the coordinator's clock. */
  get movedAt(): ReadonlyMap<number, number> {
    return this.#movedAt ?? NO_MOVES;
  }

  /** Notes a move; with `at` undefined forgets it. */
  noteMove(index: number, at: number | undefined): void {
    if (at === undefined) this.#movedAt?.delete(index);
    else this.#movedAt = (this.#movedAt ?? new Map()).set(index, at);
  }

  /** Takes a seat or replaces its member. */
  seat(index: number, member: Registration): void {
    assert(index < this.record.size, 'a cluster has as many seats as its size');
    while (this.#seats.length < index) this.#seats.push(undefined);
    const before = this.#seats[index];
    if (before === undefined) this.#memberCount += 1;
    else if (before.clientId !== member.clientId) {
      // Another server has written it. A replacement keeps the name (A5).
      const isReplaced = this.record.owner !== undefined && before.name === member.name;
      this.versions.unseated(index, before.clientId, isReplaced ? 'replaced' : 'evicted');
    }
    this.#seats[index] = member;
    this.versions.seated(index, member.clientId);
  }

  /** Empties a taken seat. All other members keep their index. Without a reason it undoes seat(). */
  unseat(index: number, why?: LossReason): void {
    const before = this.#seats[index];
    assert(before, 'a seat that is emptied is taken');
    this.versions.unseated(index, before.clientId, why);
    this.#seats[index] = undefined;
    this.#memberCount -= 1;
    while (this.#seats.length > 0 && this.#seats.at(-1) === undefined) this.#seats.pop();
  }

  /** Bits of the seats without a member. */
  get emptySeats(): bigint {
    return bitsWhere(this.record.size, (index) => this.#seats[index] === undefined);
  }

  /** YourSeat of a client: its index, or why it has none (V4). */
  seatCode(clientId: string): number {
    const index = this.seatOf(clientId);
    return index >= 0 ? index : this.versions.lossCode(clientId);
  }

  /** SHA-256 over the whole roster as readers of the sealed dialect get it (V3). Computed once for each version. */
  get rosterHash(): Uint8Array {
    const { version } = this.versions;
    if (this.#rosterHash?.version === version) return this.#rosterHash.hash;
    this.#digests ??= { of: [], bytes: Buffer.alloc(this.record.size * DIGEST_BYTES) };
    const { of, bytes } = this.#digests;
    const parts: Uint8Array[] = [Buffer.from(this.record.id, 'hex')];
    for (const [index, member] of this.#seats.entries()) {
      if (!member) continue;
      const digest = bytes.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES);
      if (of[index] !== member) {
        digest.set(hash('sha256', wholeTokenContent(member.token, member.sealed), 'buffer'));
        of[index] = member;
      }
      parts.push(Uint8Array.of(index), digest);
    }
    if (this.isFull) this.#digests = undefined;
    this.#rosterHash = { version, hash: hash('sha256', Buffer.concat(parts), 'buffer') };
    return this.#rosterHash.hash;
  }

  /**
   * Tokens of the wanted members from index `from` on, wrapping round, as many as fit. Includes at least one if any is
   * wanted (R9). With `sealed`, the tokens have their fields 32 to 35.
   */
  roster(wanted: bigint, from: number, bytesMax: number, sealed = false): Roster {
    const fieldsOf = (member: Registration) => (sealed ? member.sealed : undefined);
    const tokenBytes = (index: number) => {
      const member = this.#seats[index];
      return member ? wholeTokenBytes(member.token, fieldsOf(member)) : 0;
    };
    const { indexes, which, next, bytes } = chooseMembers(this.#seats.length, tokenBytes, wanted, from, bytesMax);
    const members = indexes.map((index) => this.#seats[index]!);
    return {
      which,
      next,
      bytes: joinWholeTokens(
        members.map((one) => [one.token, fieldsOf(one)]),
        bytes,
      ),
    };
  }
}
