// Bad values of the fields of versions and waits (V2, V5): rows B159 to B164. No value is a fault but bytes that are no
// message.
import Long from 'long';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeMessage, type Message, Op } from '../../src/wire/message.ts';
import { FieldRegistry } from '../field/field-registry.ts';
import { makeMemberKeys } from '../field/member-keys.ts';
import { metric, Watcher } from '../waiting/watcher.ts';

const MAX_WAIT_MS = 300;
const ALL = 0b11n;

let registry: FieldRegistry;
beforeAll(async () => {
  registry = await FieldRegistry.start({ args: ['--max-wait-ms', String(MAX_WAIT_MS)] });
});
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

describe.each(['tcp', 'ws'] as const)('over %s', (transport) => {
  let one: Watcher;
  beforeAll(async () => {
    const cluster = `bad-${transport}`;
    one = await Watcher.join(registry, transport, cluster, { number: 0, size: 3 });
    (await Watcher.join(registry, transport, cluster, { number: 1, size: 3 })).close();
    await one.ask();
  });
  afterAll(() => one.close());

  const timeUps = () => metric(registry, 'xlreg_waits_ended_total{end="time"}');

  /** Asks with these fields in place of the good ones; returns what is told, and whether the request waited. */
  async function askWith(fields: Partial<Message>) {
    const before = await timeUps();
    const good = { KnownVersion: Long.fromNumber(one.version, true), History: one.history, WaitMs: MAX_WAIT_MS };
    one.client.send({ Op: Op.GetCluster, ClusterName: one.cluster, ...good, ...fields });
    const told = await one.receive();
    return { ...told, waited: (await timeUps()) > before };
  }

  it.each([
    ['no', null],
    ['an empty', new Uint8Array(0)],
    ['a History of 7 bytes', new Uint8Array(7)],
    ['a History of 9 bytes', new Uint8Array(9)],
    ['a History of 16,000 bytes', new Uint8Array(16_000)],
    ['another', new Uint8Array(8)],
  ])('a KnownVersion with %s History is answered at once with everything (B159)', async (_, History) => {
    expect(await askWith({ History })).toMatchObject({ which: ALL, emptied: 0b100n, waited: false });
  });

  it.each(['4294967296', '9007199254740992', '18446744073709551615'])(
    'a KnownVersion of %s, above the present one, is answered at once with everything (B160)',
    async (text) => {
      const KnownVersion = Long.fromString(text, true);
      expect(await askWith({ KnownVersion })).toMatchObject({ which: ALL, waited: false });
    },
  );

  it('a KnownVersion of 0 is answered with everything that has changed since (B160)', async () => {
    expect(await askWith({ KnownVersion: Long.UZERO })).toMatchObject({ which: ALL, emptied: 0n, waited: false });
  });

  it('a WaitMs of 2^32-1 is cut to --max-wait-ms (B161)', async () => {
    const began = performance.now();
    expect(await askWith({ WaitMs: 0xffff_ffff })).toMatchObject({ which: 0n, waited: true });
    expect(performance.now() - began).toBeGreaterThanOrEqual(MAX_WAIT_MS);
  });

  it.each([2, 0xffff_ffff])('a WaitFor of %i waits for any change (B162)', async (WaitFor) => {
    expect(await askWith({ WaitFor })).toMatchObject({ which: 0n, waited: true });
  });

  it.each([
    ['a WaitMs above 2^32-1', [0xf0, 0x02, 0x80, 0x80, 0x80, 0x80, 0x10]],
    ['a WaitMs of wire type 2', [0xf2, 0x02, 0x00]],
    ['a History of wire type 0', [0xe8, 0x02, 0x00]],
  ])('%s is no message (B163)', async (_, field) => {
    const client = await Watcher.connect(registry, transport, one.cluster, 7);
    const plain = encodeMessage({ Op: Op.GetCluster, ClusterName: one.cluster });
    client.client.send(Buffer.concat([plain, Buffer.from(field)]));
    expect(await client.client.wire.closed()).toEqual(Buffer.alloc(0));
  });

  it.each(['chained', 'prefixed'] as const)(
    'the fields are unknown to %s, and change no reply (B164)',
    async (dialect) => {
      const { client } = await registry.register(
        { dialect, transport },
        {
          ...{ name: `old-${dialect}-${transport}`, keys: makeMemberKeys({ sig: 9 }) },
        },
      );
      const message = { Op: Op.GetCluster, ClusterName: one.cluster };
      const plain = await client.request(encodeMessage(message));
      const before = await metric(registry, 'xlreg_waits_woken_total');
      const fields = { KnownVersion: Long.fromNumber(one.version, true), History: one.history, WaitMs: MAX_WAIT_MS };
      // The field's decoder refuses a reply with a field of the sealed dialect.
      expect(await client.request(encodeMessage({ ...message, ...fields }))).toEqual(plain);
      expect(await metric(registry, 'xlreg_waits_woken_total')).toBe(before);
      expect(await metric(registry, 'xlreg_waits_parked')).toBe(0);
      client.close();
    },
  );
});
