// A real registry and clients of the second implementation, for tests of forming clusters.

import { randomBytes } from 'node:crypto';
import type { Transport } from '../field-connection.ts';
import { FieldRegistry } from '../field-registry.ts';
import { type MemberKeys, makeMemberKeys } from '../member-keys.ts';
import { type FieldMessage, type MessageInput, OP } from '../protobuf.ts';
import type { TokenSpecInput } from './forming-fields.ts';
import type { TrustedRegistry } from './kept-roster.ts';
import { sha256 } from './noise.ts';
import { SealedClient, type SealedToken } from './sealed-client.ts';
import { memberId } from './statement.ts';

/** A transport, and how messages are sent. */
export interface SealedWire {
  readonly label: string;
  readonly transport: Transport;
  readonly cutMessages: boolean;
}

/** Rows for `describe.each`. */
export const SEALED_WIRES: readonly SealedWire[] = [
  { label: 'TCP', transport: 'tcp', cutMessages: false },
  { label: 'TCP, cut at every byte', transport: 'tcp', cutMessages: true },
  { label: 'WebSocket', transport: 'ws', cutMessages: false },
];

/** A client that has registered. */
export interface FormingMember {
  readonly client: SealedClient;
  readonly keys: MemberKeys;
  readonly id: Buffer;
}

/** A join token and its description. */
export interface MadeToken {
  readonly token: Buffer;
  readonly spec: TokenSpecInput;
}

/** Makes a join token of 16 bytes (A1). */
export function makeToken(spec: Omit<TokenSpecInput, 'hash'> = {}): MadeToken {
  const token = randomBytes(16);
  return { token, spec: { hash: sha256(token), ...spec } };
}

/** The parts of an Error that say what a client may do next. */
export type Told = Pick<FieldMessage, 'errDesc' | 'code' | 'retryable' | 'retryAfterMs'>;

let seq = Date.now();

/** A registry process and its clients. */
export class FormingRegistry {
  readonly registry: FieldRegistry;
  readonly #clients = new Set<SealedClient>();

  private constructor(registry: FieldRegistry) {
    this.registry = registry;
  }

  static async start(args: readonly string[] = []): Promise<FormingRegistry> {
    // A message cut at every byte takes its time on a loaded machine.
    const patient = ['--partial-timeout-ms', '60000', '--hello-timeout-ms', '60000'];
    return new FormingRegistry(await FieldRegistry.start({ args: [...patient, ...args] }));
  }

  get trusted(): TrustedRegistry {
    return { id: this.registry.file.id, sigKey: this.registry.file.sigKey };
  }

  /** Opens a sealed session. */
  async connect({ transport, cutMessages }: SealedWire): Promise<SealedClient> {
    const { tcpPort, wsPort } = this.registry.process;
    const port = transport === 'tcp' ? tcpPort : wsPort;
    const client = await SealedClient.start({
      ...{ transport, port, cutMessages, registry: this.trusted, timeoutMs: 40_000 },
    });
    this.#clients.add(client);
    return client;
  }

  /** Connects and registers a member whose keys are those of this slot. */
  async member(
    wire: SealedWire,
    slot: number,
    name = `m${slot}`,
    more: Partial<SealedToken> = {},
  ): Promise<FormingMember> {
    const client = await this.connect(wire);
    const keys = makeMemberKeys({ sig: slot });
    seq += 1;
    const { clientId } = await client.identify({ name, keys, seq, ...more });
    return { client, keys, id: clientId ?? memberId(keys.sigKey) };
  }

  /** Sends a request that must be refused, as the last of its session. */
  async told(client: SealedClient, request: MessageInput): Promise<Told> {
    const reply = await client.request(request);
    if (reply.op !== OP.Error) throw new Error(`Op ${reply.op} in place of an Error`);
    const { errDesc, code, retryable, retryAfterMs } = reply;
    client.close();
    return { errDesc, code, retryable, retryAfterMs } as Told;
  }

  closeClients(): void {
    for (const client of this.#clients) client.close();
    this.#clients.clear();
  }

  async stop(): Promise<unknown> {
    this.closeClients();
    return await this.registry.stop();
  }
}
