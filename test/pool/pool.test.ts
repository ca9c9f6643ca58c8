// The pool with real workers and a real coordinator: what happens to jobs when there is no room, and when a worker fails.
import { afterEach, describe, expect, it } from 'vitest';
import { CoordinatorThread } from '../../src/coordinator/coordinator-thread.ts';
import { Lane, type LaneMemory } from '../../src/lanes/lane.ts';
import { SLOTS_PER_WORKER } from '../../src/limits.ts';
import type { Job, JobResult } from '../../src/pool/job.ts';
import { Pool } from '../../src/pool/pool.ts';
import { SESSION_RECORD_BYTES } from '../../src/pool/session-record.ts';
import { until } from '../support/until.ts';
import { bytes, messageOf, privateKey, vectors } from '../wire/vectors.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** What the observer of a pool was told. */
interface Told {
  readonly failures: unknown[];
  readonly givenUp: Promise<unknown>;
  /** Jobs that were handed to a worker at once, each time. */
  readonly handedOver: number[];
}

interface Started {
  readonly pool: Pool;
  readonly told: Told;
  /** Kills the worker that was started last. */
  kill(): void;
}

async function startPool(workers: number, helloQueueMs = 50): Promise<Started> {
  const limits = { clients: 100, clusters: 100, ephemeralTtlMs: 60_000, idleRegistrationTtlMs: 60_000 };
  const store = { name: 'memory', dataDirectory: '.', registryId: 'ee'.repeat(32), bytesMax: undefined } as const;
  const coordinator = await CoordinatorThread.start({ store, limits }, { full() {}, unreachable() {}, death() {} });
  closing.push(() => coordinator.close());
  const failures: unknown[] = [];
  const handedOver: number[] = [];
  let giveUp: (error: unknown) => void = () => {};
  const givenUp = new Promise<unknown>((resolve) => {
    giveUp = resolve;
  });
  const registry = {
    commsKey: privateKey('registryCk'),
    registryToken: messageOf(vectors.tokens.at(-1)!.fields),
    version: 1,
    replyBytesMax: { tcp: 16_384, ws: 65_536 },
  };
  const lanes: LaneMemory[] = [];
  const service = {
    bell: coordinator.bell,
    board: coordinator.board,
    serve(lane: LaneMemory) {
      lanes.push(lane);
      return coordinator.serve(lane);
    },
  };
  const pool = new Pool({ workers, helloQueueMs, registry }, service, {
    handedOver: (jobs) => handedOver.push(jobs),
    done() {},
    failed: (error) => failures.push(error),
    givenUp: giveUp,
  });
  closing.push(() => pool.close());
  await pool.loaded();
  // Finds a slot in its queue that there is not.
  const kill = () => {
    const { messages, bell } = new Lane(lanes.at(-1)!);
    messages.put(SLOTS_PER_WORKER);
    bell.ring();
  };
  return { pool, told: { failures, givenUp, handedOver }, kill };
}

const hello: Job = {
  kind: 'hello',
  transport: 'tcp',
  session: undefined,
  bytes: bytes(vectors.hellos[0]!.ciphertext),
};

/** A session record of a dialect that does not exist: no front end has one, and no worker can serve it. */
const poison: Job = {
  kind: 'message',
  transport: 'tcp',
  session: new Uint8Array(SESSION_RECORD_BYTES).fill(9),
  bytes: new Uint8Array(32),
};

function submit(pool: Pool, job: Job): Promise<JobResult | undefined> {
  return new Promise((resolve) => {
    const taken = pool.submit(job, resolve);
    if (taken === undefined) throw new Error('there was no room');
  });
}

describe('what fails', () => {
  it('is one job, whatever is wrong with it: those beside and behind it are served', async () => {
    const { pool, told } = await startPool(1);
    for (let failure = 1; failure <= 10; failure++) {
      const results = await Promise.all([submit(pool, poison), submit(pool, hello), submit(pool, hello)]);
      expect(results.map((result) => result?.kind)).toEqual([undefined, 'reply', 'reply']);
      expect(told.failures.length).toBe(failure);
      expect(told.failures.at(-1)).toBeInstanceOf(Error);
    }
  });

  it('is a worker: its jobs come to nothing, another takes its place, and the fifth within a minute is the last', async () => {
    const { pool, told, kill } = await startPool(1);
    for (let failure = 1; failure <= 4; failure++) {
      const under = Array.from({ length: 10 }, () => submit(pool, hello));
      kill();
      for (const result of await Promise.all(under)) expect([undefined, 'reply']).toContain(result?.kind);
      await until(() => told.failures.length >= failure);
      expect((await submit(pool, hello))?.kind).toBe('reply');
    }
    kill();
    expect(await told.givenUp).toBeInstanceOf(Error);
    expect(told.failures.length).toBe(4);
  });
});

describe('a burst of Hellos', () => {
  it('wakes no second worker for three, shares out what is more, and four at most wait in front of one', async () => {
    const { pool, told } = await startPool(2, 1_000);
    const handedOver = async (hellos: number) => {
      const before = told.handedOver.length;
      await Promise.all(Array.from({ length: hellos }, () => submit(pool, hello)));
      return told.handedOver.slice(before);
    };
    expect(await handedOver(3)).toEqual([3]);
    expect(await handedOver(5)).toEqual([3, 2]);
    expect((await handedOver(12)).slice(0, 2)).toEqual([4, 4]);
  });
});

describe('room', () => {
  it('is refused to the newest Hello beyond the time they may wait, and to no session message', async () => {
    const { pool } = await startPool(1, 2);
    const waiting: Promise<JobResult | undefined>[] = [];
    let refused = 0;
    for (let count = 0; count < 100; count++) {
      await Promise.resolve();
      const done = new Promise<JobResult | undefined>((resolve) => {
        if (pool.submit(hello, resolve) === undefined) {
          refused += 1;
          resolve(undefined);
        }
      });
      waiting.push(done);
    }
    // Two milliseconds of Hellos are a handful on any machine.
    expect(refused).toBeGreaterThan(50);
    expect(refused).toBeLessThan(100);
    const message: Job = { ...poison, session: new Uint8Array(SESSION_RECORD_BYTES) };
    expect((await submit(pool, message))?.kind).toBe('incomplete');
    const kinds = (await Promise.all(waiting)).map((result) => result?.kind);
    expect(kinds.filter((kind) => kind === 'reply').length).toBe(100 - refused);
    expect((await submit(pool, hello))?.kind).toBe('reply');
  });

  it('F7: more jobs than a worker has slots are all served', async () => {
    const { pool } = await startPool(1);
    const message: Job = { ...poison, session: new Uint8Array(SESSION_RECORD_BYTES) };
    const served = await Promise.all(Array.from({ length: 1_000 }, () => submit(pool, message)));
    expect(new Set(served.map((result) => result?.kind))).toEqual(new Set(['incomplete']));
  });

  it('a withdrawn job is not told of, and takes no room', async () => {
    const { pool } = await startPool(1, 2);
    for (let count = 0; count < 100; count++) {
      const ticket = pool.submit(hello, () => expect.unreachable());
      expect(ticket).toBeDefined();
      ticket!.withdrawn = true;
    }
    expect((await submit(pool, hello))?.kind).toBe('reply');
  });
});
