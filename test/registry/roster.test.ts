// Rosters (R8, R9): repeated requests reach every member, within the bound, in the order of the bits.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Cluster } from '../../src/registry/cluster.ts';
import { idOf } from './arbitrary-commands.ts';

const ALL = 2n ** 64n - 1n;

/** A cluster whose member i has a token of this many bytes, each of them i. */
function withTokens(lengths: readonly number[]): Cluster {
  const clusterId = idOf(0xcc);
  const cluster = new Cluster({ kind: 'cluster', id: clusterId, name: 'c', size: 64, endPointCount: 1, attrs: 0n }, 0);
  for (const [index, length] of lengths.entries()) {
    const token = new Uint8Array(length).fill(index);
    cluster.seat(index, { clientId: idOf(index), name: `${index}`, token });
  }
  return cluster;
}

/** The members whose bits are set. */
function indexesOf(which: bigint): number[] {
  return Array.from({ length: 64 }, (_, index) => index).filter((index) => (which >> BigInt(index)) & 1n);
}

const lengths = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 64, size: 'max' });
const start = fc.nat(63);
const bound = fc.nat(400);

describe('asking for all again and again', () => {
  it('visits every member, each reply starting behind the last (R9)', () => {
    fc.assert(
      fc.property(lengths, bound, start, (lengths, bytesMax, from) => {
        const cluster = withTokens(lengths);
        const visited: number[] = [];
        let next = from;
        for (let request = 0; request < lengths.length && visited.length < lengths.length; request++) {
          const roster = cluster.roster(ALL, next, bytesMax);
          const sent = indexesOf(roster.which);
          const expected = sent.map((_, i) => (next + i) % lengths.length);
          expect(expected.toSorted((a, b) => a - b)).toEqual(sent);
          visited.push(...expected);
          expect(roster.next).toBe((visited.at(-1)! + 1) % lengths.length);
          next = roster.next;
        }
        expect(new Set(visited).size).toBe(lengths.length);
      }),
    );
  });

  it('visits every member within as many replies as their bytes need (R9)', () => {
    const length = fc.integer({ min: 1, max: 60 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), length, bound, start, (count, length, bytesMax, from) => {
        const cluster = withTokens(new Array(count).fill(length));
        const aReply = Math.max(1, Math.floor(bytesMax / length));
        const visited = new Set<number>();
        let next = from;
        for (let request = 0; request < Math.ceil(count / aReply); request++) {
          const roster = cluster.roster(ALL, next, bytesMax);
          for (const index of indexesOf(roster.which)) visited.add(index);
          next = roster.next;
        }
        expect(visited.size).toBe(count);
      }),
    );
  });

  it('begins again at index 0 after the highest (R9)', () => {
    const cluster = withTokens([1, 1, 1]);
    expect([0, 1, 2].map((from) => cluster.roster(ALL, from, 1).next)).toEqual([1, 2, 0]);
  });

  it('continues in a cluster that has grown or is another one (R9)', () => {
    fc.assert(
      fc.property(lengths, start, bound, (lengths, from, bytesMax) => {
        const { which, next } = withTokens(lengths).roster(ALL, from, bytesMax);
        expect(which & (1n << BigInt(from % lengths.length))).not.toBe(0n);
        expect(next).toBeLessThan(lengths.length);
      }),
    );
  });
});

describe('a reply', () => {
  const wanted = fc.bigInt({ min: 0n, max: ALL });

  it('keeps its bound, unless one member alone exceeds it (R9)', () => {
    fc.assert(
      fc.property(lengths, wanted, start, bound, (lengths, wanted, from, bytesMax) => {
        const { which, bytes } = withTokens(lengths).roster(wanted, from, bytesMax);
        if (indexesOf(which).length > 1) expect(bytes.length).toBeLessThanOrEqual(bytesMax);
      }),
    );
  });

  it('has only requested members, at least one of them, and as many as fit (R8)', () => {
    fc.assert(
      fc.property(lengths, wanted, start, bound, (lengths, wanted, from, bytesMax) => {
        const { which, bytes } = withTokens(lengths).roster(wanted, from, bytesMax);
        const there = wanted & (2n ** BigInt(lengths.length) - 1n);
        expect(which & ~there).toBe(0n);
        expect(which === 0n).toBe(there === 0n);
        const count = lengths.length;
        const inTurn = lengths.map((_, step) => (from + step) % count);
        const leftOut = inTurn.find((index) => ((there & ~which) >> BigInt(index)) & 1n);
        if (leftOut !== undefined) expect(bytes.length + lengths[leftOut]!).toBeGreaterThan(bytesMax);
      }),
    );
  });

  it('has the tokens in the order of the bits, lowest first, wherever it began (R8)', () => {
    fc.assert(
      fc.property(lengths, wanted, start, bound, (lengths, wanted, from, bytesMax) => {
        const { which, bytes } = withTokens(lengths).roster(wanted, from, bytesMax);
        const expected = indexesOf(which).flatMap((index) => new Array(lengths[index]!).fill(index));
        expect([...bytes]).toEqual(expected);
        expect(bytes.buffer.byteLength).toBe(bytes.length);
      }),
    );
  });

  it('is empty for a cluster without members (R8)', () => {
    expect(withTokens([]).roster(ALL, 5, 100)).toEqual({ which: 0n, next: 0, bytes: new Uint8Array(0) });
  });
});
