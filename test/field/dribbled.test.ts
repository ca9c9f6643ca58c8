// Messages dribbled in one TCP segment per block. They must not multiply the workers' work, must be served soon once
// whole, and must end like any other partial message.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { expectClosed } from '../bad-input/endings.ts';
import { FieldRegistry, WIRES } from './field-registry.ts';
import { OP } from './protobuf.ts';

const TCP = WIRES.filter(({ transport }) => transport === 'tcp');
const BLOCKS = 1_024;
/** Every block boundary of a message of the maximal length (F4). */
const EVERY_BLOCK = Array.from({ length: BLOCKS - 1 }, (_, place) => 16 * (place + 1));

let registry: FieldRegistry;
beforeAll(async () => {
  registry = await FieldRegistry.start({ args: ['--partial-timeout-ms', '60000', '--hello-timeout-ms', '60000'] });
});
afterEach(() => registry.closeClients());
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

/** Frames handed to workers so far. */
async function frames(): Promise<number> {
  const page = await registry.process.metrics();
  return Number(/^xlreg_pool_batch_frames_sum (\S+)$/m.exec(page)![1]);
}

describe.each(TCP)('$dialect', (wire) => {
  const ivBytes = wire.dialect === 'prefixed' ? 16 : 0;
  /** A plaintext of the maximal length with one byte of padding: `head`, then fields. */
  const filled = (head: string, field: string) => {
    const plain = Buffer.alloc(16_384 - ivBytes - 1, Buffer.from(field, 'hex'));
    plain.set(Buffer.from(head, 'hex'));
    return plain;
  };

  it('hands a dribbled message to workers a bounded number of times (F5, F11)', async () => {
    const client = await registry.connect(wire);
    const bytes = client.encrypt(filled('', '7200').subarray(0, -32));
    const before = await frames();
    await client.sendCut(
      bytes,
      EVERY_BLOCK.filter((at) => at < bytes.length),
    );
    // The reply to a later session shows that the bytes before it are in work or done.
    await (await registry.connect(wire)).call({ op: OP.RegCredRequest }, OP.RegCredReply);
    expect((await frames()) - before).toBeLessThan(250);
  });

  it('serves a whole dribbled message, and a short one behind it (F5, F11)', async () => {
    const client = await registry.connect(wire);
    // RegCredRequest with an unused ClusterName of 16,000 characters.
    const plain = Buffer.concat([Buffer.from('080172807d', 'hex'), Buffer.alloc(16_000, 'a')]);
    const bytes = client.encrypt(plain);
    await client.sendCut(
      bytes,
      EVERY_BLOCK.filter((at) => at < bytes.length),
    );
    expect((await client.receive()).op).toBe(OP.RegCredReply);
    await client.call({ op: OP.RegCredRequest }, OP.RegCredReply);
    await client.bye();
  });

  it('serves a dribbled message whose sender half-closes behind it (F9)', async () => {
    const client = await registry.connect(wire);
    const bytes = client.encrypt(
      Buffer.concat([Buffer.from('0801', 'hex'), Buffer.alloc(2_000, Buffer.from('7200', 'hex'))]),
    );
    await client.sendCut(
      bytes,
      EVERY_BLOCK.filter((at) => at < bytes.length),
    );
    client.halfClose();
    expect((await client.receive()).op).toBe(OP.RegCredReply);
    expect((await client.waitClosed()).bytes).toHaveLength(0);
  });

  it.each([
    ['not yet whole', ''],
    ['dead', '00'],
  ])('closes in silence behind the last byte that a message can have: %s (F4, E1)', async (_, head) => {
    const client = await registry.connect(wire);
    const bytes = client.encrypt(filled(head, '7200'));
    await client.sendCut(Buffer.concat([bytes, Buffer.alloc(1)]), EVERY_BLOCK);
    await expectClosed(client, true);
  });
});
