// The address table: exact while it has room; full, it neither grows nor relaxes a limit.

import { describe, expect, it } from 'vitest';
import { AddressTable } from '../../src/admission/address-table.ts';
import { SHARED_ADDRESS_ENTRIES } from '../../src/limits.ts';

const RATE = { perSecond: 1, burst: 10 };
const idle = () => true;

describe('a table with room for four addresses', () => {
  it('forgets idle addresses to make room', () => {
    const table = new AddressTable(RATE, 0, idle, 4);
    for (let i = 0; i < 100; i++) table.of(`idle${i}`, 0);
    expect(table.size).toBe(4);
    const use = table.of('busy', 0);
    use.connections = 1;
    for (let i = 0; i < 100; i++) table.of(`more${i}`, 0);
    expect(table.of('busy', 0)).toBe(use);
    expect(table.size).toBeLessThanOrEqual(4);
  });

  it('keeps addresses with a connection or spent Hellos, whoever floods it', () => {
    const table = new AddressTable(RATE, 0, idle, 4);
    const connected = table.of('connected', 0);
    connected.connections = 1;
    const spent = table.of('spent', 0);
    while (spent.hellos.take(0));
    for (let i = 0; i < 10_000; i++) table.of(`flood${i}`, 0).hellos.take(0);
    expect(table.size).toBe(4);
    expect(table.of('connected', 0)).toBe(connected);
    expect(table.of('spent', 0)).toBe(spent);
    expect(table.of('spent', 0).hellos.take(0)).toBe(false);
  });

  it('makes addresses without room share their limits', () => {
    const table = new AddressTable(RATE, 0, idle, 4);
    for (let i = 0; i < 4; i++) table.of(`held${i}`, 0).connections = 1;
    let taken = 0;
    for (let i = 0; i < 100_000; i++) if (table.of(`flood${i}`, 0).hellos.take(0)) taken += 1;
    expect(taken).toBeLessThanOrEqual(1_024 * RATE.burst);
    expect(table.of('flood1', 0)).toBe(table.of('flood1', 0));
  });

  it('numbers each entry, and reuses no number that added to the table lately (R4)', () => {
    const busy = new Set<number>();
    const table = new AddressTable(RATE, 0, (entry) => !busy.has(entry), 4);
    const numbers = Array.from({ length: 4 }, (_, i) => table.of(`held${i}`, 0).entry);
    expect(numbers).toEqual([1, 2, 3, 4]);
    for (const number of [1, 2, 4]) busy.add(number);
    expect(table.of('next', 0).entry).toBe(3);
    busy.add(3);
    const shared = table.of('late', 0).entry;
    expect(shared).toBeGreaterThan(4);
    expect(shared).toBeLessThanOrEqual(4 + SHARED_ADDRESS_ENTRIES);
    for (let i = 0; i < 1_000; i++) table.of(`flood${i}`, 0);
    expect(['held0', 'held1', 'next', 'held3'].map((holder) => table.of(holder, 0).entry)).toEqual([1, 2, 3, 4]);
  });

  it('gives an address its own entry once there is room', () => {
    const table = new AddressTable(RATE, 0, idle, 4);
    for (let i = 0; i < 4; i++) table.of(`spent${i}`, 0).hellos.take(0);
    const shared = table.of('late', 0);
    expect(table.of('late', 999)).toBe(shared);
    expect(table.of('late', 1_000)).not.toBe(shared);
  });
});
