// Frames of the sealed dialect: one for each request, several for a long reply.

import { describe, expect, it } from 'vitest';
import { SEALED_PART_BYTES_MAX, SEALED_REPLY_BYTES_MAX, SEALED_REQUEST_BYTES_MAX } from '../../src/limits.ts';
import { CipherState } from '../../src/noise/cipher-state.ts';
import { encryptFrames, encryptRequest, FrameAssembly } from '../../src/wire/sealed-frame.ts';

const key = () => new Uint8Array(32).fill(5);
const part = SEALED_PART_BYTES_MAX;

describe.each([1, part - 1, part, part + 1, 2 * part, 2 * part + 1, SEALED_REPLY_BYTES_MAX])(
  'a reply of %i bytes',
  (length) => {
    const message = Buffer.alloc(length, 'message');

    it.each([true, false])('is put together again (length field: %s)', (withLength) => {
      const pieces = [message.subarray(0, length / 2), message.subarray(length / 2)];
      const frames = encryptFrames(new CipherState(key()), pieces, withLength);
      expect(frames.length).toBe(Math.ceil(length / part));
      const [receive, assembly] = [new CipherState(key()), new FrameAssembly()];
      const results = frames.map((frame) => {
        const sealed = withLength ? frame.subarray(2) : frame;
        if (withLength) expect(frame.readUInt16BE(0)).toBe(sealed.length);
        return assembly.add(receive.decrypt(sealed));
      });
      expect(Buffer.compare(results.pop() as Uint8Array, message)).toBe(0);
      for (const result of results) expect(result).toBe('more');
    });
  },
);

it('refuses to write a reply above the bound', () => {
  const message = Buffer.alloc(SEALED_REPLY_BYTES_MAX + 1);
  expect(() => encryptFrames(new CipherState(key()), [message], true)).toThrow('bound');
});

it('writes the longest request as a frame of 16,384 bytes behind its length', () => {
  const frame = encryptRequest(new CipherState(key()), Buffer.alloc(SEALED_REQUEST_BYTES_MAX), true);
  expect([frame.length, frame.readUInt16BE(0)]).toEqual([16_386, 16_384]);
});

it('refuses frames that no registry sends', () => {
  const full = Buffer.alloc(part + 1, 1);
  for (const frames of [['02aa'], ['00'], [''], ['01aa']]) {
    const assembly = new FrameAssembly();
    expect(assembly.add(Buffer.from(frames[0]!, 'hex'))).toBe('bad');
  }
  const assembly = new FrameAssembly();
  for (let parts = 1; parts * part <= SEALED_REPLY_BYTES_MAX; parts++) expect(assembly.add(full)).toBe('more');
  expect(assembly.add(full)).toBe('bad');
});
