// xlreg backup - and xlreg restore: one stream, which nobody takes for whole when it is not.
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readArchive } from '../../src/backup/archive.ts';
import { fileHeader, readHeader } from '../../src/backup/tar.ts';
import { runXlreg, startXlreg } from '../cli/xlreg-process.ts';
import { FieldRegistry, type Registered, type Wire } from '../field/field-registry.ts';
import { adminToken } from '../support/admin-token.ts';

const WIRE: Wire = { transport: 'tcp', dialect: 'prefixed' };
const MAIN = new URL('../../dist/src/cli/main.js', import.meta.url).pathname;

let directory: string;
let registry: FieldRegistry;
let alice: Registered;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'xlreg-stream-'));
  registry = await FieldRegistry.start({ args: ['--store', 'lmdb'], dataDir: at('data') });
  alice = await registry.register(WIRE, { name: 'alice' });
  await alice.client.create('demo', 2);
  await alice.client.join('demo');
  shell(`"$XLREG" backup - ${adminFlags()} > whole`);
});
afterAll(async () => {
  await registry.stop();
  rmSync(directory, { recursive: true });
});

const at = (...names: readonly string[]) => join(directory, ...names);
const adminFlags = (port = registry.process.adminPort) => `--admin 127.0.0.1:${port} --data-dir data`;

/** Runs a script in the directory, with `"$XLREG"` for the program. */
function shell(script: string): string {
  const run = script.replaceAll('"$XLREG"', `"${process.execPath}" "${MAIN}"`);
  return execFileSync('sh', ['-ec', run], { cwd: directory, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

describe('a whole stream', () => {
  it('is restored from standard input and from a file to a registry with its members', async () => {
    expect(shell('"$XLREG" restore - --data-dir piped < whole')).toMatch(/1 clients, 1 clusters, 1 members/);
    expect(shell('"$XLREG" restore whole --data-dir filed')).toMatch(/1 clients, 1 clusters, 1 members/);
    expect(readdirSync(at('filed')).sort()).toEqual(['ck.pem', 'id', 'regCred.dat', 'sk.pem', 'table']);
    for (const name of ['ck.pem', 'sk.pem', 'id', 'table/data.mdb']) {
      expect(statSync(at('filed', name)).mode & 0o777).toBe(0o600);
    }
    for (const name of ['filed', 'filed/table']) expect(statSync(at(name)).mode & 0o777).toBe(0o700);
    const restored = await FieldRegistry.start({ args: ['--store', 'lmdb'], dataDir: at('piped') });
    expect(restored.file.id).toEqual(registry.file.id);
    const client = await restored.connect(WIRE);
    await client.identifyById(alice.clientId, alice.keys);
    const { clusterId } = await client.join('demo');
    expect((await client.getCluster(clusterId)).tokens.map(({ name }) => name)).toEqual(['alice']);
    expect(await restored.stop()).toBe(0);
  });

  it('is an archive that tar unpacks and sha256sum checks', () => {
    mkdirSync(at('unpacked'));
    expect(shell('tar -x -C unpacked -f whole && cd unpacked/* && sha256sum -c SHA256SUMS')).toMatch(/data.mdb: OK/);
    const [name] = readdirSync(at('unpacked')) as [string];
    expect(statSync(at('unpacked', name)).mode & 0o777).toBe(0o700);
    expect(statSync(at('unpacked', name, 'ck.pem')).mode & 0o777).toBe(0o600);
  });

  it('leaves no copy in the data directory', () => {
    expect(readdirSync(at('data')).filter((name) => name.startsWith('backup'))).toEqual([]);
  });
});

describe('a stream that ends early or is damaged', () => {
  /** Unpacks a stream into a new directory, as xlreg restore does. */
  const unpack = (bytes: Buffer) => readArchive(Readable.from([bytes]), mkdtempSync(at('unpacked-')));

  it('is refused wherever it ends', async () => {
    const whole = readFileSync(at('whole'));
    await unpack(whole);
    // In each header, each file, the digests, and the end of the archive.
    for (const end of [0, 100, 512, 1_600, 14_000, -5_000, -1_500, -1_024]) {
      const cut = whole.subarray(0, end);
      await expect(unpack(cut)).rejects.toThrow(`the backup is incomplete: it ends after ${cut.length} bytes`);
    }
  });

  it('is refused with a changed byte', async () => {
    const whole = readFileSync(at('whole'));
    for (const place of [2_000, whole.indexOf('PRIVATE') + 100, whole.indexOf('ck.pem') + 1, whole.length - 2_500]) {
      const changed = Buffer.from(whole);
      changed[place]! ^= 1;
      await expect(unpack(changed)).rejects.toThrow(/is damaged|has an unexpected file|lacks/);
    }
  });

  it('makes xlreg restore fail and leave nothing', async () => {
    writeFileSync(at('cut'), readFileSync(at('whole')).subarray(0, 14_000));
    const ran = await runXlreg(['restore', at('cut'), '--data-dir', at('from-cut')]);
    const stderr = 'xlreg restore: the backup is incomplete: it ends after 14000 bytes\n';
    expect(ran).toEqual({ code: 2, stdout: '', stderr });
    expect(readdirSync(at('from-cut'))).toEqual([]);
  });

  it('makes xlreg backup - fail when the connection breaks', async () => {
    const half = readFileSync(at('whole')).subarray(0, 9_000);
    const server = createServer((_, response) => {
      response.writeHead(200);
      response.write(half, () => response.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const ran = await runXlreg(['backup', '-', ...adminFlags(port).split(' ')], { cwd: directory });
    server.close();
    expect(ran).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^xlreg backup: the backup is incomplete: .+\n$/),
    });
  });

  it('makes xlreg backup - fail when nobody reads it', async () => {
    const { child, ended } = startXlreg(['backup', '-', ...adminFlags().split(' ')], { cwd: directory });
    child.stdout!.destroy();
    expect(await ended).toMatchObject({ code: 1, stderr: expect.stringContaining('the backup is incomplete') });
  });
});

it('refuses a directory that is not empty, and a file that is no backup', async () => {
  const ran = await runXlreg(['restore', at('whole'), '--data-dir', at('data')]);
  expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining('is not empty') });
  writeFileSync(at('other'), Buffer.alloc(2_000, 'x'));
  const foreign = await runXlreg(['restore', at('other'), '--data-dir', at('from-other')]);
  expect(foreign).toMatchObject({ code: 2, stderr: expect.stringContaining('this is no backup of xlReg') });
  expect(existsSync(at('from-other', 'id'))).toBe(false);
});

it('needs the admin token', async () => {
  const url = `http://127.0.0.1:${registry.process.adminPort}/api/backup`;
  expect((await fetch(url, { method: 'POST' })).status).toBe(401);
  const headers = { authorization: `Bearer ${adminToken(at('data'))}` };
  expect((await fetch(url, { headers })).status).toBe(405);
});

it('writes headers of tables above 8 GiB', () => {
  const entry = { path: 'name/table/data.mdb', mode: 0o600, size: 3 * 2 ** 40 + 5, time: new Date(1_795_994_231_000) };
  expect(readHeader(fileHeader(entry))).toEqual(entry);
});
