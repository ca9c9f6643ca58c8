// A registry whose credentials and address exist before it runs.
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { parseRegCred, printRegCred } from '../../src/index.ts';
import { freePort } from './free-port.ts';
import { type RegistryProcess, startRegistry } from './registry-process.ts';

/** The data directory and the credentials of a registry that has run once. */
export interface MadeRegistry {
  readonly dataDir: string;
  readonly regCredText: string;
}

/** Runs a registry once in `parent`. */
export async function makeRegistry(parent: string): Promise<MadeRegistry> {
  const dataDir = join(parent, 'made');
  const registry = await startRegistry({ dataDir, args: ['--store', 'lmdb'] });
  await registry.stop();
  return { dataDir, regCredText: registry.regCredText };
}

/** Copies a registry that has run once into `folder`. A server that it starts ends with the test. */
export async function registryToBe(made: MadeRegistry, folder: string, { onTestFinished }: TestContext) {
  const [file, data] = [join(folder, 'regCred.dat'), join(folder, 'data')];
  await cp(made.dataDir, data, { recursive: true });
  const tcp = `127.0.0.1:${await freePort()}`;
  return {
    ...{ file, folder, data, tcp },
    /** Writes the credentials with an end point. */
    publish: (endPoint = tcp, text = made.regCredText) =>
      writeFile(file, printRegCred({ ...parseRegCred(text), endPoints: [endPoint] })),
    async startServer(dataDir = data, address = tcp): Promise<RegistryProcess> {
      const process = await startRegistry({ dataDir, args: ['--store', 'lmdb', '--tcp', address] });
      onTestFinished(async () => void (await process.stop()));
      return process;
    },
  };
}
