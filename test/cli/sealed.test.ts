// Commands in the sealed dialect: homes, marks, labels, a registry that lies, and one that is old.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsageError } from '../../src/cli/client-flags.ts';
import { memberLabels } from '../../src/cli/verified-members.ts';
import { printRegCred } from '../../src/index.ts';
import type { Token } from '../../src/wire/message.ts';
import { LyingRegistry } from '../client/lying-registry.ts';
import { newMember } from '../support/new-member.ts';
import { CliRegistry } from './cli-registry.ts';
import { runXlreg } from './xlreg-process.ts';

let registry: CliRegistry;
let directory: string;
beforeAll(async () => {
  [registry, directory] = await Promise.all([CliRegistry.start(), mkdtemp(join(tmpdir(), 'xlreg-cli-sealed-'))]);
});
afterAll(async () => {
  await rm(directory, { recursive: true });
  expect(await registry.stop()).toBe(0);
});

/** Joins a cluster, and creates it if it is missing. */
const joinAs = (cluster: string, name: string, ...args: string[]) => joinAt(cluster, name, '127.0.0.1:1', ...args);
const joinAt = (cluster: string, name: string, endPoint: string, ...args: string[]) =>
  registry.run(
    ...['join', cluster, '--create', '--size', '4', '--name', name, '--end-point', endPoint, '--json', ...args],
  );

describe('xlreg join', () => {
  it('signs labels, which members shows as verified', async () => {
    const labels = ['--label', 'zone=b', '--label', 'rack=7 = x'];
    const joined = await joinAs('labelled', 'alice', ...labels);
    expect({ code: joined.code, stderr: joined.stderr }).toEqual({ code: 0, stderr: '' });
    const { code, stdout } = await registry.run('members', 'labelled', '--json', '--require-verified');
    expect(code).toBe(0);
    const [member] = JSON.parse(stdout).members;
    expect(member).toMatchObject({ verified: true, labels: { zone: 'b', rack: '7 = x' }, seq: expect.any(Number) });
    expect(member.sealKey).toMatch(/^[0-9a-f]{64}$/);
    // Without labels the member has none any more.
    const later = JSON.parse((await joinAs('labelled', 'alice')).stdout).members[0];
    expect(later).toMatchObject({ verified: true, labels: {} });
    expect(later.seq).toBeGreaterThan(member.seq);
  });

  it.each([
    { label: 'zone', why: 'KEY=VALUE' },
    { label: '.=x', why: 'keys are names' },
    { label: 'a=b\nc=d', why: 'no control characters' },
    { label: `a=${'x'.repeat(511)}`, why: '512 bytes' },
  ])('refuses the label $label', ({ label, why }) => {
    expect(() => memberLabels([label])).toThrow(UsageError);
    expect(() => memberLabels([label])).toThrow(why);
  });

  it('writes a statement once while nothing changes, and raises it with a move', async () => {
    const seqAt = async (port: number) =>
      JSON.parse((await joinAt('moving', 'mover', `127.0.0.1:${port}`)).stdout).members[0].seq;
    const first = await seqAt(1);
    expect(await seqAt(1)).toBe(first);
    expect(await seqAt(2)).toBeGreaterThan(first);
  });

  it('refuses auto: on loopback and in an RSA dialect', async () => {
    for (const [args, why] of [
      [[], 'which others cannot reach'],
      [['--dialect', 'prefixed'], 'needs the dialect sealed'],
    ] as const) {
      const { code, stderr } = await joinAt('auto', `a${args.length}`, 'auto:4001', ...args);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(why) });
    }
  });

  it('refuses an RSA dialect for a sealed home before it connects, and names the command that lifts the mark', async () => {
    const { id } = JSON.parse((await joinAs('marked', 'bob')).stdout);
    const nowhere = ['--connect', '127.0.0.1:9'];
    const refused = await joinAs('marked', 'bob', '--dialect', 'prefixed', ...nowhere);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain(`xlreg unmark ${id}`);
    expect(refused.stderr).toContain('--mark-lifted');
    // The registry keeps its own mark until the operator lifts it.
    const early = await joinAs('marked', 'bob', '--dialect', 'prefixed', '--mark-lifted');
    expect(early).toMatchObject({ code: 1, stderr: expect.stringContaining('ID already in use') });
    const { adminPort, dataDir } = registry.process;
    const unmark = ['unmark', id, '--admin', `127.0.0.1:${adminPort}`, '--data-dir', dataDir];
    expect((await registry.run(...unmark)).code).toBe(0);
    const back = await joinAs('marked', 'bob', '--dialect', 'prefixed');
    expect({ code: back.code, stderr: back.stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(back.stdout)).toMatchObject({ id, index: 0 });
  });

  it('returns from a home that was restored from a backup', async () => {
    const [home, backup] = [join(directory, 'home'), join(directory, 'backup')];
    const joinFrom = (port: number) => joinAt('restored', 'carol', `127.0.0.1:${port}`, '--home', home);
    const { id } = JSON.parse((await joinFrom(1)).stdout);
    await cp(home, backup, { recursive: true });
    expect((await joinFrom(2)).code).toBe(0);
    await rm(home, { recursive: true });
    await cp(backup, home, { recursive: true });
    const back = await joinFrom(3);
    expect({ code: back.code, stderr: back.stderr }).toEqual({ code: 0, stderr: '' });
    const { members, ...self } = JSON.parse(back.stdout);
    expect(self).toMatchObject({ id, index: 0 });
    expect(members[0]).toMatchObject({ endPoints: ['127.0.0.1:3'], verified: true });
  });

  it('upgrades a home that joined in an RSA dialect, and keeps ID and seat', async () => {
    const old = JSON.parse((await joinAs('upgraded', 'dave', '--dialect', 'prefixed')).stdout);
    expect(old.members[0]).toMatchObject({ verified: false, unverified: 'none' });
    const { code, stdout } = await joinAs('upgraded', 'dave', '--require-verified');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ id: old.id, index: old.index, members: [{ verified: true }] });
  });

  it('fails with --require-verified beside a member in an RSA dialect', async () => {
    await joinAs('mixed', 'erin', '--dialect', 'chained');
    const { code, stderr } = await joinAs('mixed', 'frank', '--require-verified');
    expect(code).toBe(1);
    expect(stderr).toContain('member 0, erin, is not verified (none: ');
    expect(await registry.run('members', 'mixed')).toMatchObject({ code: 0, stderr: '' });
    const usage = await registry.run('members', 'mixed', '--require-verified', '--dialect', 'prefixed');
    expect(usage).toMatchObject({ code: 2, stderr: expect.stringContaining('needs --dialect sealed') });
  });
});

