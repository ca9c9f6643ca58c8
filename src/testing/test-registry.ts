// A registry inside the process of a test.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { type ConnectOptions, connect } from '../client/connect.ts';
import { type IdentityStore, MemoryStore, textOfIdentity } from '../client/join/identity-store.ts';
import type { Member, MemberSpec } from '../client/member.ts';
import type { RegistrySession } from '../client/registry-session.ts';
import { type Config, readConfig } from '../config.ts';
import { type Server, startServer } from '../server/server.ts';
import { printable } from '../wire/printable.ts';
import { parseRegCred, type RegCred } from '../wire/reg-cred.ts';
import { keyFingerprint } from '../wire/rsa-key.ts';
import { IN_PROCESS } from './in-process.ts';
import { memberWithKey, registryPems, TEST_MEMBERS_MAX } from './key-pool.ts';

/** Options of startRegistry(). */
export interface TestRegistryOptions {
  /** `memory`, the default, forgets its table at a restart; `lmdb` keeps it until stop(). */
  readonly store?: 'memory' | 'lmdb' | undefined;
  /** TCP port on 127.0.0.1; 0, the default, takes a free one. A restart keeps it. */
  readonly port?: number | undefined;
  /**
   * Number of its pair of keys, 0 to 3; default 0. Registries with equal keys differ in their ID only, so a client takes
   * one with another number for an impostor.
   */
  readonly keys?: number | undefined;
  /** Settings of `xlreg serve` by their names: `{ 'max-wait-ms': '1000' }`. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
}

/** Milliseconds that sessions have to end in when the registry stops. */
const DRAIN_GRACE_MS = 200;

const LOOPBACK = '127.0.0.1';

/**
 * Starts a registry in this process, on the loopback, with published test keys (K7). It speaks the whole protocol over TCP
 * and WebSocket; it has no admin port and no audit log. Its coordinator and its worker run on the calling thread, so it is
 * no measure of speed. Rejects with ListenError if the port is in use, and with ConfigError for a wrong setting.
 *
 * @example
 * ```ts
 * await using registry = await startRegistry();
 * const session = await registry.connect('alice');
 * await session.create('demo', { size: 2 });
 * ```
 */
export async function startRegistry(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const { keys = 0, store = 'memory', port = 0, settings = {} } = options;
  const pems = registryPems(keys);
  const directory = await mkdtemp(join(tmpdir(), 'xlreg-testing-'));
  try {
    const files = { 'ck.pem': pems[0], 'sk.pem': pems[1], id: `${randomBytes(32).toString('hex')}\n` };
    await Promise.all(
      Object.entries(files).map(([name, text]) => writeFile(join(directory, name), text, { mode: 0o600 })),
    );
    const start = (tcpPort: number, wsPort: number) => {
      const fixed = { 'data-dir': directory, store, tcp: `${LOOPBACK}:${tcpPort}`, ws: `${LOOPBACK}:${wsPort}` };
      return startQuietly(configOf({ ...DEFAULTS, ...fixed, ...settings }));
    };
    return new TestRegistry(directory, start, await start(port, 0));
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

const DEFAULTS = {
  ...{
    admin: 'off',
    'audit-log': 'off',
    fronts: '1',
    workers: '1',
    'web-engine': 'node',
    'limit-exempt': `${LOOPBACK}/32`,
  },
  'drain-grace-ms': String(DRAIN_GRACE_MS),
};

function configOf(settings: Readonly<Record<string, string>>): Config {
  // The environment is the test's own, so it sets nothing here.
  return readConfig(
    Object.entries(settings).map(([name, value]) => `--${name}=${value}`),
    {},
  );
}

function startQuietly(config: Config): Promise<Server> {
  const observer = {
    log: pino({ level: 'silent' }),
    logLines() {},
    logLinesDropped: () => 0,
    recentTrouble: () => [],
    onDeath(error: unknown) {
      // A broken promise of the registry's own code: it must not pass unnoticed.
      setImmediate(() => {
        throw error;
      });
    },
  };
  return startServer(config, observer, IN_PROCESS);
}

/** A running registry. `await using` stops it. */
export class TestRegistry {
  /** Public credentials, for connect() and joinCluster(). A restart keeps them. */
  readonly regCred: RegCred;
  readonly #directory: string;
  readonly #start: (tcpPort: number, wsPort: number) => Promise<Server>;
  readonly #sessions = new Set<RegistrySession>();
  /** By name, each with keys of its own. BOUNDED: TEST_MEMBERS_MAX. */
  readonly #members = new Map<string, Member>();
  /** By name. BOUNDED: TEST_MEMBERS_MAX. */
  readonly #stores = new Map<string, IdentityStore>();
  readonly #ports: readonly [tcp: number, ws: number];
  #server: Server | undefined;

  /** Called by startRegistry(). */
  constructor(directory: string, start: (tcpPort: number, wsPort: number) => Promise<Server>, server: Server) {
    this.#directory = directory;
    this.#start = start;
    this.#server = server;
    const { tcp, ws } = server.addresses;
    this.#ports = [portOf(tcp!), portOf(ws!)];
    this.regCred = parseRegCred(server.regCred);
  }

  /** The text of regCred.dat. */
  get regCredText(): string {
    return this.#running.regCred;
  }

  /** `HOST:PORT` of the TCP port. */
  get address(): string {
    return `${LOOPBACK}:${this.#ports[0]}`;
  }

  /** URL of the credentials, as for `--registry` and fetchRegCred(). */
  get url(): string {
    return `http://${LOOPBACK}:${this.#ports[1]}/regCred.dat`;
  }

  /** URL of the WebSocket port, for ConnectOptions.connect. */
  get webSocketUrl(): string {
    return `ws://${LOOPBACK}:${this.#ports[1]}/xlreg`;
  }

  /** Fingerprint of the key that sealed sessions prove, `SHA256:…`. */
  get fingerprint(): string {
    return keyFingerprint(this.regCred.sigKey);
  }

  /**
   * Returns a member with keys of the pool; the same name gets the same keys. A registry has TEST_MEMBERS_MAX names; throws
   * RangeError beyond. `endPoints` is `127.0.0.1:4001` by default, which nobody listens on.
   */
  member(name: string, spec: Partial<Omit<MemberSpec, 'name'>> = {}): Member {
    let member = this.#members.get(name);
    if (member === undefined) {
      const number = this.#members.size;
      if (number === TEST_MEMBERS_MAX) throw new RangeError(`a test registry has ${TEST_MEMBERS_MAX} members`);
      member = memberWithKey(number, name);
      this.#members.set(name, member);
    }
    const { endPoints = [`${LOOPBACK}:4001`], attrs = 0n, labels = {} } = spec;
    return printable({ ...member, endPoints, attrs, labels });
  }

  /**
   * Returns an identity store with the keys of a member, for joinCluster(). The same name gets the same store, so a second
   * call of joinCluster() with it comes back as the same member. Throws RangeError as member().
   */
  store(name: string): IdentityStore {
    let store = this.#stores.get(name);
    if (store === undefined) {
      store = new MemoryStore();
      // It keeps the text before save() returns.
      void store.save(textOfIdentity({ member: this.member(name) }));
      this.#stores.set(name, store);
    }
    return store;
  }

  /** Opens a session of a member, given by itself or by its name. stop() closes it. Rejects as connect() and identify(). */
  async connect(member: Member | string, options: ConnectOptions = {}): Promise<RegistrySession> {
    const session = await connect(this.regCred, options);
    this.#sessions.add(session);
    try {
      await session.identify(typeof member === 'string' ? this.member(member) : member);
      return session;
    } catch (error) {
      this.#sessions.delete(session);
      session.close();
      throw error;
    }
  }

  /** Stops the registry and starts it again with the same keys, ID and ports. Its sessions end. */
  async restart(): Promise<void> {
    await this.#halt();
    this.#server = await this.#start(...this.#ports);
  }

  /** Stops the registry for good and removes its files. Closes the sessions of connect(). Idempotent. */
  async stop(): Promise<void> {
    await this.#halt();
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** For `await using`: stops the registry. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  get #running(): Server {
    if (this.#server === undefined) throw new Error('the test registry is stopped');
    return this.#server;
  }

  async #halt(): Promise<void> {
    for (const session of this.#sessions) session.close();
    this.#sessions.clear();
    const server = this.#server;
    this.#server = undefined;
    await server?.stop();
  }
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
