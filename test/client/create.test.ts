// create() tells whether the cluster existed, and compares its size, in each dialect over each transport.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterDiffers } from '../../src/client/index.ts';
import { ALL_WAYS, ClientRegistry } from './client-registry.ts';

let registry: ClientRegistry;
beforeAll(async () => {
  registry = await ClientRegistry.start();
});
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

describe.each(ALL_WAYS)('create over $transport in $dialect', (way) => {
  const name = `${way.transport}-${way.dialect}`;
  const told = (existed: boolean) => (way.dialect === 'sealed' ? { existed } : {});

  it('tells in sealed alone whether the cluster existed (R15)', async () => {
    const { session } = await registry.identify(`maker-${name}`, way);
    const made = await session.create(name, { size: 3 });
    expect(made).toEqual({ ...made, size: 3, ...told(false) });
    expect('existed' in made).toBe(way.dialect === 'sealed');
    expect(await session.create(name, { size: 3 })).toEqual({ ...made, ...told(true) });
    // The roster cache answers this one once the cluster has been read.
    await session.cluster(name);
    expect(await session.create(name, { size: 3 })).toEqual({ ...made, ...told(true) });
  });

  it('rejects with the existing cluster of another size, and goes on (R1)', async () => {
    const { session } = await registry.identify(`other-${name}`, way);
    const { clusterId } = await session.create(`${name}-5`, { size: 5 });
    const refused = await session.create(`${name}-5`, { size: 6 }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ClusterDiffers);
    expect(refused).toMatchObject({ name: 'ClusterDiffers', cluster: { clusterId, size: 5 } });
    expect((refused as Error).message).toBe(`cluster ${name}-5 has 5 seats, not 6: ask for 5, or take another name`);
    expect(await session.join(`${name}-5`)).toMatchObject({ clusterId, size: 5 });
  });

  it('takes a size that the registry clamps for the requested one (R2)', async () => {
    const { session } = await registry.identify(`clamped-${name}`, way);
    expect(await session.create(`${name}-1`, { size: 1 })).toMatchObject({ size: 2 });
    expect(await session.create(`${name}-1`, { size: 2 })).toMatchObject({ size: 2 });
    expect(await session.create(`${name}-99`, { size: 99 })).toMatchObject({ size: 64 });
    await expect(session.create(`${name}-1`, { size: 64 })).rejects.toThrow(ClusterDiffers);
  });
});