describe('a registry that lies', () => {
  let lying: LyingRegistry;
  let file: string;
  let token: Token;
  beforeAll(async () => {
    lying = await LyingRegistry.start();
    file = join(directory, 'lying.dat');
    await writeFile(file, printRegCred(lying.regCred));
    token = await lying.tokenOf(newMember({ name: 'mallory', endPoints: ['192.0.2.1:1'] }));
  });
  afterAll(() => lying.stop());

  const run = (...args: string[]) => runXlreg(args, { cwd: directory, env: { XLREG_REGISTRY: file } });

  it('is reported by members with exit code 1', async () => {
    lying.tokens = [{ ...token, MyEnds: ['192.0.2.66:1'] }];
    const { code, stdout, stderr } = await run('members', lying.clusterId.toString('hex'));
    expect(code).toBe(1);
    expect(stdout).toMatch(/^0 +mallory +\S+ +bad +192\.0\.2\.66:1$/m);
    expect(stderr).toBe('xlreg members: member 0, mallory, is not verified (bad: its key has not signed this entry)\n');
  });

  it('is found out by join when it strips a statement that the home has seen', async () => {
    const home = join(directory, 'eve');
    const join_ = () => run('join', 'any', '--name', 'eve', '--end-point', '127.0.0.1:1', '--home', home);
    lying.seatsClients = true;
    lying.tokens = [token];
    expect(await join_()).toMatchObject({ code: 0, stderr: '' });
    lying.tokens = [{ ...token, Statement: null, Seq: null, SealKey: null, Labels: null }];
    const { code, stderr } = await join_();
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining('member 1, mallory, is not verified (stripped'),
    });
  });

  it('with another sig key under the same ID is refused until --new-registry-key', async () => {
    const home = join(directory, 'eve');
    const forged = join(directory, 'forged.dat');
    await writeFile(forged, printRegCred({ ...lying.regCred, sigKey: lying.regCred.commsKey }));
    const args = ['join', 'any', '--name', 'eve', '--end-point', '127.0.0.1:1', '--home', home, '--registry', forged];
    const refused = await run(...args);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--new-registry-key') });
    const seen = JSON.parse(await readFile(join(home, 'member.json'), 'utf8'));
    expect(seen.registryId).toBe(Buffer.from(lying.regCred.id).toString('hex'));
    // The scripted registry then fails to prove that key.
    const accepted = await run(...args, '--new-registry-key', '--timeout', '2');
    expect(accepted).toMatchObject({ code: 3, stderr: expect.not.stringContaining('--new-registry-key') });
  });
});

it('names an old registry among the causes of a close at the Hello, and never falls back', async () => {
  const hellos: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      hellos.push(bytes.subarray(0, 14).toString('latin1'));
      socket.end();
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const { code, stderr } = await registry.run('check', '--connect', `127.0.0.1:${port}`);
  expect(code).toBe(3);
  expect(stderr).toContain('it is an old registry (--dialect prefixed or chained), has another sig key');
  expect(hellos).toEqual(['xlReg sealed 1']);
  server.close();
});
