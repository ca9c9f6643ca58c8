// The hold on a TCP port that listeners of one process share.

import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { ListenError } from '../../src/net/connection.ts';
import { holdPort } from '../../src/net/tcp/port-guard.ts';

const HOST = '127.0.0.1';

it('closes connections until it leaves the port, and refuses other registries until it is closed', async () => {
  const held = await holdPort(HOST, 0);
  expect(held.address).toBe(`${HOST}:${held.port}`);
  const early = connect(held.port, HOST).on('error', () => {});
  await once(early, 'close');
  await expect(holdPort(HOST, held.port)).rejects.toThrow(ListenError);
  await held.leave();
  const refused = connect(held.port, HOST);
  expect(await once(refused, 'error')).toMatchObject([{ code: 'ECONNREFUSED' }]);
  await expect(holdPort(HOST, held.port)).rejects.toThrow(ListenError);
  await held.close();
  await (await holdPort(HOST, held.port)).close();
});
