// A token that its member had replaced, played back by somebody who has it from another registry: the wire cannot prevent
// that, but it is counted and told.

import { afterEach, expect, it } from 'vitest';
import { FieldRegistry, type Wire } from '../field/field-registry.ts';
import { makeMemberKeys, signedToken } from '../field/member-keys.ts';
import { until } from '../support/until.ts';

const WIRE: Wire = { transport: 'tcp', dialect: 'prefixed' };

let registry: FieldRegistry;
afterEach(async () => {
  expect(await registry.stop()).toBe(0);
});

const warnings = () =>
  registry.process
    .stderr()
    .split('\n')
    .filter((line) => line.includes('token that it had replaced'));
const replays = async () => /^xlreg_token_replays_total (\d+)$/m.exec(await registry.process.metrics())?.[1];

it('T11: is accepted, counted and told; a member that comes back with its present token is not', async () => {
  registry = await FieldRegistry.start();
  const keys = makeMemberKeys({ sig: 7 });
  const elsewhere = ['127.0.0.1:4001'];
  const { clientId } = await registry.register(WIRE, { name: 'alice', keys, myEnds: elsewhere });
  const now = { name: 'alice', keys, id: clientId, myEnds: ['127.0.0.1:5001'] };
  for (let start = 0; start < 3; start++) {
    const { client } = await registry.register(WIRE, now);
    await client.create('c', 2);
    await client.join('c');
    await client.bye();
  }
  expect(await replays()).toBe('0');

  // The thief has the old token, and the ID from a roster.
  const thief = await registry.connect(WIRE);
  await thief.identify(signedToken({ name: 'alice', keys, id: clientId, myEnds: elsewhere }));
  await until(() => warnings().length > 0);
  expect(await replays()).toBe('1');
  expect(JSON.parse(warnings()[0]!)).toMatchObject({
    level: 'warn',
    clientId: clientId.toString('hex'),
    name: 'alice',
  });

  // The member finds out, and comes back: that, too, is a token which had been replaced.
  await registry.register(WIRE, now);
  await until(() => warnings().length > 1);
  expect(await replays()).toBe('2');
});
