// The configurations of docs/how-to/load-balancer in Debian's HAProxy and nginx, in front of two servers on one etcd.
// Members go on through both while a server is killed, while etcd is away, and while a server drains.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EtcdCluster, freePorts } from '../../bench/etcd/etcd-cluster.ts';
import { type RunningXlreg, runXlreg, startXlreg } from '../cli/xlreg-process.ts';
import { FieldClient } from '../field/field-client.ts';
import { makeMemberKeys, signedToken } from '../field/member-keys.ts';
import { OP } from '../field/protobuf.ts';
import { parseRegistryFile } from '../field/registry-file.ts';
import { adminToken } from '../support/admin-token.ts';
import { etcdPrograms, haproxyProgram, nginxProgram } from '../support/debian-programs.ts';
import { giveKeys } from '../support/made-keys.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { until } from '../support/until.ts';

const programs = { ...etcdPrograms(), ...haproxyProgram(), ...nginxProgram() };
const { etcd: etcdProgram, haproxy: haproxyPath, nginx: nginxPath } = programs;
const hasAll = etcdProgram !== undefined && haproxyPath !== undefined && nginxPath !== undefined;
/** Back-to-back sessions would take both cores from the draining server for its whole delay of 5 s. */
const BETWEEN_SESSIONS_MS = 20;
const CONFIGURATIONS = new URL('../../docs/how-to/load-balancer/', import.meta.url);

/** Ports of one server. */
interface Ports {
  readonly tcp: number;
  readonly ws: number;
  readonly health: number;
}

