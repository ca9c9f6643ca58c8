// One cluster: its properties and its members, each in a seat. Invariants: a member never moves to another index; who
// joins gets the lowest that is free; names and client IDs of members are unique; there are at most `size` of them.
import { strict as assert } from 'node:assert';
import type { ClusterRecord, MemberRecord, Registration } from './command.ts';

/** What a cluster hands out for a roster. */
export interface Roster {
  readonly which: bigint;
  readonly next: number;
  readonly bytes: Uint8Array;
}

export class Cluster {
  readonly record: ClusterRecord;
  /** When a member last asked for it, in milliseconds of the coordinator's clock. */
  lastUse: number;
  /** Of when the other servers on the store know a use, in whole seconds of that clock. */
  toldUse: number;
  /** When it was created here, on the same clock; undefined if it came from a store, or a member was evicted. */
  createdAt: number | undefined;
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
    const count = this.#seats.length;
    const isWanted = bitsOf(wanted);
    const chosen: number[] = [];
    let bytes = 0;
    let next = 0;
    for (let step = 0; step < count; step++) {
      const index = (from + step) % count;
      const member = this.#seats[index];
      if (member === undefined || !isWanted(index)) continue;
      const { length } = member.token;
      if (chosen.length > 0 && bytes + length > bytesMax) break;
      chosen.push(index);
      bytes += length;
      next = (index + 1) % count;
    }
    chosen.sort((a, b) => a - b);
    const tokens = chosen.map((index) => this.#seats[index]!.token);
    return { which: withBits(chosen), next, bytes: concat(tokens, bytes) };
  }
}

/** Whether a bit of 64 is set: a bigint is asked twice, and not for each seat. */
function bitsOf(bits: bigint): (index: number) => boolean {
  const [low, high] = [Number(bits & 0xffff_ffffn), Number(bits >> 32n)];
  return (index) => (((index < 32 ? low : high) >>> (index % 32)) & 1) === 1;
}

/** The 64 bits of which these are set. */
function withBits(indexes: readonly number[]): bigint {
  let [low, high] = [0, 0];
  for (const index of indexes) {
    if (index < 32) low |= 1 << index;
    else high |= 1 << (index % 32);
  }
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/** The pieces one behind the other; their length in all is known. */
function concat(tokens: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const token of tokens) {
    bytes.set(token, at);
    at += token.length;
  }
  return bytes;
}
