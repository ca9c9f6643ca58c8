// No wake-up is lost: a change between the answer "nothing newer" and the parking of the connection resumes the request
// at once. The connection, its parking, the change ring and the coordinator are real. The pool is a barrier that holds
// the worker's answer.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EtcdCluster } from '../../bench/etcd/etcd-cluster.ts';
import type { ConnectionPermit } from '../../src/admission/connection-permit.ts';
import { LiveClients } from '../../src/connection/live-clients.ts';
import { ParkedRequests } from '../../src/connection/parked-requests.ts';
import { ServedConnection } from '../../src/connection/serve-connection.ts';
import { SessionLog } from '../../src/connection/session-log.ts';
import { FrontStats, newFrontStatsMemory } from '../../src/metrics/front-stats.ts';
import type { Job, JobReply, JobResult } from '../../src/pool/job.ts';
import type { Pool } from '../../src/pool/pool.ts';
import { SESSION_RECORD_BYTES } from '../../src/pool/session-record.ts';
import { JobTicket } from '../../src/pool/worker-handle.ts';
import type { Command, GetClusterCommand, Reply } from '../../src/registry/command.ts';
import { ChangeRing, clusterKey, newChangeRing } from '../../src/shared-memory/change-ring.ts';
import { LmdbStore } from '../../src/store/lmdb/lmdb-store.ts';
import { MemoryStore } from '../../src/store/memory/memory-store.ts';
import type { Store } from '../../src/store/store.ts';
import { Op } from '../../src/wire/message.ts';
import { SEALED_PROLOGUE } from '../../src/wire/sealed-hello.ts';
import { ask, create, join, over, register } from '../coordinator/asking.ts';
import { endPointsOf, newPrefix, openEtcdStore, openServer, runningClock } from '../etcd/stores.ts';
import { idOf, NO_LIMITS, REGISTRY_ID } from '../registry/arbitrary-commands.ts';
import { etcdPrograms } from '../support/debian-programs.ts';
import { until } from '../support/until.ts';

const CLUSTER = idOf(0xc0);
const WAIT_MS = 60_000;
const FRAME = new Uint8Array(40);

/** A pool whose jobs end when the test says so. */
class HeldPool {
  readonly jobs: JobTicket[] = [];

  submit(job: Job, done: (result: JobResult | undefined) => void): JobTicket {
    const ticket = new JobTicket(job, done);
    this.jobs.push(ticket);
    return ticket;
  }

  async next(): Promise<JobTicket> {
    await until(() => this.jobs.length > 0);
    return this.jobs.shift()!;
  }
}

/** A session over WebSocket on a server with this store. */
async function sessionOn(store: Store, shared: boolean, places?: number) {
  const memory = newChangeRing(places);
  const server = over(store, NO_LIMITS, shared, runningClock, undefined, new ChangeRing(memory));
  await server.coordinator.load();
  const parked = new ParkedRequests(memory);
  const pool = new HeldPool();
  const sent: Uint8Array[] = [];
  const nothing = () => undefined;
  const permit = {
    ...{ address: '127.0.0.1', origin: 0, msLeft: Number.POSITIVE_INFINITY, evict: nothing },
    ...{ takeBytes: nothing, takeHello: nothing, takeMessage: nothing, greeted: nothing, ended: nothing },
  } as unknown as ConnectionPermit;
  const connection = new ServedConnection(
    {
      ...{ transport: 'ws', permit, pause: nothing, resume: nothing, end: nothing, destroy: nothing },
      send: (bytes) => sent.push(Uint8Array.from(bytes)) > 0,
    },
    {
      pool: pool as unknown as Pool,
      parked,
      metrics: new FrontStats(newFrontStatsMemory()).sessions,
      log: new SessionLog(pino({ level: 'silent' }), undefined, { next: () => 1 }),
      clients: new LiveClients(() => {}),
      deadlines: {
        ...{ helloTimeoutMs: WAIT_MS, partialTimeoutMs: WAIT_MS, idleTimeoutMs: WAIT_MS },
        ...{ joinedIdleTimeoutMs: WAIT_MS, writeTimeoutMs: WAIT_MS },
      },
      random: (count) => new Uint8Array(count),
      hellos: { rsaBytes: 256, sealed: true },
    },
    () => {},
  );
  const hello = new Uint8Array(64);
  hello.set(SEALED_PROLOGUE);
  connection.received(hello);
  (await pool.next()).done(replyTo(0, hello.length));
  return { ...server, parked, pool, sent, connection };
}

function replyTo(op: number, consumed: number): JobReply {
  return {
    ...{ kind: 'reply', op, rsaOperations: 0, previousKey: false, dialect: 'sealed', bytes: Uint8Array.of(op) },
    ...{ consumed, clientName: undefined, clientEnds: undefined, why: undefined },
    session: new Uint8Array(SESSION_RECORD_BYTES),
  };
}

function getNewer(known: { version: number; history: string }, resumed: boolean): GetClusterCommand {
  return {
    ...{ kind: 'get-cluster', clientId: idOf(1), cluster: { id: CLUSTER }, which: 2n ** 64n - 1n, cursor: undefined },
    ...{ rosterBytesMax: 10_000, sealed: true, known, wait: { until: 'change', resumed } },
  };
}

type Session = Awaited<ReturnType<typeof sessionOn>>;

/** Asks the coordinator as a worker does for a waiting GetCluster. */
async function waitingAt({ coordinator }: Session) {
  await coordinator.ask([register(1), register(2), create('c', 0xc0, 4), join(1, 'c')]);
  const { known: _, wait: __, ...plain } = getNewer({ version: 0, history: '' }, false);
  const roster = (await ask(coordinator, plain)) as Reply & { kind: 'roster' };
  const { version, history } = roster.sealed!;
  return { version, history };
}