describe.skipIf(!hasAll)('members behind HAProxy and nginx', () => {
  let directory: string;
  let etcd: EtcdCluster;
  let ports: readonly [Ports, Ports];
  let [tcpFront, webFront] = [0, 0];
  const servers: (RegistryProcess | undefined)[] = [];
  const balancers: ChildProcess[] = [];
  let haproxyLog = '';
  let commands: { readonly cwd: string; readonly env: { readonly XLREG_REGISTRY: string }; readonly timeoutMs: number };

  /** Starts a server with the flags of the how-to. */
  async function startServer(at: 0 | 1): Promise<void> {
    const { tcp, ws, health } = ports[at];
    const listeners = { '--tcp': tcp, '--ws': ws, '--health': health };
    servers[at] = await startRegistry({
      dataDir: join(directory, `server-${at}`),
      args: [
        ...Object.entries(listeners).flatMap(([flag, port]) => [flag, `127.0.0.1:${port}`]),
        ...['--store', etcd.store, '--advertise', `127.0.0.1:${tcpFront}`, '--shutdown-delay', '5'],
        ...['--proxy-protocol', '127.0.0.1/32', '--x-forwarded-for', '127.0.0.1/32', '--limit-exempt', 'off'],
        ...['--max-connections-per-address', '40', '--max-hellos-per-second-per-address', '10000'],
      ],
    });
  }

  /** A file of the how-to with the addresses and ports of this test. */
  async function configuration(name: string, front: string, bound: number): Promise<string> {
    const text = await readFile(new URL(name, CONFIGURATIONS), 'utf8');
    let changed = text.replace(
      front,
      front.replace(/:?\d+/, () => `127.0.0.1:${bound}`),
    );
    for (const [at, { tcp, ws, health }] of ports.entries()) {
      changed = changed
        .replaceAll(`10.0.0.${at + 1}:56789 check port 56792`, `127.0.0.1:${tcp} check port ${health}`)
        .replaceAll(`server 10.0.0.${at + 1}:56790`, `server 127.0.0.1:${ws}`);
    }
    expect(changed.split('\n').filter((line) => /^[^#]*10\.0\.0\./.test(line))).toEqual([]);
    const file = join(directory, name);
    await writeFile(file, changed);
    return file;
  }

  async function startHaproxy(): Promise<void> {
    const file = await configuration('haproxy.cfg', 'bind :56789', tcpFront);
    // An unpacked package has made no such user.
    const asPackaged = await readFile(file, 'utf8');
    await writeFile(file, asPackaged.replace('  user haproxy\n  group haproxy\n', ''));
    const child = spawn(haproxyPath!, ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      haproxyLog += text;
    });
    balancers.push(child);
  }

  async function startNginx(): Promise<void> {
    const file = await configuration('nginx.conf', 'listen 80', webFront);
    const own = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${directory};`);
    const user = process.getuid?.() === 0 ? 'user root;' : '';
    const main = `daemon off; ${user} pid ${directory}/nginx.pid; worker_processes 1; error_log ${directory}/nginx.log;
      events {} http { access_log off; ${own.join(' ')} include ${file}; }`;
    await writeFile(join(directory, 'main.conf'), main);
    const args = ['-p', directory, '-e', join(directory, 'nginx.log'), '-c', join(directory, 'main.conf')];
    balancers.push(spawn(nginxPath!, args, { stdio: 'ignore' }));
  }

  /** Opens a session through HAProxy (TCP) or nginx (WebSocket), from an address of the loopback. */
  async function session(transport: 'tcp' | 'ws', localAddress = '127.0.0.1'): Promise<FieldClient> {
    const registryKey = parseRegistryFile(await readFile(commands.env.XLREG_REGISTRY, 'latin1')).commsKey;
    const port = transport === 'tcp' ? tcpFront : webFront;
    const dialect = transport === 'tcp' ? 'chained' : 'prefixed';
    const client = await FieldClient.open({ transport, dialect, port, registryKey, localAddress });
    await client.hello();
    return client;
  }

  /** Uses a session and ends it. */
  async function wholeSession(client: FieldClient): Promise<void> {
    await client.call({ op: OP.RegCredRequest }, OP.RegCredReply);
    await client.bye();
  }

  const joinAs = (name: string, ...args: string[]): string[] => [
    ...['join', 'c', '--name', name, '--end-point', `127.0.0.1:${name.charCodeAt(0)}`, ...args],
  ];
  const throughNginx = () => ['--transport', 'ws', '--connect', `ws://127.0.0.1:${webFront}/xlreg`];
  const start = (...args: string[]): RunningXlreg => startXlreg(args, commands);
  const statusOf = async ({ health }: Ports, query = '') =>
    (await fetch(`http://127.0.0.1:${health}/readyz${query}`)).status;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'xlreg-balancers-'));
    etcd = await EtcdCluster.start({ program: etcdProgram!, flags: ['--unsafe-no-fsync'] });
    const free = await freePorts(8);
    const portsFrom = (at: number): Ports => ({ tcp: free[at]!, ws: free[at + 1]!, health: free[at + 2]! });
    ports = [portsFrom(0), portsFrom(3)];
    [tcpFront, webFront] = [free[6]!, free[7]!];
    const [one, two] = [0, 1].map((at) => join(directory, `server-${at}`));
    for (const path of [one!, two!]) mkdirSync(path, { mode: 0o700 });
    await giveKeys(one!);
    await startServer(0);
    for (const file of ['id', 'ck.pem', 'sk.pem']) cpSync(join(one!, file), join(two!, file));
    await startServer(1);
    commands = { cwd: directory, env: { XLREG_REGISTRY: join(one!, 'regCred.dat') }, timeoutMs: 110_000 };
    await Promise.all([startHaproxy(), startNginx()]);
    await until(async () => {
      for (const { exitCode } of balancers) if (exitCode !== null) throw new Error(`a balancer ended: ${haproxyLog}`);
      const tried = await Promise.allSettled([session('tcp'), session('ws')]);
      const opened = tried.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      for (const client of opened) await client.bye();
      return opened.length === 2;
    });
  }, 60_000);

  afterAll(async () => {
    for (const child of balancers) {
      if (child.exitCode !== null) continue;
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    for (const server of servers) await server?.stop('SIGKILL');
    await etcd.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it('count by their own addresses, not by that of the proxy', async () => {
    const clients = [await session('tcp', '127.0.0.7'), await session('ws', '127.0.0.8')];
    const addresses = await Promise.all(
      servers.map(async (server) => {
        const headers = { authorization: `Bearer ${adminToken(server!.dataDir)}` };
        const reply = await fetch(`http://127.0.0.1:${server!.adminPort}/api/sessions`, { headers });
        return ((await reply.json()) as { sessions: { address: string }[] }).sessions.map(({ address }) => address);
      }),
    );
    expect(addresses.flat()).toEqual(expect.arrayContaining(['127.0.0.7', '127.0.0.8']));
    for (const client of clients) await client.bye();
  });

  it('are not harmed by a stranger above a limit, whom nginx sees as failures of the servers', async () => {
    const stranger = Array.from({ length: 120 }, () => session('ws', '127.0.0.66'));
    const tried = await Promise.allSettled(stranger);
    expect(tried.some(({ status }) => status === 'rejected')).toBe(true);
    for (let i = 0; i < 20; i++) await (await session('ws', '127.0.0.67')).bye();
    for (const one of tried) if (one.status === 'fulfilled') one.value.close();
  });

  it('wait for their cluster while a server and then etcd go away, and read rosters meanwhile', async () => {
    expect((await runXlreg(['create', 'c', '--size', '4'], commands)).code).toBe(0);
    const alice = start(...joinAs('alice', '--wait', '100'));
    const bob = start(...joinAs('bob', '--wait', '100', ...throughNginx()));
    await Promise.all([alice.said(/of 4 members/), bob.said(/of 4 members/)]);
    const keys = makeMemberKeys();
    const carol = await session('tcp');
    const { clientId } = await carol.identify(signedToken({ name: 'carol', myEnds: ['127.0.0.1:99'], keys }));
    const { clusterId } = await carol.join('c');
    await carol.bye();
    await Promise.all([alice.said(/3 of 4 members/), bob.said(/3 of 4 members/)]);

    // The first server is gone, without a word.
    await servers[0]!.stop('SIGKILL');
    for (const transport of ['tcp', 'ws'] as const) {
      for (let i = 0; i < 4; i++) await (await session(transport)).bye();
    }
    await until(() => /Health check for server ready\/one failed.*DOWN/.test(haproxyLog));

    // etcd is gone, too.
    await etcd.kill(etcd.servers[0]!);
    await until(async () => (await statusOf(ports[1])) === 503);
    expect(await statusOf(ports[1], '?for=reads')).toBe(200);
    await until(() => /Health check for server ready\/two failed.*DOWN/.test(haproxyLog));
    for (const transport of ['tcp', 'ws'] as const) {
      const reader = await session(transport);
      await reader.identifyById(clientId!, keys);
      expect((await reader.getCluster(clusterId!)).tokens).toHaveLength(3);
      expect(await reader.request({ op: OP.Join, clusterId: clusterId! })).toMatchObject({
        ...{ op: OP.Error, errDesc: 'registry cannot store' },
      });
    }

    // Both come back, and the last member completes the cluster.
    etcd.run(etcd.servers[0]!);
    await etcd.ready(etcd.servers[0]!);
    await startServer(0);
    await until(async () => (await statusOf(ports[0])) === 200 && (await statusOf(ports[1])) === 200);
    const dave = start(...joinAs('dave', '--wait', '60', ...throughNginx()));
    for (const { ended } of [alice, bob, dave]) {
      expect(await ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/^members +4 of 4$/m) });
    }
  }, 100_000);

  it('lose no session behind HAProxy while a server drains, and behind nginx only one open at the end (S7)', async () => {
    const lastCheck = (server: string) => haproxyLog.split('\n').findLast((line) => line.includes(`server ${server} `));
    await until(() => ['ready/one', 'ready/two'].every((server) => /UP/.test(lastCheck(server) ?? 'UP')));
    const open = [await session('tcp'), await session('tcp'), await session('tcp')];
    let draining = true;
    const stopped = servers[1]!.stop('SIGTERM').finally(() => {
      draining = false;
    });
    servers[1] = undefined;
    const served = { tcp: 0, ws: 0 };
    const lost: string[] = [];
    const serve = async (transport: 'tcp' | 'ws') => {
      while (draining) {
        await session(transport)
          .then(wholeSession)
          .catch((error: unknown) => lost.push(`${transport}: ${error}`));
        served[transport] += 1;
        await pause(BETWEEN_SESSIONS_MS);
      }
    };
    const checked = until(() => /DOWN/.test(lastCheck('ready/two') ?? '')).then(async () => {
      // A failed check ends no session.
      for (const client of open) await wholeSession(client);
    });
    await Promise.all([serve('tcp'), serve('ws'), checked]);
    expect(await stopped).toBe(0);
    expect(served.tcp).toBeGreaterThan(10);
    expect(served.ws).toBeGreaterThan(10);
    expect(lost.filter((loss) => loss.startsWith('tcp'))).toEqual([]);
    // nginx checks no server, so a WebSocket may be open there when the shutdown delay ends.
    expect(lost.length, lost.join('\n')).toBeLessThanOrEqual(1);
    for (const transport of ['tcp', 'ws'] as const) await wholeSession(await session(transport));
  }, 60_000);
});
