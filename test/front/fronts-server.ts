// A server with several front ends in this process, with the means to look at them and to kill one.
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect as connectSocket, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import {
  type ConnectOptions,
  connect,
  type Member,
  parseRegCred,
  type RegistrySession,
} from '../../src/client/index.ts';
import { readConfig } from '../../src/config.ts';
import { CoordinatorThread } from '../../src/coordinator/thread/handle.ts';
import { SLOTS_PER_WORKER } from '../../src/limits.ts';
import { jsonLog } from '../../src/runtime/json-log.ts';
import { OWN_PROCESS } from '../../src/server/own-process.ts';
import { type Server, startServer } from '../../src/server/server.ts';
import { WorkerChannel } from '../../src/shared-memory/worker-channel.ts';
import { samplesOf } from '../metrics/metrics-text.ts';
import { adminToken } from '../support/admin-token.ts';
import { giveKeys } from '../support/made-keys.ts';
import { newVisitor } from '../support/new-member.ts';
import { until } from '../support/until.ts';

const LOOPBACK = '127.0.0.1:0';
const { serve } = CoordinatorThread.prototype;
/** All clients share keys: ready ones are few. A key that is sealed is refused in the other dialects. */
const [keys, sealedKeys] = [newVisitor(), newVisitor()];

export class FrontsServer {
  readonly server: Server;
  readonly dataDir: string;
  /** The lines of the log. */
  readonly log: string[];
  /** Errors that the server could not go on with. */
  readonly deaths: unknown[];
  /** By index of the worker: its latest channel. */
  readonly #channels: ReadonlyMap<number, WorkerChannel>;
  readonly #arguments: readonly string[];
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<RegistrySession>();

  private constructor(
    parts: Pick<FrontsServer, 'server' | 'dataDir' | 'log' | 'deaths'>,
    channels: ReadonlyMap<number, WorkerChannel>,
    args: readonly string[],
  ) {
    this.server = parts.server;
    this.dataDir = parts.dataDir;
    this.log = parts.log;
    this.deaths = parts.deaths;
    this.#channels = channels;
    this.#arguments = args;
  }

  /** Starts a server with two front ends for TCP and one worker each, unless the flags say otherwise. */
  static async start(...args: string[]): Promise<FrontsServer> {
    const dataDir = await mkdtemp(join(tmpdir(), 'xlreg-fronts-'));
    await giveKeys(dataDir);
    const [log, deaths]: [string[], unknown[]] = [[], []];
    const channels = new Map<number, WorkerChannel>();
    const spy = vi.spyOn(CoordinatorThread.prototype, 'serve').mockImplementation(function (
      this: CoordinatorThread,
      ...[channel, worker]: unknown[]
    ) {
      channels.set(worker as number, new WorkerChannel(channel as ConstructorParameters<typeof WorkerChannel>[0]));
      return serve.call(this, channel as ConstructorParameters<typeof WorkerChannel>[0]);
    });
    const ports = ['--tcp', LOOPBACK, '--ws', LOOPBACK, '--admin', LOOPBACK];
    const all = ['--data-dir', dataDir, ...ports, '--store', 'memory', '--fronts', '2', '--workers', '2', ...args];
    const output = { write: (line: string) => void log.push(line) };
    const observer = {
      log: jsonLog(output),
      logLines: (lines: readonly string[]) => void log.push(...lines),
      logLinesDropped: () => 0,
      recentTrouble: () => [],
      onDeath: (error: unknown) => void deaths.push(error),
    };
    try {
      const server = await startServer(readConfig(all, {}), observer, OWN_PROCESS);
      return new FrontsServer({ server, dataDir, log, deaths }, channels, all);
    } catch (error) {
      spy.mockRestore();
      throw error;
    }
  }

  get port(): number {
    return Number(this.server.addresses.tcp!.split(':').at(-1));
  }

  /** Reloads with further flags. */
  reload(...args: string[]): Promise<void> {
    return this.server.reload(() => readConfig([...this.#arguments, ...args], {}));
  }

  /** Opens a TCP connection that says nothing. */
  async open(localAddress = '127.0.0.1'): Promise<Socket> {
    const socket = connectSocket({ port: this.port, host: '127.0.0.1', localAddress });
    socket.on('error', () => {}).resume();
    this.#sockets.add(socket);
    await once(socket, 'connect');
    return socket;
  }

  /** Opens a session in the dialect, over TCP unless `more` says otherwise. */
  async session(dialect: 'chained' | 'sealed' = 'chained', more: ConnectOptions = {}): Promise<RegistrySession> {
    const session = await connect(parseRegCred(this.server.regCred), { dialect, helloTries: 1, ...more });
    this.#sessions.add(session);
    return session;
  }

  /** Opens a session of a new client. */
  async client(name: string, dialect: 'chained' | 'sealed' = 'chained', more: Partial<Member> = {}) {
    const session = await this.session(dialect);
    const own = dialect === 'sealed' ? sealedKeys : keys;
    await session.identify({ ...own, name, endPoints: ['127.0.0.1:4001'], attrs: 0n, ...more });
    return session;
  }

  /** The values of a metric, by one label. */
  async metric(name: string, label: string): Promise<Readonly<Record<string, number>>> {
    const page = await (await fetch(`http://${this.server.addresses.admin}/metrics`)).text();
    const samples = samplesOf(page).filter((sample) => sample.name === name);
    return Object.fromEntries(samples.map(({ labels, value }) => [labels[label] ?? '', value]));
  }

  /** Open connections of each front end that serves TCP: from number 1 on. */
  async openByFront(): Promise<number[]> {
    return Object.values(await this.metric('xlreg_front_sessions_open', 'front')).slice(1);
  }

  /** Resolves when the server counts this many connections. */
  async untilOpen(count: number): Promise<void> {
    await until(async () => (await this.openByFront()).reduce((sum, one) => sum + one, 0) === count);
  }

  /** GET of the admin API. */
  async api(path: string): Promise<unknown> {
    const headers = { authorization: `Bearer ${adminToken(this.dataDir)}` };
    return (await fetch(`http://${this.server.addresses.admin}${path}`, { headers })).json();
  }

  /** Kills front end 1 at its next result: a slot number out of range makes its pool throw. */
  killFurther(): void {
    this.#channels.get(1)!.results.push(SLOTS_PER_WORKER);
  }

  /** The audit log. */
  audit(): Promise<string> {
    return readFile(join(this.dataDir, 'audit.log'), 'utf8');
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    for (const session of this.#sessions) session.close();
    await this.server.stop();
    vi.restoreAllMocks();
    await rm(this.dataDir, { recursive: true });
  }
}
