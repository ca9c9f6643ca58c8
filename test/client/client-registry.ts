// A real registry process for tests of the client library, reachable in six ways.
import { randomBytes } from 'node:crypto';
import {
  type ConnectOptions,
  connect,
  type Member,
  parseRegCred,
  type RegCred,
  type RegistrySession,
} from '../../src/client/index.ts';
import { newVisitor } from '../support/new-member.ts';
import { type RegistryOptions, type RegistryProcess, startRegistry } from '../support/registry-process.ts';

/** The RSA dialects over both transports, as rows for `describe.each`. */
export const WAYS = [
  { transport: 'tcp', dialect: 'prefixed' },
  { transport: 'tcp', dialect: 'chained' },
  { transport: 'ws', dialect: 'prefixed' },
  { transport: 'ws', dialect: 'chained' },
] as const satisfies readonly ConnectOptions[];

/** All dialects over both transports. */
export const ALL_WAYS = [
  ...WAYS,
  { transport: 'tcp', dialect: 'sealed' },
  { transport: 'ws', dialect: 'sealed' },
] as const satisfies readonly ConnectOptions[];

/** Keys of all members in the RSA dialects, and of all sealed ones: a key that is sealed is refused in the others. */
const keys = newVisitor();
const sealedKeys = newVisitor();

export class ClientRegistry {
  readonly process: RegistryProcess;
  readonly regCred: RegCred;
  readonly #sessions = new Set<RegistrySession>();

  private constructor(process: RegistryProcess) {
    this.process = process;
    this.regCred = parseRegCred(process.regCredText);
  }

  static async start(options: RegistryOptions = {}): Promise<ClientRegistry> {
    return new ClientRegistry(await startRegistry(options));
  }

  get url(): string {
    return `ws://127.0.0.1:${this.process.wsPort}/xlreg`;
  }

  /** Connects. `closeSessions` closes the session. */
  async connect(options: ConnectOptions = {}): Promise<RegistrySession> {
    const where = options.transport === 'ws' ? { connect: this.url } : {};
    const session = await connect(this.regCred, { ...where, ...options });
    this.#sessions.add(session);
    return session;
  }

  /** Opens a session of a new member with one end point. All members share keys: ready ones are few. */
  async identify(name: string, options: ConnectOptions = {}) {
    const sealed = (options.dialect ?? 'sealed') === 'sealed';
    const { commsKey, sigKey } = sealed ? sealedKeys : keys;
    const session = await this.connect(options);
    // Without an ID of its own, a sealed member has the one that certifies its key.
    const id = sealed ? randomBytes(32).toString('hex') : undefined;
    const member: Member = { name, endPoints: ['127.0.0.1:4001'], attrs: 0n, commsKey, sigKey, id };
    return { session, member, ...(await session.identify(member)) };
  }

  closeSessions(): void {
    for (const session of this.#sessions) session.close();
    this.#sessions.clear();
  }

  async stop(): Promise<number | null> {
    this.closeSessions();
    return await this.process.stop();
  }
}
