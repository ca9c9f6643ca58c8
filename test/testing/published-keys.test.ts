// The published test keys (K7): no registry starts with one, and none takes a member that has one, outside a test.
import { createPrivateKey } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Member, RegistryRefused } from '../../src/client/index.ts';
import { openIdentity } from '../../src/identity/identity.ts';
import { memberWithKey, REGISTRY_KEYS_MAX, registryPems, TEST_MEMBERS_MAX } from '../../src/testing/key-pool.ts';
import { isPublishedKey } from '../../src/wire/published-keys.ts';
import { modulusOf } from '../../src/wire/rsa-key.ts';
import { ClientRegistry } from '../client/client-registry.ts';
import { newKey } from '../support/made-keys.ts';
import { startRegistry as startProcess } from '../support/registry-process.ts';

const pemOf = () => newKey().export({ type: 'pkcs8', format: 'pem' });

it('names every key of the pool, and no other', () => {
  const registries = Array.from({ length: REGISTRY_KEYS_MAX }, (_, number) => registryPems(number)).flat();
  const members = Array.from({ length: TEST_MEMBERS_MAX }, (_, number) => member(number).sigKey);
  const moduli = [...registries.map((pem) => createPrivateKey(pem)), ...members].map(modulusOf);
  expect(new Set(moduli.map((modulus) => modulus.toString('hex'))).size).toBe(72);
  expect(moduli.every(isPublishedKey)).toBe(true);
  expect(isPublishedKey(modulusOf(createPrivateKey(pemOf())))).toBe(false);
});

describe('a registry outside a test', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'xlreg-published-'));
    await write('id', `${'ab'.repeat(32)}\n`);
    return () => rm(directory, { recursive: true });
  });
  const write = (name: string, text: string | Buffer) => writeFile(join(directory, name), text, { mode: 0o600 });

  it.each(['ck.pem', 'sk.pem', 'ck-previous.pem'])('does not start with a published key as %s (K7)', async (name) => {
    await write('ck.pem', pemOf());
    await write('sk.pem', pemOf());
    expect((await openIdentity(directory)).warnings).toEqual([]);
    await write(name, registryPems(3)[1]);
    await expect(openIdentity(directory)).rejects.toThrow(
      `${join(directory, name)} is a published test key of xlreg/testing, which everybody knows: use another data directory`,
    );
    expect((await openIdentity(directory, true)).warnings).toEqual([]);
  });

  it('ends with exit code 2 when xlreg serve finds one (K7)', async () => {
    const [ck, sk] = registryPems(0);
    await write('ck.pem', ck);
    await write('sk.pem', sk);
    const started = startProcess({ dataDir: directory });
    await expect(started).rejects.toThrow(/it ended with 2[\s\S]*ck\.pem is a published test key/);
  });
});

describe('a client with a published key', () => {
  let registry: ClientRegistry;
  beforeAll(async () => {
    registry = await ClientRegistry.start();
  });
  afterAll(async () => {
    expect(await registry.stop()).toBe(0);
  });

  const soundKeys = { sealed: createPrivateKey(pemOf()), rsa: createPrivateKey(pemOf()) };
  it.each([
    ['sealed', 'sigKey'],
    ['sealed', 'commsKey'],
    ['prefixed', 'sigKey'],
    ['chained', 'commsKey'],
  ] as const)('is refused in %s for its %s (K7)', async (dialect, which) => {
    const sound = dialect === 'sealed' ? soundKeys.sealed : soundKeys.rsa;
    // Without an ID of its own, a member in an RSA dialect gets another one each time.
    const keys = { sigKey: sound, commsKey: sound, id: undefined };
    const session = await registry.connect({ dialect });
    const refused = session.identify({ ...member(5), ...keys, [which]: member(5).sigKey });
    await expect(refused).rejects.toThrow(RegistryRefused);
    await expect(refused).rejects.toThrow('bad RSA public key');
    const other = await registry.connect({ dialect });
    expect((await other.identify({ ...member(5), ...keys, name: dialect })).id).toMatch(/^[0-9a-f]{64}$/);
  });
});

function member(number: number): Member {
  return { ...memberWithKey(number, `m${number}`), endPoints: ['127.0.0.1:4001'] };
}
