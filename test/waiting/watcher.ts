// A member of a cluster that keeps what its ClusterMembers replies say, and asks for what is newer (V1 to V6).
import { hash } from 'node:crypto';
import type Long from 'long';
import { bigintOf, longOf, type Message, Op } from '../../src/wire/message.ts';
import type { FieldRegistry } from '../field/field-registry.ts';
import { SealedClient } from '../support/sealed-client.ts';

/** Fields of a GetCluster besides those that every one has. */
export interface Asked {
  readonly WaitMs?: number;
  readonly WaitFor?: number;
  readonly Which?: Long;
}

/** The parts of a reply that tests compare. */
export interface Told {
  readonly version: number;
  readonly which: bigint;
  readonly names: readonly (string | null | undefined)[];
  readonly emptied: bigint;
  readonly epoch: number;
  readonly yourSeat: number | null | undefined;
}

export class Watcher {
  readonly client: SealedClient;
  readonly cluster: string;
  version = 0;
  history: Uint8Array = new Uint8Array(0);
  last: Message = {};

  private constructor(client: SealedClient, cluster: string) {
    this.client = client;
    this.cluster = cluster;
  }

  /** Connects and registers the member of this number. All members have the same keys, and an ID of their own. */
  static async connect(
    registry: FieldRegistry,
    transport: 'tcp' | 'ws',
    cluster: string,
    number: number,
  ): Promise<Watcher> {
    const { tcpPort, wsPort } = registry.process;
    const port = transport === 'tcp' ? tcpPort : wsPort;
    const client = await SealedClient.connect(transport, port, registry.file);
    const name = `${cluster}-${number}`;
    const { reply } = await client.registerMember({ name, token: { ID: hash('sha256', name, 'buffer') } });
    if (reply.Op !== Op.ClientOK) throw new Error(reply.ErrDesc ?? 'no ClientOK');
    return new Watcher(client, cluster);
  }

  /** The same, then creates the cluster unless it exists, and joins it. */
  static async join(
    registry: FieldRegistry,
    transport: 'tcp' | 'ws',
    cluster: string,
    { number, size }: { readonly number: number; readonly size: number },
  ): Promise<Watcher> {
    const watcher = await Watcher.connect(registry, transport, cluster, number);
    await watcher.client.create(cluster, size);
    await watcher.client.join(cluster);
    return watcher;
  }

  /** Sends a GetCluster for what is newer than the last reply. */
  send(asked: Asked = {}): void {
    const known = { KnownVersion: longOf(BigInt(this.version)), History: this.history };
    this.client.send({ Op: Op.GetCluster, ClusterName: this.cluster, ...(this.version > 0 && known), ...asked });
  }

  /** Takes the next reply, which is a ClusterMembers. */
  async receive(): Promise<Told> {
    const reply = await this.client.receive();
    if (reply?.Op !== Op.ClusterMembers) throw new Error(reply?.ErrDesc ?? `Op ${reply?.Op}`);
    this.last = reply;
    this.version = Number(bigintOf(reply.ClusterVersion));
    this.history = Uint8Array.from(reply.History!);
    return {
      version: this.version,
      which: bigintOf(reply.Which),
      names: (reply.Tokens ?? []).map(({ Name }) => Name),
      emptied: bigintOf(reply.Emptied),
      epoch: Number(bigintOf(reply.Epoch)),
      yourSeat: reply.YourSeat,
    };
  }

  ask(asked: Asked = {}): Promise<Told> {
    this.send(asked);
    return this.receive();
  }

  close(): void {
    this.client.close();
  }
}

/** The value of a metric without labels, or of one with exactly these. */
export async function metric(registry: FieldRegistry, name: string): Promise<number> {
  const line = (await registry.process.metrics()).split('\n').find((text) => text.startsWith(`${name} `));
  if (line === undefined) throw new Error(`no metric ${name}`);
  return Number(line.slice(name.length));
}
