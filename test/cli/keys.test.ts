// xlreg keys: a registry rotates its comms key and serves clients with the old key until an operator retires it.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, parseRegCred, type RegCred, RegistryUnreachable } from '../../src/client/index.ts';
import { keyFingerprint, printSshRsa } from '../../src/wire/rsa-key.ts';
import { ClientRegistry, WAYS } from '../client/client-registry.ts';
import { runXlreg } from './xlreg-process.ts';

let dataDir: string;
let registry: ClientRegistry | undefined;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'xlreg-keys-'));
});
afterEach(async () => {
  await stop();
  rmSync(dataDir, { recursive: true, force: true });
});

async function start(): Promise<ClientRegistry> {
  registry = await ClientRegistry.start({ dataDir, args: ['--store', 'lmdb'] });
  return registry;
}

async function stop(): Promise<void> {
  expect(await registry?.stop()).toBeOneOf([0, undefined]);
  registry = undefined;
}

const keys = (verb: string) => runXlreg(['keys', verb, '--json', '--data-dir', dataDir]);
const fingerprints = async (verb: string) => JSON.parse((await keys(verb)).stdout);

/** The credentials of a client that missed the rotation, with the port of this start. */
function unchanged(old: RegCred, { regCred }: ClientRegistry): RegCred {
  return { ...old, endPoints: regCred.endPoints };
}

async function hellos(key: 'current' | 'previous'): Promise<number> {
  const page = await registry!.process.metrics();
  return Number(new RegExp(`^xlreg_hellos_total\\{key="${key}"\\} (\\d+)$`, 'm').exec(page)![1]);
}

/** Runs a session with these credentials in every way. */
async function useAll(regCred: RegCred): Promise<void> {
  for (const way of WAYS) {
    const session = await connect(regCred, way.transport === 'ws' ? { ...way, connect: registry!.url } : way);
    expect(await session.credentials()).toMatchObject({ name: 'xlReg' });
    await session.bye();
  }
}

describe('a key rotation', () => {
  it('serves clients with old and with new credentials until the old key is retired (H10)', async () => {
    const old = (await start()).regCred;
    const member = await registry!.identify('stays');
    await member.session.create('kept', { size: 2 });
    await member.session.join('kept');
    const before = keyFingerprint(old.commsKey);
    expect(await fingerprints('show')).toEqual({ current: before, previous: null });

    const rotated = await fingerprints('rotate');
    expect(rotated).toEqual({ current: expect.stringMatching(/^SHA256:/), previous: before });
    // A running registry keeps its key, so its regCred.dat does not change.
    expect(readFileSync(join(dataDir, 'regCred.dat'), 'latin1')).toBe(registry!.process.regCredText);
    await useAll(old);
    await stop();

    const fresh = (await start()).regCred;
    expect(keyFingerprint(fresh.commsKey)).toBe(rotated.current);
    expect(fresh.sigKey.equals(old.sigKey)).toBe(true);
    const served = await fetch(registry!.url.replace('ws:', 'http:').replace('/xlreg', '/regCred.dat'));
    expect(parseRegCred(await served.text()).commsKey.equals(fresh.commsKey)).toBe(true);
    await useAll(fresh);
    expect([await hellos('current'), await hellos('previous')]).toEqual([WAYS.length, 0]);
    await useAll(unchanged(old, registry!));
    expect([await hellos('current'), await hellos('previous')]).toEqual([WAYS.length, WAYS.length]);
    const { session } = await registry!.identify('comes');
    await session.join('kept');
    expect((await session.cluster('kept')).members.map(({ name }) => name)).toEqual(['stays', 'comes']);

    expect(await fingerprints('retire')).toEqual({ current: rotated.current, previous: null });
    await stop();
    const last = await start();
    await useAll(last.regCred);
    for (const way of WAYS) {
      const where = way.transport === 'ws' ? { ...way, connect: last.url } : way;
      await expect(connect(unchanged(old, last), where)).rejects.toThrow(RegistryUnreachable);
    }
    expect(last.process.stderr()).not.toContain('BEGIN');
  });

  it('retires the old key only after a start with the new one, or by force', async () => {
    const refused = { code: 2, stdout: '', stderr: expect.stringContaining('restart the registry first') };
    await start();
    await keys('rotate');
    expect(await keys('retire')).toEqual(refused);
    await stop();
    expect(await keys('retire')).toEqual(refused);
    await start();
    await stop();
    expect(await keys('retire')).toMatchObject({ code: 0 });
    await keys('rotate');
    rmSync(join(dataDir, 'regCred.dat'));
    expect(await keys('retire')).toEqual(refused);
    expect(await runXlreg(['keys', 'retire', '--force', '--data-dir', dataDir])).toMatchObject({ code: 0 });
    expect(await runXlreg(['keys', 'rotate', '--force', '--data-dir', dataDir])).toMatchObject({ code: 2 });
  });

  it('is reported by xlreg check', async () => {
    const old = (await start()).regCred;
    const file = join(dataDir, 'old.dat');
    await keys('rotate');
    await stop();
    const { regCred, process } = await start();
    writeFileSync(file, process.regCredText.replace(/CommsPubKey: .*/, oldLine(old)));
    const { code, stdout } = await runXlreg(['check', '--registry', file]);
    expect(code).toBe(0);
    expect(stdout).toContain(`new comms key  ${keyFingerprint(regCred.commsKey)}`);
    const json = await runXlreg(['check', '--registry', join(dataDir, 'regCred.dat'), '--json']);
    expect(JSON.parse(json.stdout).newFingerprint).toBeNull();
  });

  it('is part of a backup', async () => {
    await start();
    await keys('rotate');
    const admin = ['--admin', `127.0.0.1:${registry!.process.adminPort}`, '--data-dir', dataDir];
    const copy = join(dataDir, 'copy');
    expect(await runXlreg(['backup', copy, ...admin])).toMatchObject({ code: 0 });
    expect(readFileSync(join(copy, 'ck-previous.pem'))).toEqual(readFileSync(join(dataDir, 'ck-previous.pem')));
  });
});

describe('a broken key', () => {
  it('is named in one line', async () => {
    const nothing = `xlreg keys: ${join(dataDir, 'ck.pem')} is missing\n`;
    for (const verb of ['show', 'rotate', 'retire']) {
      const ran = await runXlreg(['keys', verb, '--data-dir', dataDir]);
      expect(ran).toEqual({ code: 2, stdout: '', stderr: nothing });
    }
    expect(await keys('odd')).toMatchObject({ code: 2, stderr: expect.stringContaining('show, rotate or retire') });
  });

  it('stops the start of a registry, which prints no secret', async () => {
    await start();
    await stop();
    const text = readFileSync(join(dataDir, 'ck.pem'), 'latin1').slice(0, 500);
    writeFileSync(join(dataDir, 'ck-previous.pem'), text, { mode: 0o600 });
    const off = ['--tcp', 'off', '--ws', 'off', '--admin', 'off'];
    expect(await runXlreg(['serve', '--data-dir', dataDir, ...off])).toEqual({
      code: 2,
      stdout: '',
      stderr: `xlreg serve: ${join(dataDir, 'ck-previous.pem')} is not a private key in PEM form\n`,
    });
  });
});

function oldLine({ commsKey }: RegCred): string {
  return `CommsPubKey: ${printSshRsa(commsKey)}\r`;
}
