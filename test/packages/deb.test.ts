// The Debian package in a Debian 12 of its own: lintian, installation, a registry with members, an upgrade with a changed
// configuration file, removal and purge. Needs root, debootstrap and dpkg-deb; systemd does not run in it.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';

const project = resolve(import.meta.dirname, '../..');
const CACHE = join(project, 'node_modules/.cache');
const BASE = join(CACHE, 'xlreg-bookworm');
const made = mkdtempSync(join(tmpdir(), 'xlreg-deb-test-'));
const root = join(made, 'root');
let registry: ChildProcess | undefined;
afterAll(() => {
  registry?.kill('SIGKILL');
  rmSync(made, { recursive: true });
});

/** Copies a Debian 12 without any further package to `root`. Returns false and logs the reason if there is none. */
function makeRoot(): boolean {
  try {
    if (process.getuid?.() !== 0) throw new Error('only root can make a root directory');
    if (!existsSync(BASE)) {
      mkdirSync(CACHE, { recursive: true });
      const own = mkdtempSync(`${BASE}-`);
      execFileSync('debootstrap', ['--variant=minbase', 'bookworm', own], { stdio: 'pipe' });
      renameSync(own, BASE);
    }
    execFileSync('cp', ['-a', BASE, root]);
    return true;
  } catch (error) {
    console.log(`SKIPPED, a Debian 12 cannot be had here: ${(error as Error).message.trim()}`);
    return false;
  }
}

const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LC_ALL: 'C' };

/** The arguments of unshare that run a program in `root`, with a /proc that nobody else sees. */
function argumentsFor(command: readonly string[]): string[] {
  return ['--mount', 'sh', '-c', 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"', root, ...command];
}

/** Runs a program in `root`. */
function inside(...command: string[]) {
  const { status, stdout, stderr } = spawnSync('unshare', argumentsFor(command), { encoding: 'utf8', env });
  return { status, text: stdout + stderr };
}

describe.skipIf(!makeRoot())('the Debian package', () => {
  let file: string;
  const at = (path: string) => join(root, path);

  it('is built by one command', () => {
    execFileSync(process.execPath, ['scripts/packages/deb.mjs', made, '--built'], { cwd: project, stdio: 'pipe' });
    file = readdirSync(made).find((name) => name.endsWith('_amd64.deb'))!;
    renameSync(join(made, file), at(file));
  });

  it('satisfies lintian', () => {
    const { stdout, error } = spawnSync('lintian', ['--allow-root', at(file)], { encoding: 'utf8' });
    if (error) return console.log('SKIPPED, lintian is not installed');
    const complaints = stdout.split('\n').filter((line) => /^[EW]:/.test(line));
    const hasManual = existsSync(join(project, 'packaging/man/xlreg.1'));
    expect(complaints.filter((line) => hasManual || !line.includes('no-manual-page'))).toEqual([]);
  });

  it('installs without further packages, and starts nothing', () => {
    const { status, text } = inside('dpkg', '-i', `/${file}`);
    expect({ status, text }).toMatchObject({ status: 0 });
    expect(existsSync(at('var/lib/xlreg'))).toBe(false);
    expect(existsSync(at('etc/systemd/system/multi-user.target.wants/xlreg.service'))).toBe(false);
    // The root directory shares this machine's ports, which may be in use.
    const checked = inside('xlreg', 'config', 'check', '/etc/xlreg/config.json', '--values-only');
    expect(checked).toMatchObject({ status: 0 });
    expect(inside('xlreg', '--version').text).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('runs a registry that two members join', async () => {
    const free = ['--tcp', '127.0.0.1:0', '--ws', '127.0.0.1:0', '--admin', '127.0.0.1:0'];
    const command = ['xlreg', 'serve', '--config', '/etc/xlreg/config.json', ...free];
    registry = spawn('unshare', argumentsFor(command), { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [said, log] = ['', ''];
    registry.stdout!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    registry.stderr!.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    await until(() => said.includes('ready ') || registry!.exitCode !== null);
    expect(log).toContain('"engine":"uws"');
    const to = ['--registry', '/var/lib/xlreg/regCred.dat'];
    expect(inside('xlreg', 'create', 'demo', '--size', '2', ...to)).toMatchObject({ status: 0 });
    const join = (name: string) =>
      inside('xlreg', 'join', 'demo', '--name', name, '--end-point', '127.0.0.1:4001', ...to);
    expect(join('alice')).toMatchObject({ status: 0 });
    expect(join('bob').text).toMatch(/alice[\s\S]*bob/);
    const ended = once(registry, 'exit');
    registry.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });

  it('keeps a changed configuration file in an upgrade', () => {
    writeFileSync(at('etc/xlreg/config.json'), '{ "name": "changed" }\n');
    expect(inside('dpkg', '-i', `/${file}`).status).toBe(0);
    expect(readFileSync(at('etc/xlreg/config.json'), 'utf8')).toContain('changed');
  });

  it('keeps configuration and data when it is removed', () => {
    expect(inside('dpkg', '-r', 'xlreg').status).toBe(0);
    expect(existsSync(at('usr/lib/xlreg'))).toBe(false);
    expect(existsSync(at('etc/xlreg/config.json'))).toBe(true);
    expect(existsSync(at('var/lib/xlreg/ck.pem'))).toBe(true);
  });

  it('removes the configuration and tells of the keys that it keeps when it is purged', () => {
    const { status, text } = inside('dpkg', '-P', 'xlreg');
    expect({ status, text }).toMatchObject({
      status: 0,
      text: expect.stringContaining('/var/lib/xlreg keeps the keys and the table of the registry'),
    });
    expect(existsSync(at('etc/xlreg'))).toBe(false);
    expect(existsSync(at('var/lib/xlreg/ck.pem'))).toBe(true);
  });
});
