// A session with a registry: one method for each request. IDs are lower-case hex throughout. Every request rejects with
// RegistryRefused, RegistryUnreachable or ProtocolError, and then the session has ended.
import type { DialectName } from '../wire/hello.ts';
import { bigintOf, longOf, type Message, Op, opName } from '../wire/message.ts';
import type { RegCred } from '../wire/reg-cred.ts';
import { printVersion } from '../wire/version.ts';
import type { Channel } from './channel.ts';
import {
  CLUSTER_EPHEMERAL,
  type ClusterMember,
  type ClusterProperties,
  type ClusterRef,
  type ClusterSpec,
  hexId,
  idBytes,
  propertiesOf,
  type Roster,
  rosterOf,
  wholeRoster,
} from './cluster.ts';
import { type Credentials, credentialsIn, isEqual } from './credentials.ts';
import { untilAborted } from './deadline.ts';
import { rememberFailed } from './end-point-order.ts';
import { isServerGone, ProtocolError } from './errors.ts';
import { type Member, signReturn, tokenOf } from './member.ts';
import type { OpenHello } from './open-hello.ts';
import { endPromptly } from './prompt-end.ts';
import { type WatchOptions, watchMembers } from './watch-members.ts';

/** The client's identity, as the registry confirms it. */
export interface ClientIdentity {
  readonly id: string;
  /** Bits: 1 ephemeral, 2 admin, 4 solo (T9). */
  readonly attrs: bigint;
}

/** One session, from Hello to Bye; opened by connect(). */
export class RegistrySession {
  /** Address where the registry was reached: `HOST:PORT` or a WebSocket URL. */
  readonly address: string;
  readonly dialect: DialectName;
  /** Protocol version of the registry, from its HelloReply (H5). */
  readonly version: string;
  readonly #regCred: RegCred;
  readonly #channel: Channel;
  readonly #salt2: Uint8Array;
  /**
   * Clusters that this session created or joined. Older servers neither find them by name nor tell their size (R7,
   * R11).
   */
  readonly #idsByName = new Map<string, string>();
  readonly #sizesById = new Map<string, number>();

  constructor(regCred: RegCred, channel: Channel, hello: OpenHello, address: string) {
    this.address = address;
    this.dialect = hello.keys.dialect;
    this.version = printVersion(hello.version2);
    this.#regCred = regCred;
    this.#channel = channel;
    this.#salt2 = hello.salt2;
  }

  /**
   * Requests the registry's credentials (S6). Rejects with RegistryUntrusted unless ID and signature key match the
   * client's credentials and that key has signed the reply. The reply may announce a new comms key. Allowed at any
   * time.
   */
  async credentials(): Promise<Credentials> {
    const reply = await this.#ask(Op.RegCredRequest, Op.RegCredReply);
    return this.#checked(() => credentialsIn(reply, this.#regCred));
  }

  /**
   * Identifies the client: once a session, before any request but credentials().
   * By `token`, the default: a new member gets its ID. A member with an ID returns with its current name, end points
   * and attrs (T3, T11). By `id`: a member returns as the registry knows it (T10). Throws TypeError for `id` if the
   * member has no ID.
   */
  async identify(member: Member, by: 'token' | 'id' = 'token'): Promise<ClientIdentity> {
    if (by === 'id' && member.id === undefined) throw new TypeError(`member ${member.name} has no ID yet`);
    const id = member.id === undefined ? undefined : idBytes(member.id);
    const who: Message =
      by === 'token'
        ? { ClientSpecs: tokenOf(member) }
        : { ClientID: id!, DigSig: signReturn(member, id!, this.#salt2) };
    const { ClientID, ClientAttrs } = await this.#ask(Op.Client, Op.ClientOK, who);
    return this.#checked(() => {
      if (id && !isEqual(ClientID, id))
        throw new ProtocolError('the registry confirmed another ID than the one presented');
      return { id: hexId(ClientID), attrs: ClientAttrs ? bigintOf(ClientAttrs) : member.attrs };
    });
  }

