// The limits of the table: row B101. A full registry still serves its existing clusters and registrations.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { FieldRegistry, WIRES } from '../field/field-registry.ts';

const FULL = { op: 13, errDesc: 'registry is full', tokens: [] };

let registry: FieldRegistry;
beforeAll(async () => {
  registry = await FieldRegistry.start({
    args: ['--max-clusters', '1', '--max-registrations', String(2 * WIRES.length)],
  });
  const { client } = await registry.register(WIRES[0]!, { name: 'creator' });
  await client.create('only', 4);
});
afterAll(async () => expect(await registry.stop()).toBe(0));

it.each(WIRES)('refuses a Create at the cluster limit ($transport, $dialect) (B101)', async (wire) => {
  const { client } = await registry.register(wire, { name: `${wire.transport}-${wire.dialect}` });
  await client.create('only');
  await client.join('only');
  expect(await client.request({ op: 5, clusterName: 'another' })).toEqual(FULL);
  expect((await client.waitClosed()).bytes.length).toBe(0);
});

it('refuses a Client at the registration limit (B101)', async () => {
  const wire = WIRES[0]!;
  // The creator made one registration, and each wire's test one.
  for (let i = WIRES.length + 1; i < 2 * WIRES.length; i++) await registry.register(wire, { name: `n${i}` });
  const refused = await registry.register(wire, { name: 'one-too-many' }).catch((error: unknown) => error);
  expect(refused).toMatchObject({ reply: FULL });
  const metrics = await registry.process.metrics();
  expect(metrics).toContain(`xlreg_refusals_total{refusal="registry-full"} ${WIRES.length + 1}`);
});
