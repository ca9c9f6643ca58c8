// One cluster: its properties and its members in the order of their joining. Invariants: index i holds the i-th member
// that joined and never moves; names and client IDs of members are unique; there are at most `size` of them.
import { strict as assert } from 'node:assert';
import type { ClusterRecord, MemberRecord } from './command.ts';

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
  readonly #members: MemberRecord[] = [];

  constructor(record: ClusterRecord, lastUse: number) {
    this.record = record;
    this.lastUse = lastUse;
  }

  get members(): readonly MemberRecord[] {
    return this.#members;
  }

  get isFull(): boolean {
    return this.#members.length >= this.record.size;
  }

  memberOfClient(clientId: string): MemberRecord | undefined {
    return this.#members.find((member) => member.clientId === clientId);
  }

  memberNamed(name: string): MemberRecord | undefined {
    return this.#members.find((member) => member.name === name);
  }

  /** Takes a seat, or replaces who sits there. */
  seat(member: MemberRecord): void {
    assert(member.index <= this.#members.length && member.index < this.record.size, 'seats are taken in order');
    this.#members[member.index] = member;
  }

  /** Gives up the seat taken last. */
  unseatLast(member: MemberRecord): void {
    assert(this.#members.at(-1) === member, 'seats are given up in reverse order');
    this.#members.pop();
  }

  /** Tokens of the wanted members from index `from` on, wrapping round, as many as fit; at least one if any is wanted. */
  roster(wanted: bigint, from: number, bytesMax: number): Roster {
    const count = this.#members.length;
    const chosen: MemberRecord[] = [];
    let bytes = 0;
    let next = 0;
    for (let step = 0; step < count; step++) {
      const member = this.#members[(from + step) % count]!;
      if ((wanted & (1n << BigInt(member.index))) === 0n) continue;
      if (chosen.length > 0 && bytes + member.token.length > bytesMax) break;
      chosen.push(member);
      bytes += member.token.length;
      next = (member.index + 1) % count;
    }
    chosen.sort((a, b) => a.index - b.index);
    const which = chosen.reduce((bits, member) => bits | (1n << BigInt(member.index)), 0n);
    return { which, next, bytes: concat(chosen, bytes) };
  }
}

/** Not Buffer.concat: its result may be a view of a larger buffer, and posting a view posts all of it. */
function concat(members: readonly MemberRecord[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const member of members) {
    bytes.set(member.token, at);
    at += member.token.length;
  }
  return bytes;
}