  /** Creates a cluster, or finds the one of this name. The result may differ from the spec (R1, R4). */
  async create(name: string, { size, endPoints = 1, ephemeral = false }: ClusterSpec): Promise<ClusterProperties> {
    for (const count of [size, endPoints]) {
      if (!Number.isInteger(count) || count < 0 || count > 0xffff_ffff) throw new TypeError(`${count} is not a uint32`);
    }
    const wanted = {
      ClusterSize: size,
      EndPointCount: endPoints,
      ClusterAttrs: longOf(ephemeral ? CLUSTER_EPHEMERAL : 0n),
    };
    return this.#remember(name, await this.#ask(Op.Create, Op.CreateReply, { ClusterName: name, ...wanted }));
  }

  /**
   * Joins a cluster; a repeated Join keeps the seat. The membership is on the registry's disk when this resolves (R6).
   */
  async join(cluster: ClusterRef): Promise<ClusterProperties> {
    const reply = await this.#ask(Op.Join, Op.JoinReply, fieldsOf(cluster));
    return this.#remember(typeof cluster === 'string' ? cluster : undefined, reply);
  }

  /**
   * Returns the members of a cluster. Without `which`, all of them, in as many GetClusters as necessary. With `which`,
   * one GetCluster for these seats, whose reply may not have room for all (R9). Bit i of `which` is seat i. A name
   * finds clusters that this session created or joined; on this project's registry it finds every cluster.
   */
  async cluster(cluster: ClusterRef, which?: bigint): Promise<Roster> {
    if (which === undefined) return await wholeRoster((seats) => this.cluster(cluster, seats));
    const id = typeof cluster === 'string' ? this.#idsByName.get(cluster) : cluster.id.toLowerCase();
    const fields = id === undefined ? fieldsOf(cluster) : fieldsOf({ id });
    const reply = await this.#ask(Op.GetCluster, Op.ClusterMembers, {
      ...fields,
      ClusterSize: 0,
      Which: longOf(which),
    });
    return this.#checked(() => rosterOf(reply, id, id === undefined ? undefined : this.#sizesById.get(id)));
  }

  /**
   * Yields members as they appear, and again when their tokens change (R6). Ends when the cluster is full and each seat
   * has been read since. If the size is unknown (see Roster.size), continues until aborted. An evicted member's
   * successor is yielded with the same index (R14). So the last member yielded for an index holds the seat. onLeft
   * receives seats that become empty. With memberId, rejects with NoLongerMember once that ID has left.
   */
  members(cluster: ClusterRef, options: WatchOptions = {}): AsyncGenerator<ClusterMember, void, void> {
    return endPromptly(options.signal, (signal) =>
      watchMembers((which) => untilAborted(this.cluster(cluster, which), signal), { ...options, signal }),
    );
  }

  /** Sends Bye, waits for the Ack (R12), then closes. */
  async bye(): Promise<void> {
    await this.#ask(Op.Bye, Op.Ack);
    this.close();
  }

  /** Closes at once. Pending and later requests reject with RegistryUnreachable. */
  close(): void {
    this.#channel.close();
  }

  /** For `await using`: sends Bye if still possible, then closes. Never rejects. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.bye().catch(() => {});
    this.close();
  }

  async #ask(op: Op, expected: Op, fields?: Message): Promise<Message> {
    const reply = await this.#channel.exchange({ ...fields, Op: op }).catch((error: unknown) => {
      // The next session with these credentials begins at another end point.
      if (isServerGone(error)) rememberFailed(this.#regCred, this.address);
      throw error;
    });
    if (reply.Op === expected) return reply;
    return this.#checked(() => {
      throw new ProtocolError(`the registry answered ${opName(op)} with ${opName(reply.Op as Op)}`);
    });
  }

  #remember(name: string | undefined, reply: Message): ClusterProperties {
    const cluster = this.#checked(() => propertiesOf(reply));
    if (name !== undefined) this.#idsByName.set(name, cluster.clusterId);
    this.#sizesById.set(cluster.clusterId, cluster.size);
    return cluster;
  }

  /** Ends the session if the reply is invalid. */
  #checked<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      this.#channel.close(error);
      throw error;
    }
  }
}

function fieldsOf(cluster: ClusterRef): Message {
  return typeof cluster === 'string' ? { ClusterName: cluster } : { ClusterID: idBytes(cluster.id) };
}
