// Time bounds: rows B35, B37 and B76 to B78. Each test compares medians of samples taken in turn, so that a busy
// machine slows both sides down. A test that fails is run again: a leak of time fails every run, a burst of load one.

import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import { parseSpki } from '../../src/wire/rsa-key.ts';
import { encryptHello } from '../field/field-client.ts';
import type { Transport } from '../field/field-connection.ts';
import { signedToken } from '../field/member-keys.ts';
import { OP } from '../field/protobuf.ts';
import { useTarget } from './bad-input-harness.ts';
import { expectClosed } from './endings.ts';
import { badExponents, badSizes, evenModuli, notKeys, oddModuli, otherKinds } from './hostile-keys.ts';

const target = useTarget();
const AGAIN = { retry: 3 };

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

const randomBelow = (): Buffer => Buffer.concat([Buffer.from([0x7f]), randomBytes(255)]);

/** Milliseconds from a Hello to its silent close. */
async function timeToClose(transport: Transport, hello: Uint8Array): Promise<number> {
  const client = await target.registry.open({ dialect: 'prefixed', transport });
  const sent = performance.now();
  await client.sendRaw(hello);
  await expectClosed(client, true);
  const taken = performance.now() - sent;
  client.close();
  return taken;
}

it.each(['tcp', 'ws'] as const)(
  'takes as long for OAEP of a wrong length as for random bytes (%s) (B37)',
  AGAIN,
  async (transport) => {
    const lengths = [0, 43, 45, 59, 61, 86];
    const times: number[][] = [[], ...lengths.map(() => [])];
    for (let round = 0; round < 41; round++) {
      const good = lengths.map((length) => encryptHello(randomBytes(length), target.registry.file.commsKey));
      const hellos = [...[randomBelow(), ...good].entries()];
      // Each kind goes first in turn: the first of a round meets colder caches.
      const turned = [...hellos.slice(round % hellos.length), ...hellos.slice(0, round % hellos.length)];
      for (const [i, bytes] of turned) times[i]!.push(await timeToClose(transport, bytes));
    }
    const [random, ...others] = times.map(median);
    for (const other of others) {
      expect(other / random!).toBeGreaterThan(0.6);
      expect(other / random!).toBeLessThan(1.6);
    }
  },
);

it('spends no RSA on an integer from the modulus up (B35)', AGAIN, async () => {
  const spent = async (hello: Uint8Array): Promise<number> => {
    const before = await target.metric('xlreg_stage_seconds_sum', 'stage="hello"');
    await timeToClose('tcp', hello);
    return (await target.metric('xlreg_stage_seconds_sum', 'stage="hello"')) - before;
  };
  const [withRsa, without] = [[], []] as [number[], number[]];
  for (let round = 0; round < 15; round++) {
    withRsa.push(await spent(randomBelow()));
    without.push(await spent(Buffer.alloc(256, 0xff)));
  }
  expect(median(withRsa)).toBeGreaterThan(0);
  expect(median(without)).toBeLessThan(median(withRsa) / 3);
});

/** Milliseconds from a Client message to its reply. */
async function timeToAnswer(token: Uint8Array): Promise<number> {
  const client = await target.registry.connect({ dialect: 'prefixed', transport: 'tcp' });
  const bytes = client.encrypt({ op: OP.Client, clientSpecs: token });
  const sent = performance.now();
  await client.sendRaw(bytes);
  await client.receive();
  const taken = performance.now() - sent;
  client.close();
  return taken;
}

describe('answers a Client message with a hostile SigKey as soon as one with a sound key', () => {
  it.each([
    ['other sizes (B76)', badSizes],
    ['other exponents (B77)', badExponents],
    ['even moduli (B78)', evenModuli],
    ['moduli of no key pair (B78)', oddModuli],
  ])('%s', AGAIN, async (_, keys) => {
    const [sound, hostile] = [[], []] as [number[], number[]];
    for (let round = 0; sound.length < 25; round++) {
      const sigKey = keys[round % keys.length]!;
      sound.push(await timeToAnswer(signedToken({ name: 'peer' })));
      hostile.push(await timeToAnswer(signedToken({ name: 'peer', sigKey })));
    }
    expect(median(hostile)).toBeLessThan(2 * median(sound));
  });
});

it('rejects a hostile key from its bytes in less than 50 us (B76)', AGAIN, () => {
  for (const key of [...notKeys, ...otherKinds, ...badSizes, ...badExponents, ...evenModuli]) {
    const times: number[] = [];
    for (let round = 0; round < 201; round++) {
      const started = performance.now();
      const parts = parseSpki(key);
      times.push(performance.now() - started);
      if (parts !== undefined) throw new Error(`accepted a hostile key: ${key.toString()}`);
    }
    expect(median(times)).toBeLessThan(0.05);
  }
});
