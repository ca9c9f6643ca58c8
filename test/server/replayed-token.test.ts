// An attacker replays a token that its member has replaced. The wire protocol cannot prevent the replay; the registry
// counts and logs it.

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

it('counts and logs the replay of a replaced token, but not of the current one (T11)', async () => {
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

  // The thief has the old token, and took the ID from a roster.
  const thief = await registry.connect(WIRE);
  await thief.identify(signedToken({ name: 'alice', keys, id: clientId, myEnds: elsewhere }));
  await until(() => warnings().length > 0);
  expect(await replays()).toBe('1');
  expect(JSON.parse(warnings()[0]!)).toMatchObject({
    level: 'warn',
    clientId: clientId.toString('hex'),
    name: 'alice',
  });

  // The thief's token has replaced the member's, so the member's return counts as a replay, too.
  await registry.register(WIRE, now);
  await until(() => warnings().length > 1);
  expect(await replays()).toBe('2');
});
