// A registry process and its clients for acceptance tests: the real server, real sockets, and clients that know only
// its regCred.dat.

import { type RegistryOptions, type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { type Dialect, FieldClient, type FieldClientOptions } from './field-client.ts';
import type { Transport } from './field-connection.ts';
import { type MemberKeys, makeMemberKeys, signedToken, type TokenOptions } from './member-keys.ts';
import { parseRegistryFile, type RegistryFile } from './registry-file.ts';

/** Both dialects over both transports, as rows for `describe.each`. */
export const WIRES: readonly { readonly dialect: Dialect; readonly transport: Transport }[] = [
  { dialect: 'chained', transport: 'tcp' },
  { dialect: 'prefixed', transport: 'tcp' },
  { dialect: 'chained', transport: 'ws' },
  { dialect: 'prefixed', transport: 'ws' },
];

/** The client's wire, and any other options of it. */
export type Wire = Pick<FieldClientOptions, 'dialect' | 'transport'> & Partial<FieldClientOptions>;

/** A client that has registered. */
export interface Registered {
  readonly client: FieldClient;
  readonly clientId: Buffer;
  readonly keys: MemberKeys;
}

/** A registry process and its clients. */
export class FieldRegistry {
  readonly process: RegistryProcess;
  readonly file: RegistryFile;
  readonly #clients = new Set<FieldClient>();

  private constructor(process: RegistryProcess) {
    this.process = process;
    this.file = parseRegistryFile(process.regCredText);
  }

  static async start(options: RegistryOptions = {}): Promise<FieldRegistry> {
    return new FieldRegistry(await startRegistry(options));
  }

  /** Opens a connection without a Hello. */
  async open(wire: Wire): Promise<FieldClient> {
    const port = wire.transport === 'tcp' ? this.process.tcpPort : this.process.wsPort;
    const client = await FieldClient.open({ port, registryKey: this.file.commsKey, ...wire });
    this.#clients.add(client);
    return client;
  }

  /** Opens a connection and exchanges Hello and HelloReply. */
  async connect(wire: Wire): Promise<FieldClient> {
    const client = await this.open(wire);
    await client.hello();
    return client;
  }

  /** Connects and registers a token; by default with one end point and the pool's first keys. */
  async register(wire: Wire, token: TokenOptions): Promise<Registered> {
    const client = await this.connect(wire);
    const keys = token.keys ?? makeMemberKeys();
    const reply = await client.identify(signedToken({ myEnds: ['127.0.0.1:4001'], ...token, keys }));
    return { client, clientId: reply.clientId!, keys };
  }

  /** Destroys all clients' sockets. */
  closeClients(): void {
    for (const client of this.#clients) client.close();
    this.#clients.clear();
  }

  /** Closes the clients and ends the process. Resolves with its exit code, or with the signal that ended it. */
  async stop(): Promise<number | NodeJS.Signals | null> {
    this.closeClients();
    return (await this.process.stop()) ?? this.process.endedBy();
  }
}
