// The roster cache between coordinator and worker, with one of them paused within a step. No page is written while it
// can be read, and every read is consistent.
import { describe, expect, it } from 'vitest';
import { releaseReader } from '../../src/coordinator/roster-cache/hazards.ts';
import { newRosterCacheMemory } from '../../src/coordinator/roster-cache/page.ts';
import { RosterCacheReader } from '../../src/coordinator/roster-cache/reader.ts';
import { RosterCache } from '../../src/coordinator/roster-cache/writer.ts';
import type { ClusterRecord, GetClusterCommand, MemberRecord } from '../../src/registry/command.ts';
import { idOf } from '../registry/arbitrary-commands.ts';
import { PausedThread } from '../support/paused-thread.ts';

const MODULE = {
  'coordinator/roster-cache/reader': 'RosterCacheReader',
  'coordinator/roster-cache/writer': 'RosterCache',
};

/** A cluster; all of them share one page. */
function cluster(number: number): ClusterRecord {
  return { kind: 'cluster', id: idOf(number), name: `c${number}`, size: 64, endPointCount: 1, attrs: 0n };
}

/** A member whose token repeats a byte of its cluster and seat. */
function member(number: number, index: number): MemberRecord {
  const token = new Uint8Array(100).fill(16 * number + index);
  return { kind: 'member', clusterId: idOf(number), index, clientId: idOf(0x80 + index), name: `n${index}`, token };
}

function question(number: number): GetClusterCommand {
  const all = { which: 2n ** 64n - 1n, cursor: undefined, rosterBytesMax: 100_000 };
  return { kind: 'get-cluster', clientId: idOf(0x80), cluster: { id: idOf(number) }, ...all };
}

/** A roster cache of one page that shows cluster 1 with one member. */
function onePage() {
  const memory = newRosterCacheMemory(1);
  const rosterCache = new RosterCache(memory);
  const show = (number: number) => {
    rosterCache.apply(cluster(number));
    rosterCache.apply(member(number, 0));
  };
  show(1);
  /** Reads as another worker; returns the first byte of each token. */
  const second = new RosterCacheReader(memory, 1);
  const read = (number: number) =>
    second.answer(question(number), (reply) =>
      reply.kind === 'roster' ? [...reply.roster].filter((_, at) => at % 100 === 0) : [],
    );
  const seen = new Int32Array(new SharedArrayBuffer(4));
  return { memory, rosterCache, show, read, seen, data: { memory, seen, question: question(1) } };
}

/** Reads as worker 0 and stores the first token's byte: -1 without an answer, -2 if the roster is torn. */
const READ = `
  const reader = new RosterCacheReader(data.memory, 0);
  const read = (look = () => {}) => reader.answer(data.question, ({ roster }) => {
    look();
    return roster.every((byte) => byte === roster[0]) ? roster[0] : -2;
  }) ?? -1;`;

describe('a worker that pauses', () => {
  it("between its hazard and its look prevents the page's writing, and finds the page invalid", async () => {
    const { show, read, seen, data } = onePage();
    const worker = new PausedThread(MODULE, `${READ} pauseAt('store', 'after'); data.seen[0] = read();`, data);
    await worker.paused();
    show(2);
    // Invalidated and not written: the worker may have looked already.
    expect([read(1), read(2)]).toEqual([undefined, undefined]);
    worker.goOn();
    await worker.ended;
    expect(seen[0]).toBe(-1);
    show(2);
    expect(read(2)).toEqual([0x20]);
  });

  it('before its hazard reads the page written meanwhile, whole', async () => {
    const { show, read, seen, data } = onePage();
    const worker = new PausedThread(MODULE, `${READ} pauseAt('store', 'before'); data.seen[0] = read();`, data);
    await worker.paused();
    show(2);
    expect(read(2)).toEqual([0x20]);
    worker.goOn();
    await worker.ended;
    // The page holds another cluster than the one asked for.
    expect(seen[0]).toBe(-1);
  });

  it('within a roster continues with that roster, whatever is added or published', async () => {
    const { rosterCache, show, read, seen, data } = onePage();
    const worker = new PausedThread(MODULE, `${READ} data.seen[0] = read(pause);`, data);
    await worker.paused();
    rosterCache.apply(member(1, 1));
    expect(read(1)).toEqual([0x10, 0x11]);
    show(2);
    rosterCache.apply({ kind: 'cluster-removal', id: idOf(1), name: 'c1', seats: 64 });
    show(3);
    expect([read(1), read(2), read(3)]).toEqual([undefined, undefined, undefined]);
    worker.goOn();
    await worker.ended;
    expect(seen[0]).toBe(0x10);
    show(3);
    expect(read(3)).toEqual([0x30]);
  });

  it('within a roster and dies holds the page until its word is cleared', async () => {
    const { memory, show, read, data } = onePage();
    const worker = new PausedThread(MODULE, `${READ} read(pause);`, data);
    await worker.paused();
    await worker.kill();
    show(2);
    expect(read(2)).toBeUndefined();
    releaseReader(memory, 0);
    show(2);
    expect(read(2)).toEqual([0x20]);
  });
});

it('sees the hazard of a worker whose number is higher than any before', async () => {
  const { memory, show, read } = onePage();
  const late = new PausedThread(
    MODULE,
    `const reader = new RosterCacheReader(data.memory, 200);
     reader.answer(data.question, pause);`,
    { memory, question: question(1) },
  );
  await late.paused();
  show(2);
  expect(read(2)).toBeUndefined();
  late.goOn();
  await late.ended;
  show(2);
  expect(read(2)).toEqual([0x20]);
});

describe('a coordinator that pauses', () => {
  const WRITE = `
    const rosterCache = new RosterCache(data.memory);
    const show = () => { for (const change of data.changes) rosterCache.apply(change); };`;

  it('between invalidating a page and checking the hazards admits no new reader', async () => {
    const { memory, show, read } = onePage();
    show(1);
    // This coordinator knows of no used page, so it only begins a page.
    const changes = [cluster(2), member(2, 0)];
    const coordinator = new PausedThread(MODULE, `${WRITE} pauseAt('store', 'after'); show();`, { memory, changes });
    await coordinator.paused();
    expect(read(1)).toBeUndefined();
    coordinator.goOn();
    await coordinator.ended;
    expect(read(2)).toEqual([0x20]);
  });

  it('before it counts a written seat shows the seats before it', async () => {
    const { memory, read } = onePage();
    const changes = [cluster(2), member(2, 0), member(2, 1)];
    // Stores in order: invalidate, empty, publish, name the cluster; seat 0; then seat 1.
    const program = `${WRITE} pauseAt('store', 'before', 6); show();`;
    const coordinator = new PausedThread(MODULE, program, { memory, changes });
    await coordinator.paused();
    expect(read(2)).toEqual([0x20]);
    coordinator.goOn();
    await coordinator.ended;
    expect(read(2)).toEqual([0x20, 0x21]);
  });
});
