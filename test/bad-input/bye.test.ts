// Byes, and bytes after a Bye: rows B123 to B125.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { WIRES } from '../field/field-registry.ts';
import { signedToken } from '../field/member-keys.ts';
import { encodeMessage, type MessageInput, OP } from '../field/protobuf.ts';
import { onWires, testRows, useTarget } from './bad-input-harness.ts';
import { expectClosed, served } from './endings.ts';
import { manyFields } from './field-samples.ts';

const target = useTarget();

/** Fields that would be faults in a message that uses them. */
const everything: MessageInput = {
  ...manyFields,
  clientId: Buffer.alloc(3),
  clientSpecs: signedToken({ name: '..', digSig: null }),
  clusterId: Buffer.alloc(3),
  clusterName: '../x',
  clusterSize: 2 ** 32 - 1,
  endPointCount: 0,
  extra: Buffer.from('c80100', 'hex'),
};

for (const as of ['anonymous', 'identified', 'joined'] as const) {
  testRows(target, [
    {
      row: `answers a Bye of a session that is ${as} with a bare Ack (B123)`,
      as,
      sends: [{ op: OP.Bye }],
      ends: served(OP.Ack, isBareAck),
    },
    {
      row: `answers a Bye with extra fields of a session that is ${as} with a bare Ack (B125)`,
      as,
      sends: [{ ...everything, op: OP.Bye }],
      ends: served(OP.Ack, isBareAck),
    },
  ]);
}

function isBareAck(reply: object): void {
  expect(reply).toEqual({ op: OP.Ack, tokens: [] });
}

onWires(
  target,
  'discards whatever follows a Bye (B124)',
  async (wire) => {
    const { client } = await target.registry.register(wire, { name: 'peer' });
    const clusterName = target.unique('late');
    const created = await target.metric('xlreg_messages_total', 'op="Create"');
    const late: (MessageInput | Uint8Array)[] = [
      { op: OP.Bye },
      { op: OP.Create, clusterName },
      { op: OP.Bye },
      encodeMessage({ op: 99 }),
      Buffer.alloc(100),
    ];
    const wires = late.map((message) => client.encrypt(message));
    if (wire.transport === 'tcp') await client.sendRaw(Buffer.concat(wires));
    else for (const bytes of wires) await client.sendRaw(bytes);
    isBareAck(await client.receive());
    await expectClosed(client, false);
    expect(await target.metric('xlreg_messages_total', 'op="Create"')).toBe(created);
    const other = await target.registry.register(wire, { name: 'other' });
    const reply = await other.client.request({ op: OP.Join, clusterName });
    expect(reply).toMatchObject({ errDesc: 'cannot find cluster with this name' });
  },
  { 'refusal cluster-name-unknown': 1 },
);

describe.each(WIRES.filter(({ transport }) => transport === 'tcp'))('TCP, $dialect', (wire) => {
  it.each([1_000, 100_000])(
    `discards %i bytes that follow the Ack, without a reset (tcp, ${wire.dialect}) (B124)`,
    async (count) => {
      const client = await target.registry.open({ ...wire, keepOpenAfterFin: true });
      await client.hello();
      isBareAck(await client.request({ op: OP.Bye }));
      await expectClosed(client, false);
      await client.sendRaw(randomBytes(count));
      const closed = once(client.socket, 'close', { signal: AbortSignal.timeout(5_000) });
      client.halfClose();
      expect(await closed).toEqual([false]);
    },
  );
});
