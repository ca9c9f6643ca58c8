// The roster cache for readers of the sealed dialect: a roster comes with the state that it belongs to, or the
// coordinator answers (V1 to V4).
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { beforeEach, describe, expect, it } from 'vitest';
import { BodyMaker } from '../../src/coordinator/body-maker.ts';
import { Coordinator } from '../../src/coordinator/coordinator.ts';
import { CachePages, newRosterCacheMemory } from '../../src/coordinator/roster-cache/page.ts';
import { RosterCacheReader } from '../../src/coordinator/roster-cache/reader.ts';
import { RosterCache } from '../../src/coordinator/roster-cache/writer.ts';
import { ClusterTable } from '../../src/registry/cluster-table.ts';
import type { Command, GetClusterCommand, RegisterCommand, Registration, Reply } from '../../src/registry/command.ts';
import { joinWholeTokens, wholeTokenBytes } from '../../src/registry/roster.ts';
import { MemoryStore } from '../../src/store/memory/memory-store.ts';
import { type CommitOutcome, StoreFullError, type StoreItem } from '../../src/store/store.ts';
import { idOf, NO_LIMITS, REGISTRY_ID } from '../registry/arbitrary-commands.ts';
import { createForming, getCluster, join, over, register } from './asking.ts';

/** A memory store that can be full. */
class FillingStore extends MemoryStore {
  full = false;

  override async commit(batch: readonly StoreItem[]): Promise<CommitOutcome[]> {
    if (this.full) throw new StoreFullError('the disk is full');
    return super.commit(batch);
  }
}

let store: FillingStore;
let coordinator: Coordinator;
let reader: RosterCacheReader;

beforeEach(() => {
  store = new FillingStore();
  const memory = newRosterCacheMemory();
  const table = new ClusterTable(REGISTRY_ID, NO_LIMITS, 0);
  table.setRosterMaker(new BodyMaker(REGISTRY_ID, 1, () => 0));
  coordinator = new Coordinator(table, store, over(store).observer, () => 0, new RosterCache(memory));
  reader = new RosterCacheReader(memory, 0);
});

/** A registration with a statement. Its token is a field of the roster with `turn` in it. */
function registerSealed(client: number, turn = 0): Command {
  const token = Uint8Array.of(0x8a, 0x01, 3, 0x08, client, turn % 256);
  const sealed = new Uint8Array(20).fill(turn % 256);
  return { ...(register(client) as RegisterCommand), token, sealed, seq: 1, statementDigest: 'dd'.repeat(32) };
}

function read(client: number, more: Partial<GetClusterCommand> = {}): Command {
  return { ...(getCluster('c', idOf(client)) as GetClusterCommand), sealed: true, rosterBytesMax: 1e6, ...more };
}

/** The cache's reply; undefined if only the coordinator answers. */
function cached(command: Command): Reply | undefined {
  return reader.answer(command, (reply) =>
    reply.kind === 'roster' ? { ...reply, roster: Uint8Array.from(reply.roster) } : reply,
  );
}

/** Makes cluster c of three seats, without a confirm time, with these members. */
async function joined(...clients: number[]): Promise<void> {
  await coordinator.ask([createForming('c', 0xc1, 3, 0)]);
  for (const client of clients) await coordinator.ask([registerSealed(client), join(client, 'c')]);
}

describe('a sealed reader', () => {
  it("gets the coordinator's roster with its state, after each Join and at completion (V1 to V4)", async () => {
    await joined();
    for (const client of [1, 2, 3]) {
      await coordinator.ask([registerSealed(client), join(client, 'c')]);
      // Never the full cluster without its epoch.
      const found = cached(read(client));
      const complete = client === 3;
      expect(found).toMatchObject({ kind: 'roster', sealed: { yourSeat: client - 1, epoch: complete ? 1 : 0 } });
      expect(found).toMatchObject({ barrier: { confirmed: complete ? 0b111n : 0n } });
      const [answered] = await coordinator.ask([read(client)]);
      expect(found).toEqual({ ...answered, roster: Uint8Array.from((answered as { roster: Uint8Array }).roster) });
    }
  });

  it('goes to the coordinator with a version or without a seat, and sees an eviction (V2, V5, R14)', async () => {
    await joined(1, 2);
    const known = { version: 1, history: '00'.repeat(8) };
    expect([cached(read(1, { known })), cached(read(9))]).toEqual([undefined, undefined]);
    await coordinator.ask([{ kind: 'evict', cluster: { name: 'c' }, member: { id: idOf(2) } }]);
    expect(cached(read(1))).toMatchObject({ which: 0b1n, sealed: { emptied: 0b110n } });
  });

  it('never gets a lower version than before, also after a commit that failed (V1)', async () => {
    await joined(1);
    store.full = true;
    await coordinator.ask([registerSealed(2), join(2, 'c')]);
    expect(cached(read(1))).toBeUndefined();
    const [roster] = await coordinator.ask([read(1)]);
    expect(cached(read(1))).toMatchObject({ sealed: (roster as { sealed: object }).sealed });
  });
});

