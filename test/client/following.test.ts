// The client library follows clusters by waiting requests in the sealed dialect (V1 to V6): what a watch shows, how
// few messages it takes, and what it does about a wrong roster.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ClusterMember, connect, type RegistrySession } from '../../src/client/index.ts';
import { bigintOf, longOf, type Message } from '../../src/wire/message.ts';
import { runXlreg, startXlreg } from '../cli/xlreg-process.ts';
import { newMember } from '../support/new-member.ts';
import { until } from '../support/until.ts';
import { describeEachEngine } from '../support/web-engines.ts';
import { ClientRegistry } from './client-registry.ts';
import { LyingRegistry } from './lying-registry.ts';

const TRANSPORTS = ['tcp', 'ws'] as const;
let names = 0;

async function metricOf(registry: ClientRegistry, name: string): Promise<number> {
  const line = (await registry.process.metrics()).split('\n').find((text) => text.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

/** Collects what a watch tells, until `signal` is aborted or the watch ends. */
function collect(
  session: RegistrySession,
  cluster: string,
  options: { readonly follow?: boolean; readonly signal?: AbortSignal; readonly memberId?: string },
) {
  const members: ClusterMember[] = [];
  const left: number[] = [];
  const ended = (async () => {
    for await (const member of session.members(cluster, { ...options, onLeft: (index) => left.push(index) })) {
      members.push(member);
    }
  })();
  ended.catch(() => {});
  return { members, left, ended };
}

describeEachEngine('A watch, with the engine %s', (engine) => {
  let registry: ClientRegistry;
  beforeAll(async () => {
    registry = await ClientRegistry.start({ args: ['--web-engine', engine] });
  });
  afterEach(() => registry.closeSessions());
  afterAll(async () => {
    expect(await registry.stop()).toBe(0);
  });

  const messages = () => metricOf(registry, 'xlreg_messages_total{op="GetCluster"}');
  const parked = () => metricOf(registry, 'xlreg_waits_parked');

  describe.each(TRANSPORTS)('over %s', (transport) => {
    it('shows each member as it joins, and ends when the cluster is full', async () => {
      const cluster = `fills-${transport}-${++names}`;
      const one = await registry.identify('one', { transport });
      await one.session.create(cluster, { size: 3, confirmMs: 0 });
      await one.session.join(cluster);
      const seen = collect(one.session, cluster, { memberId: one.id });
      for (const name of ['two', 'three']) {
        const { session } = await registry.identify(name, { transport });
        await session.join(cluster);
      }
      await seen.ended;
      expect(seen.members.map(({ index, name, verified }) => [index, name, verified])).toEqual([
        [0, 'one', true],
        [1, 'two', true],
        [2, 'three', true],
      ]);
    });

    it('goes on after completion with follow: a move, an eviction and its successor are seen; silence costs no message', async () => {
      const cluster = `goes-on-${transport}-${++names}`;
      const one = await registry.identify('one', { transport });
      const two = await registry.identify('two', { transport });
      await one.session.create(cluster, { size: 2, confirmMs: 0 });
      await one.session.join(cluster);
      await two.session.join(cluster);
      const stop = new AbortController();
      const seen = collect(one.session, cluster, { follow: true, signal: stop.signal });
      await until(async () => (await parked()) === 1);
      expect(seen.members).toHaveLength(2);
      const before = await messages();
      const moved = await registry.connect({ transport });
      await moved.identify({ ...two.member, id: two.id, endPoints: ['127.0.0.1:4002'] });
      await moved.join(cluster);
      await until(() => seen.members.length === 3);
      expect(seen.members.at(-1)).toMatchObject({ index: 1, name: 'two', endPoints: ['127.0.0.1:4002'] });
      await until(async () => (await parked()) === 1);
      // One answer, which the move caused.
      expect((await messages()) - before).toBe(1);

      const admin = ['--admin', `127.0.0.1:${registry.process.adminPort}`, '--data-dir', registry.process.dataDir];
      expect(await runXlreg(['evict', cluster, 'two', ...admin])).toMatchObject({ code: 0 });
      await until(() => seen.left.length === 1);
      expect(seen.left).toEqual([1]);
      const three = await registry.identify('three', { transport });
      await three.session.join(cluster);
      await until(() => seen.members.length === 4);
      expect(seen.members.at(-1)).toMatchObject({ index: 1, name: 'three' });
      stop.abort(new Error('enough'));
      await expect(seen.ended).rejects.toThrow('enough');
    });

    it('that is ended leaves its session usable at once, although its request waits (V6)', async () => {
      const cluster = `ended-${transport}-${++names}`;
      const { session } = await registry.identify('one', { transport });
      await session.create(cluster, { size: 2, confirmMs: 0 });
      await session.join(cluster);
      const stop = new AbortController();
      const seen = collect(session, cluster, { signal: stop.signal });
      await until(async () => (await parked()) === 1);
      stop.abort(new Error('enough'));
      await expect(seen.ended).rejects.toThrow('enough');
      const began = performance.now();
      expect(await session.join(cluster)).toMatchObject({ size: 2 });
      await session.bye();
      expect(performance.now() - began).toBeLessThan(5_000);
    });

    it('tells an evicted watcher that it has no seat any more (V4)', async () => {
      const cluster = `evicted-${transport}-${++names}`;
      const one = await registry.identify('one', { transport });
      await one.session.create(cluster, { size: 2, confirmMs: 0 });
      await one.session.join(cluster);
      const seen = collect(one.session, cluster, { memberId: one.id });
      await until(async () => (await parked()) === 1);
      const admin = ['--admin', `127.0.0.1:${registry.process.adminPort}`, '--data-dir', registry.process.dataDir];
      await runXlreg(['evict', cluster, 'one', ...admin]);
      await expect(seen.ended).rejects.toThrow('no longer a member of the cluster: it has left the roster');
    });
  });

  it('of join --wait is woken, and polls nothing', async () => {
    const cluster = `command-${++names}`;
    const flags = ['--registry', `${registry.process.dataDir}/regCred.dat`];
    expect((await runXlreg(['create', cluster, '--size', '2', ...flags])).code).toBe(0);
    const join = (name: string) => {
      const home = ['--home', `${registry.process.dataDir}/${cluster}-${name}`];
      const place = ['--name', name, '--end-point', '127.0.0.1:4001', ...home];
      return startXlreg(['join', cluster, ...place, '--wait', '60', ...flags]);
    };
    const start = await messages();
    const first = join('first');
    // It reads the roster, waits a moment for members that may start with it, then waits for long.
    await until(async () => (await messages()) - start === 2 && (await parked()) === 1);
    const before = await messages();
    const woken = await metricOf(registry, 'xlreg_waits_woken_total');
    const second = join('second');
    expect(await first.ended).toMatchObject({ code: 0 });
    expect(await second.ended).toMatchObject({ code: 0 });
    expect((await metricOf(registry, 'xlreg_waits_woken_total')) - woken).toBe(1);
    // The answer to the first one's wait, and the one roster of the second.
    expect((await messages()) - before).toBe(2);
  });
});

describe('A roster whose hash does not fit', () => {
  let registry: LyingRegistry;
  beforeAll(async () => {
    registry = await LyingRegistry.start();
  });
  afterAll(() => registry.stop());

  const state = (version: number) => ({
    ...{ ClusterVersion: longOf(BigInt(version)), History: new Uint8Array(8), Epoch: longOf(0n), Emptied: longOf(0n) },
    YourSeat: 64,
  });

  it('makes the watch ask for everything; a second misfit ends it (V3)', async () => {
    const asked: (bigint | undefined)[] = [];
    const requests: Message[] = [];
    registry.fields = (request) => {
      requests.push(request);
      asked.push(request.KnownVersion ? bigintOf(request.KnownVersion) : undefined);
      // The first answer has no hash, so that it is taken; the second has a wrong one.
      return { ...state(requests.length), ...(requests.length > 1 && { RosterHash: new Uint8Array(32) }) };
    };
    const member = newMember({ name: 'reader', endPoints: ['127.0.0.1:4001'] });
    const session = await connect({ ...registry.regCred });
    await session.identify(member);
    const watch = session.members({ id: registry.clusterId.toString('hex') }, { pollMs: 5 });
    await expect(watch.next()).rejects.toThrow('the registry sent a roster with a wrong hash');
    expect(asked).toEqual([undefined, 1n, undefined]);
    session.close();
  });
});
