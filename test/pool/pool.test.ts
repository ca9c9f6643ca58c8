// The pool with real workers and a real coordinator: jobs without room, and workers that fail.
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { newGrowthMemory } from '../../src/admission/growth-budgets.ts';
import { writeCommand } from '../../src/coordinator/command-codec.ts';
import { RosterCacheReader } from '../../src/coordinator/roster-cache/reader.ts';
import { CoordinatorThread } from '../../src/coordinator/thread/handle.ts';
import { SLOTS_PER_WORKER } from '../../src/limits.ts';
import type { Job, JobResult } from '../../src/pool/job.ts';
import { Pool, type PoolObserver } from '../../src/pool/pool.ts';
import { NO_SCAN } from '../../src/pool/scan-codec.ts';
import { SESSION_RECORD_BYTES } from '../../src/pool/session-record.ts';
import { startWorkerThreads } from '../../src/pool/worker-threads.ts';
import type { Command } from '../../src/registry/command.ts';
import { Parker } from '../../src/shared-memory/parker.ts';
import { type ChannelMemory, newChannelMemory, WorkerChannel } from '../../src/shared-memory/worker-channel.ts';
import { NO_LIMITS } from '../registry/arbitrary-commands.ts';
import { until } from '../support/until.ts';
import { bytes, messageOf, privateKey, vectors } from '../wire/vectors.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** The events that the pool's observer received. */
interface Observed {
  readonly failures: unknown[];
  readonly givenUp: Promise<unknown>;
  /** The count of jobs of each handover to a worker. */
  readonly handedOver: number[];
}

interface Started {
  readonly pool: Pool;
  readonly observed: Observed;
  readonly coordinator: CoordinatorThread;
  /** The workers' channels, in the order of their starts. */
  readonly channels: readonly WorkerChannel[];
  /** Kills the worker that started last. */
  kill(): void;
}

const REGISTRY = {
  commsKey: privateKey('registryCk'),
  registryToken: messageOf(vectors.tokens.at(-1)!.fields),
  version: 1,
  replyBytesMax: { tcp: 16_384, ws: 65_536 },
};

const SILENT: PoolObserver = { handedOver() {}, done() {}, failed() {}, givenUp() {} };

async function startPool(workers: number, helloQueueMs = 50): Promise<Started> {
  const growth = { memory: newGrowthMemory(), rates: { registration: 1, cluster: 1, member: 1 } };
  const store = { name: 'memory', dataDirectory: '.', registryId: 'ee'.repeat(32), bytesMax: undefined } as const;
  const coordinator = await CoordinatorThread.start(
    { store, limits: NO_LIMITS, growth },
    { full() {}, unreachable() {}, tokenReplayed() {}, idDisplaced() {}, seatsExpired() {}, death() {} },
  );
  closing.push(() => coordinator.close());
  const failures: unknown[] = [];
  const handedOver: number[] = [];
  let giveUp: (error: unknown) => void = () => {};
  const givenUp = new Promise<unknown>((resolve) => {
    giveUp = resolve;
  });
  const channels: WorkerChannel[] = [];
  const service = {
    parker: coordinator.parker,
    rosterCache: coordinator.rosterCache,
    serve(channel: ChannelMemory) {
      channels.push(new WorkerChannel(channel));
      return coordinator.serve(channel);
    },
  };
  const pool = new Pool({ workers, helloQueueMs, registry: REGISTRY, startWorkers: startWorkerThreads }, service, {
    handedOver: (jobs) => handedOver.push(jobs),
    done() {},
    failed: (error) => failures.push(error),
    givenUp: giveUp,
  });
  closing.push(() => pool.close());
  await pool.loaded();
  // A slot number out of range makes the worker throw.
  const kill = () => {
    const { messages, parker } = channels.at(-1)!;
    messages.push(SLOTS_PER_WORKER);
    parker.unpark();
  };
  return { pool, coordinator, channels, observed: { failures, givenUp, handedOver }, kill };
}

