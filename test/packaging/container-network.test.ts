// The network of the compose file, without a container engine: a registry in a network namespace with the environment
// and the ports of the file, whose published port a proxy on the host passes on. Needs root.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { PrivateNetwork } from '../etcd/private-network.ts';
import { giveKeys } from '../support/made-keys.ts';
import { until } from '../support/until.ts';

const project = resolve(import.meta.dirname, '../..');
const MAIN = join(project, 'dist/src/cli/main.js');
const TCP = 56_789;

/** The environment that the compose file gives the registry on the host of this name. */
function environmentOf(host: string): string[] {
  const compose = readFileSync(join(project, 'packaging/compose.yaml'), 'utf8');
  const given = [...compose.matchAll(/^ +(XLREG_\w+): '(.*)'$/gm)];
  return given.map(([, name, value]) => `${name}=${value!.replace(/\$\{XLREG_HOST:-[^}]*\}/, host)}`);
}

it('lets members inside and outside of the network form a cluster', async ({ skip }) => {
  const network = PrivateNetwork.make();
  if (network === undefined) return skip();
  const folder = mkdtempSync(join(tmpdir(), 'xlreg-network-'));
  const at = (name: string) => join(folder, name);
  writeFileSync(at('hosts'), `127.0.0.1 localhost\n${network.there} xlreg\n`);
  await giveKeys(at('data'));
  const proxy = createServer((outer) => {
    const inner = connect(TCP, network.there);
    outer.on('error', () => inner.destroy()).pipe(inner);
    inner.on('error', () => outer.destroy()).pipe(outer);
  });
  let registry: ChildProcess | undefined;
  onTestFinished(() => {
    registry?.kill('SIGKILL');
    proxy.close();
    network.remove();
    rmSync(folder, { recursive: true });
  });
  const taken = await once(proxy.listen(TCP, network.here), 'listening').catch((error: unknown) => error);
  if (taken instanceof Error) {
    console.log(`SKIPPED, a program of this machine has the port: ${taken.message}`);
    return skip();
  }
  // The name xlreg exists only in the namespace, as in the network of the containers.
  const named = ['unshare', '--mount', 'sh', '-c', `mount --bind ${at('hosts')} /etc/hosts && exec "$@"`, 'sh'];
  const inside = [...network.within, ...named];
  const command = ['env', ...environmentOf(network.here), process.execPath, MAIN];
  const [program, ...words] = [...inside, ...command, 'serve', '--data-dir', at('data'), '--store', 'memory'];
  registry = spawn(program!, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  registry.stdout!.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await until(() => said.includes('ready '));

  const run = (place: readonly string[], ...args: readonly string[]) => {
    const [first, ...rest] = [...place, process.execPath, ...args];
    return promisify(execFile)(first!, rest, { cwd: folder, timeout: 60_000 });
  };
  const credentials = ['--registry', at('data/regCred.dat')];
  await run([], MAIN, 'create', 'mixed', '--size', '2', ...credentials);
  const joinAs = (place: readonly string[], name: string, endPoint: string) => {
    const member = ['--name', name, '--end-point', endPoint, '--home', at(name), '--wait', '50'];
    return run(place, MAIN, 'join', 'mixed', ...member, ...credentials);
  };
  const joined = await Promise.all([
    joinAs(inside, 'within', `${network.there}:4001`),
    joinAs([], 'without', `${network.here}:4002`),
  ]);
  for (const { stdout } of joined) expect(stdout).toMatch(/within[\s\S]*without|without[\s\S]*within/);
  // As Prometheus asks, by the name of the service.
  const ask = "fetch('http://xlreg:56791/metrics').then((reply) => reply.text()).then(console.log)";
  expect((await run(inside, '-e', ask)).stdout).toContain('xlreg_build_info{');
  const ended = once(registry, 'exit');
  registry.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});
