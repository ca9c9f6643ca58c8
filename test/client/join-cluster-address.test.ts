// joinCluster() with auto:PORT: the address that a registry sees, here by the PROXY header of a load balancer.
import { expect, it } from 'vitest';
import { startRegistry } from '../../src/testing/index.ts';
import { TcpRelay } from '../support/tcp-relay.ts';
import { Joiners } from './joiners.ts';

/** A PROXY header of version 2: TCP over IPv4 from 192.0.2.7 to 127.0.0.1. */
const FROM_192_0_2_7 = Buffer.from('0d0a0d0a000d0a515549540a2111000cc00002077f00000104d20001', 'hex');

it('presents the address that the registry sees for auto:PORT, and others see it', async () => {
  await using registry = await startRegistry({ settings: { 'proxy-protocol': '127.0.0.1/32' } });
  // A load balancer that says that each client comes from 192.0.2.7.
  const balancer = await TcpRelay.to(Number(new URL(`tcp://${registry.address}`).port));
  balancer.header = FROM_192_0_2_7;
  const joiners = new Joiners();
  const options = { registry: registry.regCred, connect: balancer.address, size: 2 };
  const [alice, bob] = await Promise.all([
    joiners.join('alice', 'seen', { ...options, endPoints: ['auto:4001'] }),
    joiners.join('bob', 'seen', options),
  ]);
  expect(alice.self.endPoints).toEqual(['192.0.2.7:4001']);
  expect(bob.get('alice')).toMatchObject({ endPoints: ['192.0.2.7:4001'], verified: true });
  await joiners.close();
  balancer.stop();
});
