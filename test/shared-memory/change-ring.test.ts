// The change ring: what is read from a place, overruns, and the two threads at full speed.
import { describe, expect, it } from 'vitest';
import {
  ChangeRing,
  clusterKey,
  endsWait,
  newChangeRing,
  type PostedChange,
} from '../../src/shared-memory/change-ring.ts';
import { PausedThread } from '../support/paused-thread.ts';
import { until } from '../support/until.ts';

const ID = 'fedcba9876543210'.repeat(4);

function changeOf(version: number, more: Partial<PostedChange> = {}): PostedChange {
  return { cluster: clusterKey(ID), version, complete: false, gone: false, ...more };
}

describe('A change ring', () => {
  it('returns each change since a place, as it was posted', () => {
    const ring = new ChangeRing(newChangeRing(8));
    const place = ring.head;
    const changes = [
      changeOf(1),
      changeOf(2, { complete: true }),
      changeOf(3, { gone: true, cluster: 0xffff_ffff_ffff }),
    ];
    for (const change of changes) ring.post(change);
    expect(ring.since(place)).toEqual(changes);
    expect(ring.since(place + 2)).toEqual(changes.slice(2));
    expect(ring.since(ring.head)).toEqual([]);
  });

  it('says that changes were missed from the moment at which the poster may overwrite them', () => {
    const ring = new ChangeRing(newChangeRing(4));
    const place = ring.head;
    for (let version = 1; version <= 3; version++) ring.post(changeOf(version));
    expect(ring.since(place)).toHaveLength(3);
    ring.post(changeOf(4));
    expect(ring.since(place)).toBe('missed');
    expect(ring.since(place + 1)).toHaveLength(3);
  });

  it('makes every place miss changes after skip(), but not a later one', () => {
    const ring = new ChangeRing(newChangeRing(4));
    const place = ring.head;
    ring.skip();
    expect(ring.since(place)).toBe('missed');
    expect(ring.since(ring.head)).toEqual([]);
  });

  it('keeps its order when the count of changes wraps around', () => {
    const memory = newChangeRing(4);
    new Int32Array(memory)[0] = 0x7fff_ffff;
    const ring = new ChangeRing(memory);
    const place = ring.head;
    for (let version = 1; version <= 3; version++) ring.post(changeOf(version));
    expect(ring.since(place)).toEqual([1, 2, 3].map((version) => changeOf(version)));
  });

  it('unparks its reader only while a connection is parked', () => {
    const ring = new ChangeRing(newChangeRing(4));
    const { epoch } = ring.parker;
    ring.wake();
    expect(ring.parker.epoch).toBe(epoch);
    ring.setParked(true);
    ring.wake();
    expect(ring.parker.epoch).not.toBe(epoch);
  });

  it('unparks each of several readers by itself, from the same entries', () => {
    const memory = newChangeRing(4, 3);
    const [poster, ...readers] = [undefined, 0, 1, 2].map((reader) => new ChangeRing(memory, reader));
    for (const reader of [0, 2]) readers[reader]!.setParked(true);
    const epochs = () => readers.map(({ parker }) => parker.epoch);
    const before = epochs();
    const change = { cluster: 0x1_0000_0001, version: 7, complete: false, gone: false };
    poster!.post(change);
    poster!.wake();
    expect(epochs().map((epoch, reader) => epoch - before[reader]!)).toEqual([1, 0, 1]);
    for (const reader of readers) expect(reader.since(0)).toEqual([change]);
    for (const reader of [0, 2]) readers[reader]!.setParked(false);
    expect(poster!.isParked).toBe(false);
  });

  it('never shows a reader a mix of two entries, however fast another thread posts', async () => {
    const memory = newChangeRing(8);
    const ring = new ChangeRing(memory);
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const poster = new PausedThread(
      { 'shared-memory/change-ring': 'ChangeRing' },
      `const ring = new ChangeRing(data.memory);
       const stop = new Int32Array(data.stop);
       for (let version = 1; Atomics.load(stop, 0) === 0; version = (version + 1) & 0xffff) {
         ring.post({ cluster: version * 0x10000 + version, version, complete: version % 2 === 1, gone: false });
       }`,
      { memory, stop: stop.buffer },
    );
    let read = 0;
    await until(() => ring.head !== 0);
    for (let place = ring.head; read < 20_000; place = ring.head) {
      while (ring.head === place);
      const changes = ring.since(place);
      if (changes === 'missed') continue;
      for (const { cluster, version, complete } of changes) {
        expect([cluster, complete]).toEqual([version * 0x1_0000 + version, version % 2 === 1]);
        read += 1;
      }
    }
    Atomics.store(stop, 0, 1);
    await poster.ended;
    expect(read).toBeGreaterThanOrEqual(20_000);
  });
});

describe('A change ends a wait', () => {
  it('for a change if its version is later, also when versions pass 2^32', () => {
    expect([4, 5, 6].map((version) => endsWait(changeOf(version), 5, 'change'))).toEqual([false, false, true]);
    expect(endsWait(changeOf((2 ** 32 + 1) | 0), 2 ** 32 - 1, 'change')).toBe(true);
    expect(endsWait(changeOf((2 ** 32 - 1) | 0), 2 ** 32 + 1, 'change')).toBe(false);
  });

  it('for completion if it completes the cluster, and any if the cluster is gone', () => {
    expect(endsWait(changeOf(9), 5, 'complete')).toBe(false);
    expect(endsWait(changeOf(9, { complete: true }), 5, 'complete')).toBe(true);
    for (const until of ['change', 'complete'] as const) {
      expect(endsWait(changeOf(0, { gone: true }), 5, until)).toBe(true);
    }
  });
});
