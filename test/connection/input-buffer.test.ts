// The front end's buffer of unserved bytes: it returns what it was given, and copies in linear time.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputBuffer } from '../../src/connection/input-buffer.ts';
import { fastest } from '../wire/fastest.ts';

const step = fc.oneof(
  fc.record({ add: fc.uint8Array({ minLength: 1, maxLength: 40 }) }),
  fc.record({ consume: fc.double({ min: 0, max: 1, noNaN: true }) }),
);

describe('on TCP', () => {
  it('keeps bytes in order, and never changes what it returned', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const input = new InputBuffer('tcp');
        let expected = Buffer.alloc(0);
        const returned: { view: Uint8Array; copy: Buffer }[] = [];
        for (const step of steps) {
          if ('add' in step) {
            input.add(Buffer.from(step.add));
            expected = Buffer.concat([expected, step.add]);
          } else if (expected.length > 0) {
            const count = Math.max(1, Math.round(step.consume * expected.length));
            input.consume(count);
            expected = expected.subarray(count);
          }
          expect(input.pieces).toBe(expected.length > 0 ? 1 : 0);
          expect(Buffer.from(input.first ?? []).equals(expected)).toBe(true);
          if (input.first) returned.push({ view: input.first, copy: Buffer.from(input.first) });
        }
        for (const { view, copy } of returned) expect(copy.equals(view)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('never writes to the memory of a segment that it was given', () => {
    const memory = Buffer.alloc(64, 0x5a);
    const input = new InputBuffer('tcp');
    input.add(memory.subarray(0, 16));
    input.add(Buffer.alloc(16, 1));
    expect(memory.every((byte) => byte === 0x5a)).toBe(true);
  });

  it("copies in proportion to a message's bytes, however many segments it has (F4)", () => {
    const segment = Buffer.alloc(16);
    const gather = (count: number) => () => {
      const input = new InputBuffer('tcp');
      for (let i = 0; i < count; i++) input.add(segment);
    };
    expect(fastest(20, gather(1_024))).toBeLessThan(16 * 3 * fastest(20, gather(64)));
  });
});

it('keeps frames apart on WebSocket', () => {
  const input = new InputBuffer('ws');
  for (const byte of [1, 2, 3]) input.add(Buffer.alloc(4, byte));
  expect(input.pieces).toBe(3);
  input.consume(4);
  expect(input.first).toEqual(Buffer.alloc(4, 2));
  input.clear();
  expect(input.first).toBeUndefined();
});
