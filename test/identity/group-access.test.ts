// A data directory as Kubernetes mounts it for an fsGroup: at each mount, the directory gets mode 2770 and a group of
// the server, and the files get mode 0660. These tests need root, which starts registries as another user.

import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canRun } from '../support/other-machines.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';

const USER = 65_534;
const FS_GROUP = 54_321;
const AS_SERVER = ['setpriv', '--reuid', String(USER), '--regid', String(USER), '--groups', String(FS_GROUP)];
const SECRETS = ['admin-token', 'audit-key', 'ck.pem', 'id', 'sk.pem'];

let parent: string;
let dataDir: string;
let registry: RegistryProcess | undefined;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'xlreg-group-'));
  chmodSync(parent, 0o755);
  dataDir = join(parent, 'data');
  mkdirSync(dataDir);
  mount();
});
afterEach(async () => {
  await registry?.stop('SIGKILL');
  rmSync(parent, { recursive: true, force: true });
});

/** Gives all files to the group, as the kubelet does. Their owner stays. */
function mount(directory = dataDir): void {
  chownSync(directory, -1, FS_GROUP);
  chmodSync(directory, 0o2770);
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) mount(path);
    else {
      chownSync(path, -1, FS_GROUP);
      chmodSync(path, 0o660);
    }
  }
}

const modeOf = (...names: string[]) => (statSync(join(dataDir, ...names)).mode & 0o777).toString(8);
const start = async () => {
  registry = await startRegistry({ args: ['--store', 'lmdb'], dataDir, within: AS_SERVER, makesKeys: true });
  return registry;
};

describe.skipIf(!canRun(AS_SERVER, 'registries of another user'))('a data directory of the server’s group', () => {
  it('is accepted at each mount, and secrets get mode 600 again with a warning', async () => {
    await (await start()).stop();
    expect(SECRETS.map((name) => modeOf(name))).toEqual(SECRETS.map(() => '600'));
    mount();
    const again = await start();
    expect(SECRETS.map((name) => modeOf(name))).toEqual(SECRETS.map(() => '600'));
    expect(modeOf('table', 'data.mdb')).toBe('600');
    for (const name of SECRETS) {
      expect(again.stderr()).toContain(`${join(dataDir, name)} was open to its group (mode 660)`);
    }
    expect(await again.stop()).toBe(0);
  });

  it.each(['ck.pem', 'id', 'admin-token'])('is refused when the server cannot change the mode of %s', async (name) => {
    await (await start()).stop();
    mount();
    chownSync(join(dataDir, name), 0, FS_GROUP);
    await expect(start()).rejects.toThrow(new RegExp(`${name} can be used by its group .*chmod failed with EPERM`));
  });

  it('is refused when others can use a secret', async () => {
    await (await start()).stop();
    for (const name of ['ck.pem', 'admin-token']) {
      chmodSync(join(dataDir, name), 0o664);
      await expect(start()).rejects.toThrow(`${join(dataDir, name)} can be used by others (mode 664): chmod 600`);
      chmodSync(join(dataDir, name), 0o600);
    }
  });

  it('is refused when others can use the directory', async () => {
    chmodSync(dataDir, 0o2771);
    await expect(start()).rejects.toThrow(/can be used by others \(mode 771\): chmod 700/);
  });

  it('is refused when its group is not one of the server', async () => {
    chownSync(dataDir, USER, FS_GROUP + 1);
    chmodSync(dataDir, 0o2770);
    await expect(start()).rejects.toThrow(/can be used by others \(mode 770\): chmod 700/);
    chownSync(dataDir, 0, FS_GROUP);
    chmodSync(dataDir, 0o2770);
    await (await start()).stop();
    chownSync(join(dataDir, 'sk.pem'), USER, FS_GROUP + 1);
    chmodSync(join(dataDir, 'sk.pem'), 0o640);
    await expect(start()).rejects.toThrow(/sk\.pem can be used by others \(mode 640\): chmod 600/);
  });
});
