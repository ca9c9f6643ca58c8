// Requests that wait for a change of their cluster (V5, V6), against a real registry over TCP and both WebSocket engines.
import { hash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encodeRosterToken, encodeSealedFields, Op } from '../../src/wire/message.ts';
import { FieldRegistry } from '../field/field-registry.ts';
import { makeMemberKeys } from '../field/member-keys.ts';
import { adminToken } from '../support/admin-token.ts';
import { until } from '../support/until.ts';
import { describeEachEngine } from '../support/web-engines.ts';
import { metric, Watcher } from './watcher.ts';

const LONG_MS = 60_000;
const TRANSPORTS = ['tcp', 'ws'] as const;
type Transport = (typeof TRANSPORTS)[number];

let clusters = 0;
// The members' keys are made once. That takes longer than silence may last here.
makeMemberKeys();

describeEachEngine('with the engine %s', (engine) => {
  let registry: FieldRegistry;
  const watchers: Watcher[] = [];
  beforeAll(async () => {
    // Silence ends a session sooner than any wait here.
    const idle = ['--idle-timeout-ms', '800', '--joined-idle-timeout-ms', '800'];
    registry = await FieldRegistry.start({ args: ['--web-engine', engine, '--workers', '2', ...idle] });
  });
  afterEach(() => {
    for (const watcher of watchers.splice(0)) watcher.close();
  });
  afterAll(async () => {
    expect(await registry.stop()).toBe(0);
  });

  const parked = () => metric(registry, 'xlreg_waits_parked');
  const ended = (why: string) => metric(registry, `xlreg_waits_ended_total{end="${why}"}`);
  const operate = async (method: string, path: string) => {
    const url = `http://127.0.0.1:${registry.process.adminPort}/api/clusters/${path}`;
    const headers = { authorization: `Bearer ${adminToken(registry.process.dataDir)}` };
    const response = await fetch(url, { method, headers });
    expect(response.status).toBeLessThan(300);
  };

  /** Members of one new cluster of the size, or the first of them. */
  async function members(transport: Transport, size: number, count = size): Promise<Watcher[]> {
    const cluster = `c${++clusters}-${engine}`;
    const joined: Watcher[] = [];
    for (let number = 0; number < count; number++) {
      joined.push(await Watcher.join(registry, transport, cluster, { number, size }));
    }
    watchers.push(...joined);
    return joined;
  }

  /** Joins the cluster as one more member. */
  async function joinMore(transport: Transport, { cluster }: Watcher, number: number): Promise<Watcher> {
    const watcher = await Watcher.join(registry, transport, cluster, { number, size: 2 });
    watchers.push(watcher);
    return watcher;
  }

  describe.each(TRANSPORTS)('over %s', (transport) => {
    it('tells version, History, epoch, own seat and a hash of the roster, then only what changed (V1 to V4)', async () => {
      const [one, other] = (await members(transport, 3, 2)) as [Watcher, Watcher];
      const first = await other.ask();
      expect(first).toMatchObject({ which: 0b11n, emptied: 0b100n, epoch: 0, yourSeat: 1 });
      expect(other.history).toHaveLength(8);
      const digests = other.last.Tokens!.map((token, index) => {
        const content = Buffer.concat([contentOf(encodeRosterToken(token)), encodeSealedFields(token)]);
        return Buffer.concat([Buffer.of(index), hash('sha256', content, 'buffer')]);
      });
      const whole = Buffer.concat([other.last.ClusterID!, ...digests]);
      expect(Buffer.from(other.last.RosterHash!)).toEqual(hash('sha256', whole, 'buffer'));

      expect(await other.ask()).toMatchObject({ version: first.version, which: 0n, names: [], emptied: 0n });
      const third = await joinMore(transport, one, 2);
      const news = await other.ask();
      expect(news).toMatchObject({ which: 0b100n, names: [`${one.cluster}-2`], emptied: 0n, epoch: 1 });
      expect(news.version).toBeGreaterThan(first.version);
      expect((await third.ask()).names).toHaveLength(3);
    });

    it('is woken by a Join, and survives the deadline of silence (V5, V6)', async () => {
      const [one] = (await members(transport, 2, 1)) as [Watcher];
      const { version } = await one.ask();
      one.send({ WaitMs: LONG_MS });
      await until(async () => (await parked()) === 1);
      // Twice as long as silence may last.
      const wake = Date.now() + 1_600;
      await until(() => Date.now() > wake);
      expect(await parked()).toBe(1);
      const other = await joinMore(transport, one, 1);
      const told = await one.receive();
      expect(told).toMatchObject({ which: 0b10n, names: [`${one.cluster}-1`], epoch: 1 });
      expect(told.version).toBeGreaterThan(version);
      expect(await parked()).toBe(0);
      other.close();
    });

    it('ends at its time with the answer "unchanged" (V5)', async () => {
      const [one] = (await members(transport, 2, 1)) as [Watcher];
      const { version } = await one.ask();
      const before = await ended('time');
      const began = performance.now();
      expect(await one.ask({ WaitMs: 300 })).toMatchObject({ version, which: 0n, names: [], yourSeat: 0 });
      expect(performance.now() - began).toBeGreaterThanOrEqual(300);
      expect(await ended('time')).toBe(before + 1);
    });

    it('is answered before the next message of the connection (V6)', async () => {
      const [one] = (await members(transport, 2, 1)) as [Watcher];
      const { version } = await one.ask();
      one.send({ WaitMs: LONG_MS });
      await until(async () => (await parked()) === 1);
      one.client.send({ Op: Op.Create, ClusterName: 'next', ClusterSize: 2 });
      expect(await one.receive()).toMatchObject({ version, which: 0n });
      expect(await one.client.receive()).toMatchObject({ Op: Op.CreateReply });
    });

    it('is answered at once if the next message was sent ahead (F7, V6)', async () => {
      const [one] = (await members(transport, 2, 1)) as [Watcher];
      const { version } = await one.ask();
      one.send({ WaitMs: LONG_MS });
      one.client.send({ Op: Op.RegCredRequest });
      expect(await one.receive()).toMatchObject({ version, which: 0n });
      expect(await one.client.receive()).toMatchObject({ Op: Op.RegCredReply });
    });

    it('waits for completion through other changes, and gets all of them then (V5)', async () => {
      const [one] = (await members(transport, 3, 1)) as [Watcher];
      await one.ask();
      one.send({ WaitMs: LONG_MS, WaitFor: 1 });
      await until(async () => (await parked()) === 1);
      await joinMore(transport, one, 1);
      const extra = await Watcher.connect(registry, transport, one.cluster, 5);
      watchers.push(extra);
      expect((await extra.ask()).names).toHaveLength(2);
      expect(await parked()).toBe(1);
      await joinMore(transport, one, 2);
      expect(await one.receive()).toMatchObject({ which: 0b110n, epoch: 1 });
      // Complete already: no wait.
      expect(await one.ask({ WaitMs: LONG_MS, WaitFor: 1 })).toMatchObject({ which: 0n, epoch: 1 });
    });

    it('tells an evicted member why, and the others that the seat is empty; the session goes on (V2, V4)', async () => {
      const [one, other] = (await members(transport, 2)) as [Watcher, Watcher];
      for (const watcher of [one, other]) {
        await watcher.ask();
        watcher.send({ WaitMs: LONG_MS });
      }
      await until(async () => (await parked()) === 2);
      await operate('DELETE', `${one.cluster}/members/${other.cluster}-1`);
      expect(await one.receive()).toMatchObject({ which: 0n, emptied: 0b10n, yourSeat: 0, epoch: 2 });
      expect(await other.receive()).toMatchObject({ which: 0n, emptied: 0b10n, yourSeat: 67 });
      await other.client.join(one.cluster);
      expect(await other.ask()).toMatchObject({ which: 0b10n, yourSeat: 1, epoch: 3 });
    });

    it('ends a wait for completion at the loss of the own seat (V4, V5)', async () => {
      const [one] = (await members(transport, 2, 1)) as [Watcher];
      await one.ask();
      one.send({ WaitMs: LONG_MS, WaitFor: 1 });
      await until(async () => (await parked()) === 1);
      await operate('DELETE', `${one.cluster}/members/${one.cluster}-0`);
      expect(await one.receive()).toMatchObject({ emptied: 0b1n, yourSeat: 67 });
    });

    it('ends at the deletion of the cluster, with that error (V6)', async () => {
      const [one] = (await members(transport, 2, 1)) as [Watcher];
      await one.ask();
      one.send({ WaitMs: LONG_MS });
      await until(async () => (await parked()) === 1);
      await operate('DELETE', one.cluster);
      expect(await one.client.receive()).toMatchObject({
        Op: Op.Error,
        ErrDesc: 'cannot find cluster with this ID',
      });
      expect(await one.client.receive()).toBeUndefined();
      await until(async () => (await parked()) === 0);
    });

    it('does not wait without a version that is current (V2, V5)', async () => {
      const [one] = (await members(transport, 2, 1)) as [Watcher];
      await one.ask({ WaitMs: LONG_MS });
      const other = await joinMore(transport, one, 1);
      expect(await one.ask({ WaitMs: LONG_MS })).toMatchObject({ which: 0b10n });
      one.history = new Uint8Array(8).fill(7);
      expect(await one.ask({ WaitMs: LONG_MS })).toMatchObject({ which: 0b11n, emptied: 0n });
      one.version += 100;
      expect(await one.ask({ WaitMs: LONG_MS })).toMatchObject({ which: 0b11n });
      other.close();
    });

    it('forgets a connection that is gone (V6)', async () => {
      const [one] = (await members(transport, 2, 1)) as [Watcher];
      await one.ask();
      const before = await ended('closed');
      one.send({ WaitMs: LONG_MS });
      await until(async () => (await parked()) === 1);
      one.close();
      await until(async () => (await parked()) === 0);
      // On TCP the FIN comes first, and is answered into the void.
      if (transport === 'ws') expect(await ended('closed')).toBe(before + 1);
    });
  });
});