function waitingResult(reply: Reply): JobResult {
  if (reply.kind !== 'waiting') throw new Error(`the table answered ${reply.kind}`);
  return {
    ...{ kind: 'waiting', cluster: clusterKey(reply.clusterId), version: reply.version, until: 'change' },
    ...{ waitMs: WAIT_MS, request: Uint8Array.of(1, 2, 3), consumed: FRAME.length, session: undefined },
  };
}

/** Runs the race: `change` comes when the worker has its answer and the connection is not yet parked. */
async function race(session: Session, change: (commands: Command[]) => Promise<unknown>): Promise<void> {
  const { connection, pool, coordinator, parked, sent } = session;
  const known = await waitingAt(session);
  connection.received(FRAME);
  const job = await pool.next();
  const reply = await ask(coordinator, getNewer(known, false));
  expect(reply).toMatchObject({ kind: 'waiting', version: known.version });
  const { place } = parked;
  await change([join(2, 'c')]);
  await until(() => parked.place !== place);
  job.done(waitingResult(reply));

  const resumed = await pool.next();
  expect(resumed.job).toMatchObject({ kind: 'resume', bytes: Uint8Array.of(1, 2, 3) });
  expect(await ask(coordinator, getNewer(known, true))).toMatchObject({ kind: 'roster', which: 0b10n });
  resumed.done(replyTo(Op.GetCluster, 0));
  expect(sent.at(-1)).toEqual(Uint8Array.of(Op.GetCluster));
  expect(parked.counts).toMatchObject({ parked: 0, ended: { change: 1 } });
  // The request held by the connection is wiped with the wait.
  expect(resumed.job.bytes).toEqual(new Uint8Array(3));
  connection.closed();
  parked.close();
}

describe('A change between the answer and the parking resumes the request', () => {
  it('on memory', async () => {
    const session = await sessionOn(new MemoryStore(), false);
    await race(session, (commands) => session.coordinator.ask(commands));
  });

  it('on lmdb', async () => {
    const directory = mkdtempSync(joinPath(tmpdir(), 'xlreg-wait-'));
    const store = LmdbStore.open(directory, { registryId: REGISTRY_ID, bytesMax: undefined });
    const session = await sessionOn(store, false);
    await race(session, (commands) => session.coordinator.ask(commands));
    await session.coordinator.close();
    rmSync(directory, { recursive: true });
  });

  it('if the ring has lost it since (overrun)', async () => {
    const session = await sessionOn(new MemoryStore(), false, 2);
    await race(session, async (commands) => {
      await session.coordinator.ask(commands);
      for (let other = 0; other < 4; other++) {
        await session.coordinator.ask([create(`o${other}`, 0xd0 + other), join(1, `o${other}`)]);
      }
    });
  });
});

describe('A parked request', () => {
  it('is resumed by an overrun of the ring, and parked again if nothing is newer', async () => {
    const session = await sessionOn(new MemoryStore(), false, 2);
    const { connection, pool, coordinator, parked } = session;
    const known = await waitingAt(session);
    connection.received(FRAME);
    const job = await pool.next();
    job.done(waitingResult(await ask(coordinator, getNewer(known, false))));
    expect(parked.counts.parked).toBe(1);
    // One batch posts more changes than the ring has places.
    await coordinator.ask([0, 1, 2, 3].flatMap((other) => [create(`o${other}`, 0xd0 + other), join(1, `o${other}`)]));
    const resumed = await pool.next();
    expect(resumed.job.kind).toBe('resume');
    resumed.done(waitingResult(await ask(coordinator, getNewer(known, true))));
    expect(parked.counts).toMatchObject({ parked: 1, woken: 1, ended: { change: 0 } });
    connection.closed();
    expect(parked.counts).toMatchObject({ parked: 0, ended: { closed: 1 } });
    parked.close();
  });

  it('is not resumed by a change of another cluster', async () => {
    const session = await sessionOn(new MemoryStore(), false);
    const { connection, pool, coordinator, parked } = session;
    const known = await waitingAt(session);
    connection.received(FRAME);
    (await pool.next()).done(waitingResult(await ask(coordinator, getNewer(known, false))));
    await coordinator.ask([create('other', 0xd0), join(2, 'other')]);
    await coordinator.ask([join(2, 'c')]);
    expect((await pool.next()).job.kind).toBe('resume');
    expect(parked.counts.woken).toBe(1);
    connection.closed();
    parked.close();
  });
});

const programs = etcdPrograms();
describe.skipIf(programs === undefined)('On etcd', () => {
  let etcd: EtcdCluster;
  beforeAll(async () => {
    etcd = await EtcdCluster.start({ program: programs!.etcd, flags: ['--unsafe-no-fsync'] });
  });
  afterAll(async () => {
    await etcd.stop();
  });

  it('a change by this server between the answer and the parking resumes the request', async () => {
    const store = await openEtcdStore(endPointsOf(etcd), newPrefix());
    const session = await sessionOn(store, true);
    await race(session, (commands) => session.coordinator.ask(commands));
    await session.coordinator.close();
  });

  it('a change by another server in between resumes the request without a sweep', async () => {
    const prefix = newPrefix();
    const session = await sessionOn(await openEtcdStore(endPointsOf(etcd), prefix), true);
    const other = await openServer(endPointsOf(etcd), prefix, NO_LIMITS, runningClock);
    // Nothing else asks this server, and no sweep runs: only the arrival can wake it.
    await race(session, (commands) => other.coordinator.ask(commands));
    await Promise.all([session.coordinator.close(), other.coordinator.close()]);
  });
});
