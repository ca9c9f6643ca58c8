// A real registry process for tests of the client library, reachable in four ways.

import {
  type ConnectOptions,
  connect,
  createVisitor,
  type Member,
  parseRegCred,
  type RegCred,
  type RegistrySession,
} from '../../src/client/index.ts';
import { type RegistryOptions, type RegistryProcess, startRegistry } from '../support/registry-process.ts';

/** Both dialects over both transports, as rows for `describe.each`. */
export const WAYS = [
  { transport: 'tcp', dialect: 'prefixed' },
  { transport: 'tcp', dialect: 'chained' },
  { transport: 'ws', dialect: 'prefixed' },
  { transport: 'ws', dialect: 'chained' },
] as const satisfies readonly ConnectOptions[];

const keys = createVisitor();

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

  /** Opens a session of a new member with one end point. All members share keys: generating them takes time. */
  async identify(name: string, options: ConnectOptions = {}) {
    const { commsKey, sigKey } = await keys;
    const session = await this.connect(options);
    const member: Member = { name, endPoints: ['127.0.0.1:4001'], attrs: 0n, commsKey, sigKey };
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