describe('A FIN', () => {
  it('ends a wait, which is answered; then the registry closes (F9, V6)', async () => {
    const registry = await FieldRegistry.start();
    const one = await Watcher.join(registry, 'tcp', 'fin', { number: 0, size: 2 });
    const { version } = await one.ask();
    one.send({ WaitMs: LONG_MS });
    await until(async () => (await metric(registry, 'xlreg_waits_parked')) === 1);
    one.client.wire.halfClose();
    expect(await one.receive()).toMatchObject({ version, which: 0n });
    expect(await one.client.receive()).toBeUndefined();
    expect(await metric(registry, 'xlreg_waits_ended_total{end="fin"}')).toBe(1);
    expect(await registry.stop()).toBe(0);
  });
});

describe('A drain', () => {
  it('answers all waits within half of its grace period, spread; then the next message is refused (S7, V6)', async () => {
    const registry = await FieldRegistry.start({ args: ['--drain-grace-ms', '4000'] });
    const watchers: Watcher[] = [];
    for (let place = 0; place < 8; place++) {
      const cluster = `drained-${place}`;
      watchers.push(await Watcher.join(registry, place % 2 ? 'ws' : 'tcp', cluster, { number: 0, size: 2 }));
    }
    for (const watcher of watchers) {
      await watcher.ask();
      watcher.send({ WaitMs: LONG_MS });
    }
    await until(async () => (await metric(registry, 'xlreg_waits_parked')) === watchers.length);
    const began = performance.now();
    process.kill(registry.process.pid, 'SIGTERM');
    const after = await Promise.all(
      watchers.map(async (watcher) => {
        expect(await watcher.receive()).toMatchObject({ which: 0n });
        return performance.now() - began;
      }),
    );
    expect(Math.max(...after)).toBeLessThan(4_000);
    expect(Math.max(...after) - Math.min(...after)).toBeGreaterThan(1_000);
    for (const { client } of watchers) {
      expect(await client.ask({ Op: Op.RegCredRequest })).toMatchObject({ ErrDesc: 'server is shutting down' });
    }
    expect(await registry.process.exited).toBe(0);
  });
});

