// One cluster: its properties and its members, each in a seat. Invariants: a member never moves to another index; who
// joins gets the lowest that is free; names and client IDs of members are unique; there are at most `size` of them.
import { strict as assert } from 'node:assert';
import type { ClusterProperties, ClusterRecord, MemberRecord, Registration } from './command.ts';
import { chooseMembers, joinTokens, type Roster } from './roster.ts';

const CLUSTER_EPHEMERAL = 1n;

/** Whether a cluster is forgotten when no member asks for it any more (R4). */
export function isEphemeral({ attrs }: ClusterProperties): boolean {
  return (attrs & CLUSTER_EPHEMERAL) !== 0n;
}

/** A client, as far as its clusters are concerned. */
export interface Maker {
  /** Clusters that it made since the start and that are still there. */
  clustersMade: number;
}

export class Cluster {
  record: ClusterRecord;
  /** When a member last asked for it, it was created, or its last member left; in milliseconds of the coordinator's clock. */
  lastUse: number;
  /** Of when the other servers on the store know a use, in whole seconds of that clock. */
  toldUse: number;
  /** When it was created here, on the same clock; undefined if it came from a store, or a member was evicted. */
  createdAt: number | undefined;
  /** Who made it here; undefined if it came from a store. */
  maker: Maker | undefined;
  /** The seats of a client that has one here and nowhere else. */
  readonly alone: readonly Cluster[] = [this];
  /** By index, up to the highest that is taken; a hole is a seat whose member was evicted. */
  readonly #seats: (Registration | undefined)[] = [];
  #memberCount = 0;

  constructor(record: ClusterRecord, lastUse: number, createdAt?: number) {
    this.record = record;
    this.lastUse = lastUse;
    this.toldUse = Math.floor(lastUse / 1_000);
    this.createdAt = createdAt;
  }

  /** The registrations that members joined with, by index, up to the highest that is taken. */
  get seats(): readonly (Registration | undefined)[] {
    return this.#seats;
  }

  get memberCount(): number {
    return this.#memberCount;
  }

  get isFull(): boolean {
    return this.#memberCount >= this.record.size;
  }

  /** The lowest index that nobody has: holes are filled first, since a cluster that others wait for has to become full. */
  get freeIndex(): number {
    return this.#memberCount === this.#seats.length ? this.#seats.length : this.#seats.indexOf(undefined);
  }

  /** The index of a client's seat; -1 if it has none. */
  seatOf(clientId: string): number {
    return this.#seats.findIndex((member) => member?.clientId === clientId);
  }

  /** The index of the seat under this name; -1 if there is none. */
  seatNamed(name: string): number {
    return this.#seats.findIndex((member) => member?.name === name);
  }

  /** A seat as it is stored. */
  memberRecord(index: number): MemberRecord {
    const { clientId, name, token } = this.#seats[index]!;
    return { kind: 'member', clusterId: this.record.id, index, clientId, name, token };
  }

  /** Takes a seat, or replaces who sits there. */
  seat(index: number, member: Registration): void {
    assert(index < this.record.size, 'a cluster has as many seats as its size');
    while (this.#seats.length < index) this.#seats.push(undefined);
    if (this.#seats[index] === undefined) this.#memberCount += 1;
    this.#seats[index] = member;
  }

  /** Empties a seat that is taken; all others stay where they are. */
  unseat(index: number): void {
    assert(this.#seats[index] !== undefined, 'a seat that is emptied is taken');
    this.#seats[index] = undefined;
    this.#memberCount -= 1;
    while (this.#seats.length > 0 && this.#seats.at(-1) === undefined) this.#seats.pop();
  }

  /** Tokens of the wanted members from index `from` on, wrapping round, as many as fit; at least one if any is wanted. */
  roster(wanted: bigint, from: number, bytesMax: number): Roster {
    const tokenBytes = (index: number) => this.#seats[index]?.token.length ?? 0;
    const { indexes, which, next, bytes } = chooseMembers(this.#seats.length, tokenBytes, wanted, from, bytesMax);
    const tokens = indexes.map((index) => this.#seats[index]!.token);
    return { which, next, bytes: joinTokens(tokens, bytes) };
  }
}