const hello: Job = {
  kind: 'hello',
  transport: 'tcp',
  session: undefined,
  scan: NO_SCAN,
  bytes: bytes(vectors.hellos[0]!.ciphertext),
  origin: 0,
};

/** A session record of an unknown dialect: no front end makes one, and no worker can serve it. */
const poison: Job = {
  kind: 'message',
  transport: 'tcp',
  session: new Uint8Array(SESSION_RECORD_BYTES).fill(9),
  scan: NO_SCAN,
  bytes: new Uint8Array(32),
  origin: 0,
};

function submit(pool: Pool, job: Job): Promise<JobResult | undefined> {
  return new Promise((resolve) => {
    const taken = pool.submit(job, resolve);
    if (taken === undefined) throw new Error('the pool had no room for the job');
  });
}

describe('a failure', () => {
  it('ends one job, and leaves those beside and behind it served', async () => {
    const { pool, observed } = await startPool(1);
    for (let failure = 1; failure <= 10; failure++) {
      const results = await Promise.all([submit(pool, poison), submit(pool, hello), submit(pool, hello)]);
      expect(results.map((result) => result?.kind)).toEqual([undefined, 'reply', 'reply']);
      expect(observed.failures.length).toBe(failure);
      expect(observed.failures.at(-1)).toBeInstanceOf(Error);
    }
  });

  it('of a worker ends its jobs and starts another worker; the fifth within a minute is the last', async () => {
    const { pool, observed, kill } = await startPool(1);
    for (let failure = 1; failure <= 4; failure++) {
      const under = Array.from({ length: 10 }, () => submit(pool, hello));
      kill();
      for (const result of await Promise.all(under)) expect([undefined, 'reply']).toContain(result?.kind);
      await until(() => observed.failures.length >= failure);
      expect((await submit(pool, hello))?.kind).toBe('reply');
    }
    kill();
    expect(await observed.givenUp).toBeInstanceOf(Error);
    expect(observed.failures.length).toBe(4);
  });
});

describe('loaded()', () => {
  it('resolves whenever it is called', async () => {
    const { pool } = await startPool(2);
    // All workers have started and send no further message.
    for (let turns = 0; turns < 3; turns++) await turn();
    await Promise.all([pool.loaded(), pool.loaded()]);
  });

  it('rejects if the pool is closed first', async () => {
    const { pool, coordinator } = await startPool(1);
    const other = new Pool(
      { workers: 1, helloQueueMs: 50, registry: REGISTRY, startWorkers: startWorkerThreads },
      coordinator,
      SILENT,
    );
    await other.close();
    await expect(other.loaded()).rejects.toThrow('closed');
    await pool.loaded();
  });
});

/** A cluster whose cache page is that of its rivals. */
function rival(number: number): Command & { readonly kind: 'create' } {
  const id = `${(number * 0x10000).toString(16).padStart(8, '0')}${'c'.repeat(56)}`;
  return {
    kind: 'create',
    clientId: 'ab'.repeat(32),
    name: `rival-${number}`,
    id,
    size: 2,
    endPointCount: 1,
    attrs: 0n,
  };
}