describe('64 members', () => {
  it('are all woken by a move of one of them, and by nothing else (V5)', async () => {
    const registry = await FieldRegistry.start({ args: ['--store', 'lmdb', '--workers', '2'] });
    const members: Watcher[] = [];
    for (let number = 0; number < 64; number++) {
      members.push(await Watcher.join(registry, 'tcp', 'full', { number, size: 64 }));
    }
    for (const member of members) {
      expect(await member.ask()).toMatchObject({ epoch: 1 });
      member.send({ WaitMs: LONG_MS });
    }
    await until(async () => (await metric(registry, 'xlreg_waits_parked')) === 64);
    const woken = await metric(registry, 'xlreg_waits_woken_total');
    await Watcher.join(registry, 'tcp', 'other', { number: 0, size: 2 });
    await Watcher.join(registry, 'tcp', 'full', { number: 7, size: 64 });
    const told = await Promise.all(members.map((member) => member.receive()));
    for (const [index, one] of told.entries()) {
      expect(one).toMatchObject({ which: 1n << 7n, names: ['full-7'], yourSeat: index });
    }
    expect((await metric(registry, 'xlreg_waits_woken_total')) - woken).toBe(64);
    expect(await registry.stop()).toBe(0);
  });
});

describe('--max-wait-ms', () => {
  it('is in the certificate, and bounds every wait; 0 turns waiting off (Z4, V5)', async () => {
    for (const maxWaitMs of [0, 200]) {
      const registry = await FieldRegistry.start({ args: ['--max-wait-ms', String(maxWaitMs)] });
      const one = await Watcher.join(registry, 'tcp', 'bounded', { number: 0, size: 2 });
      expect(one.client.cert?.maxWaitMs).toBe(maxWaitMs);
      await one.ask();
      const before = performance.now();
      expect(await one.ask({ WaitMs: 0xffff_ffff })).toMatchObject({ which: 0n });
      const took = performance.now() - before;
      if (maxWaitMs > 0) expect(took).toBeGreaterThanOrEqual(maxWaitMs);
      expect(await metric(registry, 'xlreg_waits_ended_total{end="time"}')).toBe(maxWaitMs > 0 ? 1 : 0);
      expect(await registry.stop()).toBe(0);
    }
  });
});

/** The bytes of a token behind tag and length. */
function contentOf(field: Uint8Array): Uint8Array {
  return field.subarray(field[3]! < 0x80 ? 4 : 5);
}
