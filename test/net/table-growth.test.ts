// An attacker adds records from one address at full speed while honest clients register, over real sockets.
// XLREG_TEST_ATTACK_SECONDS=60 makes each attack last a minute, against tables of 60,000 records.

import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { FieldClient } from '../field/field-client.ts';
import { ClosedEarly } from '../field/field-connection.ts';
import { FieldRegistry, type Wire } from '../field/field-registry.ts';
import { OtherReply } from '../field/field-requests.ts';

const SECONDS = Number(process.env.XLREG_TEST_ATTACK_SECONDS ?? 3);
/** Small enough that an address without limits fills it during the attack. */
const ROOM = String(1_000 * SECONDS);
/** An address's default allowance: its burst and its rate, with a second of grace. */
const ADDED_MAX = 200 + 20 * (SECONDS + 1);
const [ATTACKER, HONEST] = ['127.0.0.2', '127.0.0.3'];
/** Makes the limits on additions, not those on Hellos, stop the attacker. */
const ARGS = ['--limit-exempt', 'off', '--max-hellos-per-second-per-address', '1000', '--workers', '2'];
const FULL = 'registry is full';

let registry: FieldRegistry;
afterEach(async () => {
  expect(await registry.stop()).toBe(0);
});

const from = (localAddress: string): Wire => ({ transport: 'tcp', dialect: 'prefixed', localAddress });

async function refusals(code: string): Promise<number> {
  const metric = `xlreg_refusals_total{refusal="${code}"} `;
  const line = (await registry.process.metrics()).split('\n').find((line) => line.startsWith(metric));
  return Number(line?.slice(metric.length) ?? 0);
}

/** True if an attempt ended as a limit makes it end: with the refusal, or with the close after it. */
function isHeldBack(error: unknown): boolean {
  if (error instanceof ClosedEarly || (error as NodeJS.ErrnoException).code === 'ECONNRESET') return true;
  return error instanceof OtherReply && error.reply.errDesc === FULL;
}

/** Acts in 16 sessions from the attacker's address until the time `until`. Returns the number of successes. */
async function attack(until: number, act: (session: number) => Promise<number>): Promise<number> {
  let done = 0;
  const sessions = Array.from({ length: 16 }, async (_, session) => {
    while (performance.now() < until) {
      const acted = await act(session);
      done += acted;
    }
  });
  await Promise.all(sessions);
  return done;
}

/** Makes an act for `attack`: one session that calls `act` until a refusal or the time `until`. */
function session(until: number, act: (client: FieldClient, number: number) => Promise<unknown>) {
  let number = 0;
  return async (name: number): Promise<number> => {
    let done = 0;
    let client: FieldClient | undefined;
    try {
      ({ client } = await registry.register(from(ATTACKER), { name: `attacker-${name}` }));
      for (; performance.now() < until; done++) await act(client, number++);
    } catch (error) {
      if (!isHeldBack(error)) throw error;
    }
    client?.close();
    return done;
  };
}

/** Runs ten honest clients a second, each with its own cluster. Returns their number; throws if one is refused. */
async function honestUntil(until: number): Promise<number> {
  let count = 0;
  for (; performance.now() < until; count++) {
    const { client } = await registry.register(from(HONEST), { name: `honest-${count}` });
    await client.create(`honest-${count}`, 2);
    await client.join(`honest-${count}`);
    await client.bye();
    await pause(100);
  }
  return count;
}

describe('an attacker at full speed keeps no honest client out (R4)', () => {
  it('by creating clusters', async () => {
    registry = await FieldRegistry.start({ args: [...ARGS, '--max-clusters', ROOM] });
    const until = performance.now() + SECONDS * 1_000;
    const create = session(until, (client, number) => client.create(`attacker-${number}`, 64));
    const [made, honest] = await Promise.all([attack(until, create), honestUntil(until)]);
    console.log(`${SECONDS} s: the attacker made ${made} clusters, ${honest} honest clients got in`);
    expect(made).toBeLessThanOrEqual(ADDED_MAX);
    expect(await refusals('clusters-per-address')).toBeGreaterThan(0);
    expect(await refusals('registry-full')).toBe(0);
  });

  it('by registering', async () => {
    registry = await FieldRegistry.start({ args: [...ARGS, '--max-registrations', ROOM] });
    const until = performance.now() + SECONDS * 1_000;
    const register = async (): Promise<number> => {
      try {
        const { client } = await registry.register(from(ATTACKER), { name: 'attacker' });
        client.close();
        return 1;
      } catch (error) {
        if (isHeldBack(error)) return 0;
        throw error;
      }
    };
    const [made, honest] = await Promise.all([attack(until, register), honestUntil(until)]);
    console.log(`${SECONDS} s: the attacker made ${made} registrations, ${honest} honest clients got in`);
    expect(made).toBeLessThanOrEqual(ADDED_MAX);
    expect(await refusals('registrations-per-address')).toBeGreaterThan(0);
    expect(await refusals('registry-full')).toBe(0);
  });

  it('by taking seats', async () => {
    registry = await FieldRegistry.start({ args: [...ARGS, '--max-clusters-per-second-per-address', '1000000'] });
    const until = performance.now() + SECONDS * 1_000;
    const take = session(until, async (client, number) => {
      await client.create(`attacker-${number}`, 64);
      await client.join(`attacker-${number}`);
    });
    const [made, honest] = await Promise.all([attack(until, take), honestUntil(until)]);
    console.log(`${SECONDS} s: the attacker took ${made} seats, ${honest} honest clients got in`);
    expect(made).toBeLessThanOrEqual(ADDED_MAX);
    expect(await refusals('members-per-address')).toBeGreaterThan(0);
  });
});

it('lets 64 members behind one address register, create and join at once (R4)', async () => {
  registry = await FieldRegistry.start({ args: ['--limit-exempt', 'off'] });
  const members = Array.from({ length: 64 }, async (_, i) => {
    const { client } = await registry.register(from(HONEST), { name: `node-${i}` });
    await client.create('all-at-once', 64);
    await client.join('all-at-once');
    return client;
  });
  const clients = await Promise.all(members);
  // Repeating is free: it adds no record.
  for (const client of clients) {
    await client.create('all-at-once', 64);
    await client.join('all-at-once');
  }
  expect((await registry.process.metrics()).match(/^xlreg_table_clusters\{state="full"\} (\d+)$/m)?.[1]).toBe('1');
  for (const code of ['registrations', 'clusters', 'members']) expect(await refusals(`${code}-per-address`)).toBe(0);
});

it('caps what one client makes and holds, whatever its address may add (R4)', async () => {
  registry = await FieldRegistry.start({ args: ['--max-clusters-per-client', '2', '--max-seats-per-client', '1'] });
  const wire = from('127.0.0.1');
  const { client } = await registry.register(wire, { name: 'maker' });
  await client.create('first', 2);
  await client.create('second', 2);
  await client.join('first');
  await client.join('first');
  expect(await client.request({ op: 7, clusterName: 'second' })).toMatchObject({ op: 13, errDesc: FULL });
  const { client: other } = await registry.register(wire, { name: 'other' });
  await other.create('second', 2);
  await other.create('third', 2);
  await other.create('fourth', 2);
  expect(await other.request({ op: 5, clusterName: 'fifth' })).toMatchObject({ op: 13, errDesc: FULL });
  expect(await refusals('seats-per-client')).toBe(1);
  expect(await refusals('clusters-per-client')).toBe(1);
});
