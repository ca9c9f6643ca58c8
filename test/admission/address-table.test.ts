// The address table: exact while it has room; full, it neither grows nor relaxes a limit.

import { describe, expect, it } from 'vitest';
import { AddressMemory, newAddressMemory } from '../../src/admission/address-memory.ts';
import { AddressTable, type IsIdle } from '../../src/admission/address-table.ts';
import { SHARED_ADDRESS_ENTRIES } from '../../src/limits.ts';

const RATE = { perSecond: 1, burst: 10 };
const ANY = Number.POSITIVE_INFINITY;

/** The `i`th address of a group. */
function address(group: number, i: number): string {
  return `10.${group}.${i >> 8}.${i & 255}`;
}

/** A table of one set with four entries, and short ways to use it. */
function tableOfFour(isIdle: IsIdle = () => true) {
  const table = new AddressTable(new AddressMemory(newAddressMemory(1, 4)), 0, RATE, isIdle);
  /** Opens a connection and closes it. */
  const visit = (holder: string, now = 0) => {
    const entry = table.enter(holder, ANY, () => now)!;
    table.leave(entry);
    return entry;
  };
  /** A Hello on a connection of its own. */
  const hello = (holder: string, now = 0) => table.takeHello(visit(holder, now), now, 1);
  return { table, visit, hello };
}

describe('a table with room for four addresses', () => {
  it('forgets idle addresses to make room', () => {
    const { table, visit } = tableOfFour();
    for (let i = 0; i < 100; i++) visit(address(0, i));
    expect(table.size).toBe(4);
    const busy = table.enter(address(1, 0), ANY, () => 0);
    for (let i = 0; i < 100; i++) visit(address(2, i));
    expect(visit(address(1, 0))).toBe(busy);
    expect(table.size).toBe(4);
  });

  it('keeps addresses with a connection or spent Hellos, whoever floods it', () => {
    const { table, visit, hello } = tableOfFour();
    const connected = table.enter(address(1, 0), ANY, () => 0);
    while (hello(address(1, 1)));
    const spent = visit(address(1, 1));
    for (let i = 0; i < 10_000; i++) hello(address(2, i));
    expect(table.size).toBe(4);
    expect([visit(address(1, 0)), visit(address(1, 1))]).toEqual([connected, spent]);
    expect(hello(address(1, 1))).toBe(false);
  });

  it('makes addresses without room share their limits', () => {
    const { table, visit, hello } = tableOfFour();
    for (let i = 0; i < 4; i++) table.enter(address(1, i), ANY, () => 0);
    let taken = 0;
    for (let i = 0; i < 60_000; i++) if (hello(address(2, i))) taken += 1;
    expect(taken).toBeLessThanOrEqual(SHARED_ADDRESS_ENTRIES * RATE.burst);
    expect(visit(address(2, 1))).toBe(visit(address(2, 1)));
  });

  it('numbers each entry, and reuses no number that added to the table lately (R4)', () => {
    const busy = new Set<number>();
    const { visit } = tableOfFour((entry) => !busy.has(entry));
    const held = Array.from({ length: 4 }, (_, i) => address(1, i));
    expect(held.map((holder) => visit(holder))).toEqual([1, 2, 3, 4]);
    for (const number of [1, 2, 4]) busy.add(number);
    expect(visit(address(2, 0))).toBe(3);
    busy.add(3);
    const shared = visit(address(3, 0));
    expect(shared).toBeGreaterThan(4);
    expect(shared).toBeLessThanOrEqual(4 + SHARED_ADDRESS_ENTRIES);
    for (let i = 0; i < 1_000; i++) visit(address(4, i));
    expect([held[0]!, held[1]!, address(2, 0), held[3]!].map((holder) => visit(holder))).toEqual([1, 2, 3, 4]);
  });

  it('gives an address its own entry once there is room', () => {
    const { visit, hello } = tableOfFour();
    for (let i = 0; i < 4; i++) hello(address(1, i));
    const shared = visit(address(2, 0));
    expect(visit(address(2, 0), 0.999)).toBe(shared);
    expect(visit(address(2, 0), 1)).not.toBe(shared);
  });

  it('counts connections of an IPv4 address and of an IPv6 network exactly', () => {
    const { table } = tableOfFour();
    const holders = ['0.0.0.0', '255.255.255.255', '0:0:0:0::/64', '2001:db8:0:1::/64'];
    for (const holder of holders) {
      expect([0, 1, 2, 3].map(() => table.enter(holder, 3, () => 0) !== undefined)).toEqual([true, true, true, false]);
    }
    expect(new Set(holders.map((holder) => table.enter(holder, ANY, () => 0))).size).toBe(4);
    expect(table.mostUsed(0).connectionsOfAddress).toBe(4);
  });
});

describe('a set that a dead front end has left locked', () => {
  it('gives shared entries, and works again once it is recovered', () => {
    const memory = newAddressMemory(1, 4);
    const { locks, states } = new AddressMemory(memory);
    const alive = new AddressTable(new AddressMemory(memory), 0, RATE, () => true);
    const known = alive.enter(address(1, 0), ANY, () => 0)!;
    // As if front end 1 had died between the lock and the key.
    locks[0] = 2;
    states[2] = 1;
    expect(alive.enter(address(1, 1), ANY, () => 0)).toBeGreaterThan(4);
    expect(alive.enter(address(1, 0), ANY, () => 0)).toBe(known);
    new AddressMemory(memory).recover(0);
    expect(locks[0]).toBe(2);
    new AddressMemory(memory).recover(1);
    expect(alive.enter(address(1, 1), ANY, () => 0)).toBe(2);
  });
});
