// Starts an etcd cluster of one or more servers, each a process on free loopback ports. Its temporary data directory is
// removed by stop(). Servers still running at the exit of this process are killed.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const READY_TIMEOUT_MS = 20_000;
const POLL_MS = 50;

/** Options of a cluster. */
export interface EtcdClusterOptions {
  /** Path of the etcd program. */
  readonly program?: string;
  readonly servers?: number;
  /** Further flags for each server. */
  readonly flags?: readonly string[];
  /** Clients connect over TLS. Readiness then means only that the port accepts connections. */
  readonly https?: boolean;
  /** The address of each server; all loopback by default. */
  readonly hosts?: readonly string[];
  /** For each server, a command to put in front of the program. */
  readonly within?: readonly (readonly string[])[];
}

/** One server of the cluster. */
export interface EtcdServer {
  readonly name: string;
  readonly endPoint: string;
  readonly dataDirectory: string;
  /** Undefined while the server does not run. */
  child: ChildProcess | undefined;
}

export class EtcdCluster {
  readonly servers: readonly EtcdServer[];
  readonly #directory: string;
  readonly #options: EtcdClusterOptions;
  readonly #peers: string;
  /** Reason for which the program could not be spawned. */
  #unstarted: Error | undefined;

  private constructor(servers: readonly EtcdServer[], directory: string, options: EtcdClusterOptions, peers: string) {
    this.servers = servers;
    this.#directory = directory;
    this.#options = options;
    this.#peers = peers;
  }

  /** Resolves when every server knows a leader. Rejects when a server ends, or after 20 s. */
  static async start(options: EtcdClusterOptions = {}): Promise<EtcdCluster> {
    const directory = await mkdtemp(join(tmpdir(), 'xlreg-etcd-'));
    const count = options.servers ?? 1;
    const hosts = options.hosts ?? new Array<string>(count).fill('127.0.0.1');
    const ports = await freePorts(2 * count);
    const servers = Array.from({ length: count }, (_, i): EtcdServer => {
      const name = `etcd-${i}`;
      return { name, endPoint: `${hosts[i]}:${ports[2 * i]}`, dataDirectory: join(directory, name), child: undefined };
    });
    const peers = servers.map(({ name }, i) => `${name}=http://${hosts[i]}:${ports[2 * i + 1]}`).join(',');
    const cluster = new EtcdCluster(servers, directory, options, peers);
    try {
      for (const server of servers) cluster.run(server);
      await Promise.all(servers.map((server) => cluster.ready(server)));
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Like `start`, for a command: on failure it prints one line and exits with code 1. */
  static async startOrExit(options: EtcdClusterOptions): Promise<EtcdCluster> {
    try {
      return await EtcdCluster.start(options);
    } catch (error) {
      console.error((error as Error).message);
      process.exit(1);
    }
  }

  /** The value for `--store`. */
  get store(): string {
    return `etcd:${this.servers.map(({ endPoint }) => endPoint).join(',')}`;
  }

  /** Starts a server that is not running. */
  run(server: EtcdServer, further: readonly string[] = []): void {
    const { program = 'etcd', flags = [], https = false, within } = this.#options;
    const scheme = https ? 'https' : 'http';
    const peer = this.#peers
      .split(',')
      .find((one) => one.startsWith(`${server.name}=`))!
      .split('=')[1]!;
    const [command, ...args] = [
      ...(within?.[this.servers.indexOf(server)] ?? []),
      ...[program, '--name', server.name, '--data-dir', server.dataDirectory],
      ...[
        '--listen-client-urls',
        `${scheme}://${server.endPoint}`,
        '--advertise-client-urls',
        `${scheme}://${server.endPoint}`,
      ],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', this.#peers],
      ...['--logger', 'zap', '--log-level', 'error', ...flags, ...further],
    ];
    const child = spawn(command!, args, { stdio: 'ignore' });
    server.child = child;
    const end = () => child.kill('SIGKILL');
    process.once('exit', end);
    const gone = () => {
      process.off('exit', end);
      if (server.child === child) server.child = undefined;
    };
    child.once('exit', gone);
    child.once('error', (error) => {
      // A process that could not be spawned emits no `exit`.
      if (child.pid !== undefined) return;
      this.#unstarted = error;
      gone();
    });
  }

  /** Resolves when a server answers and knows a leader. Rejects when it ends, or after 20 s. */
  async ready(server: EtcdServer): Promise<void> {
    const deadline = performance.now() + READY_TIMEOUT_MS;
    while (performance.now() < deadline) {
      if (this.#unstarted) {
        throw new Error(`etcd (Debian's package etcd-server) cannot be started: ${this.#unstarted.message}`);
      }
      if (!server.child) throw new Error(`${server.name} has ended`);
      if (await this.#isHealthy(server)) return;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    throw new Error(`${server.name} was not ready within ${READY_TIMEOUT_MS / 1_000} s`);
  }

  async #isHealthy({ endPoint }: EtcdServer): Promise<boolean> {
    if (this.#options.https) {
      const { connect } = await import('node:net');
      const [host, port] = endPoint.split(':') as [string, string];
      return new Promise((resolve) => {
        const socket = connect(Number(port), host, () => resolve(true)).on('error', () => resolve(false));
        socket.once('connect', () => socket.destroy());
      });
    }
    try {
      const answer = await fetch(`http://${endPoint}/health`, { signal: AbortSignal.timeout(1_000) });
      return ((await answer.json()) as { health: unknown }).health === 'true';
    } catch {
      return false;
    }
  }

  /** The leader. Undefined if no running server names itself as leader. */
  async leader(): Promise<EtcdServer | undefined> {
    for (const server of this.servers) {
      if (!server.child) continue;
      const status = (path: string) =>
        fetch(`http://${server.endPoint}${path}`, { method: 'POST', body: '{}', signal: AbortSignal.timeout(1_000) });
      try {
        const { header, leader } = (await (await status('/v3/maintenance/status')).json()) as {
          header: { member_id: string };
          leader?: string;
        };
        if (leader !== undefined && header.member_id === leader) return server;
      } catch {}
    }
    return undefined;
  }

  /** Restores the data directory of a stopped server from an etcdctl snapshot. */
  restore({ name, dataDirectory }: EtcdServer, etcdctl: string, snapshot: string): void {
    const peer = this.#peerUrl(name);
    const own = ['--name', name, '--initial-cluster', this.#peers, '--initial-advertise-peer-urls', peer];
    execFileSync(etcdctl, ['snapshot', 'restore', snapshot, '--data-dir', dataDirectory, ...own], {
      env: { ...process.env, ETCDCTL_API: '3' },
      stdio: 'pipe',
    });
  }

  #peerUrl(name: string): string {
    return this.#peers
      .split(',')
      .find((one) => one.startsWith(`${name}=`))!
      .split('=')[1]!;
  }

  /** Sends a signal to a server and waits for its exit. */
  async kill(server: EtcdServer, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { child } = server;
    if (!child) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  async stop(): Promise<void> {
    for (const server of this.servers) server.child?.kill('SIGCONT');
    await Promise.all(this.servers.map((server) => this.kill(server)));
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** Ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const listeners = await Promise.all(
    Array.from({ length: count }, async () => {
      const listener = createServer().listen(0, '127.0.0.1');
      await once(listener, 'listening');
      return listener;
    }),
  );
  const ports = listeners.map((listener) => (listener.address() as { port: number }).port);
  await Promise.all(listeners.map((listener) => new Promise((resolve) => listener.close(resolve))));
  return ports;
}