it('writes whole tokens apart from the first with further fields on', () => {
  const memory = newRosterCacheMemory(1);
  const page = new CachePages(memory).at(0);
  const apart = new Uint8Array(memory, 64 * 1_024, 96 * 1_024);
  const members = [1, 2, 3, 4, 5].map((client) => {
    const member = registerSealed(client) as Registration;
    return client === 3 || client === 5 ? member : { ...member, sealed: undefined };
  });
  const whole = (some: readonly Registration[]) =>
    joinWholeTokens(
      some.map(({ token, sealed }) => [token, sealed]),
      some.reduce((sum, { token, sealed }) => sum + wholeTokenBytes(token, sealed), 0),
    );
  for (const [seat, member] of members.entries()) {
    expect(page.add(seat, member)).toBe(true);
    expect(apart.some((byte) => byte !== 0)).toBe(seat >= 2);
    for (let from = 0; from <= seat; from++) {
      expect(Uint8Array.from(page.tokens('whole', from, seat + 1))).toEqual(whole(members.slice(from, seat + 1)));
    }
  }
  expect(Uint8Array.from(page.tokens('whole', 0, 2))).toEqual(whole(members.slice(0, 2)));
});

it('gives a roster whose hash is of its members, while another thread writes', async () => {
  const memory = newRosterCacheMemory(1);
  const state = new Int32Array(new SharedArrayBuffer(8));
  const cache = new RosterCache(memory);
  const modules = new URL('../../dist/src/', import.meta.url).href;
  const worker = new Worker(
    `import { workerData } from 'node:worker_threads';
     import { createHash } from 'node:crypto';
     import { RosterCacheReader } from '${modules}coordinator/roster-cache/reader.js';
     const { memory, state, question } = workerData;
     const reader = new RosterCacheReader(memory, 0);
     while (Atomics.load(state, 0) === 0) {
       reader.answer(question, ({ which, roster, sealed }) => {
         const hash = createHash('sha256').update(Buffer.from(question.cluster.id, 'hex'));
         let at = 0; // of a token: tag(2) length(1) content
         for (let index = 0; index < 64; index++) {
           if (((which >> BigInt(index)) & 1n) === 0n) continue;
           const end = at + 3 + roster[at + 2];
           hash.update(Uint8Array.of(index)).update(createHash('sha256').update(roster.subarray(at + 3, end)).digest());
           at = end;
         }
         if (!hash.digest().equals(sealed.rosterHash)) throw new Error('version ' + sealed.version + ' is torn');
         return Atomics.add(state, 1, 1);
       });
     }`,
    {
      eval: true,
      workerData: { memory, state, question: read(1, { cluster: { id: idOf(0xc1) } }) },
      execArgv: ['--input-type=module'],
    },
  );
  const failed = once(worker, 'error').then(([error]) => Promise.reject(error));
  failed.catch(() => {});
  const ended = once(worker, 'exit');
  const writing = (async () => {
    for (let turn = 0; Atomics.load(state, 0) === 0 && Atomics.load(state, 1) < 5_000; turn++) {
      const table = new ClusterTable(REGISTRY_ID, NO_LIMITS, 0);
      for (const command of [createForming('c', 0xc1, 40, 0), ...Array.from({ length: 40 }, (_, i) => i + 1)]) {
        const commands = typeof command === 'number' ? [registerSealed(command, turn), join(command, 'c')] : [command];
        for (const one of commands) for (const change of table.apply(one, 0).changes) cache.apply(change);
        cache.publish(table.cluster(idOf(0xc1))!, true);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  try {
    await Promise.race([writing, failed]);
  } finally {
    Atomics.store(state, 0, 1);
  }
  await ended;
});