describe('a dead worker', () => {
  it("leaves no key: its channel is wiped, as are all at the pool's close", async () => {
    const { pool, channels, observed, kill } = await startPool(1);
    const leave = () => {
      const { jobs, responses } = channels.at(-1)!;
      // Left by a worker that dies in its job.
      for (const part of [...jobs, ...responses]) part.fill(7, 0, SESSION_RECORD_BYTES);
    };
    const isClean = ({ jobs, responses }: WorkerChannel) =>
      [...jobs, ...responses].every((part) => part.subarray(0, SESSION_RECORD_BYTES).every((byte) => byte === 0));
    leave();
    kill();
    await until(() => observed.failures.length === 1);
    expect(channels.map(isClean)).toEqual([true, true]);
    leave();
    await pool.close();
    expect(channels.map(isClean)).toEqual([true, true]);
  });

  it('releases the cache page that it read', async () => {
    const { coordinator, observed, kill } = await startPool(1);
    const memory = newChannelMemory(16_384);
    const [own, parker] = [new WorkerChannel(memory), new Parker(coordinator.parker)];
    coordinator.serve(memory);
    const ask = async (command: Command) => {
      writeCommand(command, own.responses[0]!);
      own.questions.push(0);
      parker.unpark();
      await until(() => own.answers.pop() === 0);
    };
    const reader = new RosterCacheReader(coordinator.rosterCache!, 1);
    const isShown = (command: Command) => reader.answer(command, () => true) ?? false;
    await ask(rival(0));
    expect(isShown(rival(0))).toBe(true);
    // A second worker 0 dies while it reads the page.
    const state = new Int32Array(new SharedArrayBuffer(4));
    const rosterCache = new URL('../../dist/src/coordinator/roster-cache/reader.js', import.meta.url).href;
    const dying = new Worker(
      `import { workerData } from 'node:worker_threads';
       import { RosterCacheReader } from '${rosterCache}';
       const { memory, question, state } = workerData;
       new RosterCacheReader(memory, 0).answer(question, () => {
         Atomics.store(state, 0, 1);
         Atomics.wait(state, 0, 1);
       });`,
      {
        eval: true,
        workerData: { memory: coordinator.rosterCache, question: rival(0), state },
        execArgv: ['--input-type=module'],
      },
    );
    await until(() => Atomics.load(state, 0) === 1);
    await dying.terminate();
    await ask(rival(1));
    expect([isShown(rival(0)), isShown(rival(1))]).toEqual([false, false]);
    kill();
    await until(() => observed.failures.length === 1);
    await ask(rival(1));
    expect(isShown(rival(1))).toBe(true);
  });
});

describe('a burst of Hellos', () => {
  it('wakes one worker for three, shares out more, and queues at most four in front of one', async () => {
    const { pool, observed } = await startPool(2, 1_000);
    const handedOver = async (hellos: number) => {
      const before = observed.handedOver.length;
      await Promise.all(Array.from({ length: hellos }, () => submit(pool, hello)));
      return observed.handedOver.slice(before);
    };
    expect(await handedOver(3)).toEqual([3]);
    expect(await handedOver(5)).toEqual([3, 2]);
    expect((await handedOver(12)).slice(0, 2)).toEqual([4, 4]);
  });
});

describe('room', () => {
  it("refuses the newest Hello beyond the queue's time, and no session message", async () => {
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
    // Two milliseconds are enough for a handful of Hellos on any machine.
    expect(refused).toBeGreaterThan(50);
    expect(refused).toBeLessThan(100);
    const message: Job = { ...poison, session: new Uint8Array(SESSION_RECORD_BYTES) };
    expect((await submit(pool, message))?.kind).toBe('incomplete');
    const kinds = (await Promise.all(waiting)).map((result) => result?.kind);
    expect(kinds.filter((kind) => kind === 'reply').length).toBe(100 - refused);
    expect((await submit(pool, hello))?.kind).toBe('reply');
  });

  it('serves more jobs than a worker has slots (F7)', async () => {
    const { pool } = await startPool(1);
    const message: Job = { ...poison, session: new Uint8Array(SESSION_RECORD_BYTES) };
    const served = await Promise.all(Array.from({ length: 1_000 }, () => submit(pool, message)));
    expect(new Set(served.map((result) => result?.kind))).toEqual(new Set(['incomplete']));
  });

  it('gives no result of a withdrawn job, which takes no room', async () => {
    const { pool } = await startPool(1, 2);
    for (let count = 0; count < 100; count++) {
      const ticket = pool.submit(hello, () => expect.unreachable());
      expect(ticket).toBeDefined();
      ticket!.withdrawn = true;
    }
    expect((await submit(pool, hello))?.kind).toBe('reply');
  });
});
