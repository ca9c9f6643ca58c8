// One cluster: its properties and its members in the order of their joining. Invariants: index i holds the i-th member
// that joined and never moves; names and client IDs of members are unique; there are at most `size` of them.
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
  /** When it was created here, on the same clock; undefined if it was taken over from a store. */
  readonly createdAt: number | undefined;
  /** The seats of a client that has one here and nowhere else. */
  readonly alone: readonly Cluster[] = [this];
  readonly #members: Registration[] = [];

  constructor(record: ClusterRecord, lastUse: number, createdAt?: number) {
    this.record = record;
    this.lastUse = lastUse;
    this.createdAt = createdAt;
  }

  /** The registrations they joined with, in the order of their seats. */
  get members(): readonly Registration[] {
    return this.#members;
  }

  get isFull(): boolean {
    return this.#members.length >= this.record.size;
  }

  /** The index of a client's seat; -1 if it has none. */
  seatOf(clientId: string): number {
    return this.#members.findIndex((member) => member.clientId === clientId);
  }

  /** The index of the seat under this name; -1 if there is none. */
  seatNamed(name: string): number {
    return this.#members.findIndex((member) => member.name === name);
  }

  /** A seat as it is stored. */
  memberRecord(index: number): MemberRecord {
    const { clientId, name, token } = this.#members[index]!;
    return { kind: 'member', clusterId: this.record.id, index, clientId, name, token };
  }

  /** Takes a seat, or replaces who sits there. */
  seat(index: number, member: Registration): void {
    assert(index <= this.#members.length && index < this.record.size, 'seats are taken in order');
    this.#members[index] = member;
  }

  /** Gives up the seat taken last. */
  unseatLast(member: Registration): void {
    assert(this.#members.at(-1) === member, 'seats are given up in reverse order');
    this.#members.pop();
  }

  /** Tokens of the wanted members from index `from` on, wrapping round, as many as fit; at least one if any is wanted. */
  roster(wanted: bigint, from: number, bytesMax: number): Roster {
    const count = this.#members.length;
    const chosen: number[] = [];
    let bytes = 0;
    let next = 0;
    for (let step = 0; step < count; step++) {
      const index = (from + step) % count;
      if ((wanted & (1n << BigInt(index))) === 0n) continue;
      const { length } = this.#members[index]!.token;
      if (chosen.length > 0 && bytes + length > bytesMax) break;
      chosen.push(index);
      bytes += length;
      next = (index + 1) % count;
    }
    chosen.sort((a, b) => a - b);
    const which = chosen.reduce((bits, index) => bits | (1n << BigInt(index)), 0n);
    const tokens = chosen.map((index) => this.#members[index]!.token);
    return { which, next, bytes: concat(tokens, bytes) };
  }
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
