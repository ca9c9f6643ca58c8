// A session of the sealed dialect over a WebSocket. IDs are lower-case hex. A request that fails ends the session.

import { ClockFault, ProtocolError, RegistryRefused } from '../client/errors.ts';
import { Op } from '../wire/op.ts';
import { fromHex, hex, sameBytes } from './bytes.ts';
import { Link } from './link.ts';
import { type Member, proofOf, statedToken } from './member.ts';
import type { Reply, Request } from './messages.ts';
import { type RegCred, registryKey } from './reg-cred.ts';
import { type Roster, RosterVerifier } from './roster.ts';

const TIMEOUT_MS = 10_000;

/** A cluster as the registry has it. */
export interface ClusterProperties {
  readonly clusterId: string;
  readonly size: number;
  readonly endPoints: number;
  readonly ephemeral: boolean;
}

/** Options of `connect`. */
export interface ConnectOptions {
  /** `wss://host/xlreg`, or `ws:` to localhost. From a page over https only `wss:` works. */
  readonly url: string;
  readonly member: Member;
  /** Milliseconds to connect, and to wait for each reply; default 10,000. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Signs in at the registry of these credentials. Rejects with RegistryUnreachable, RegistryUntrusted, ClockFault or
 * RegistryRefused.
 *
 * @example
 * const session = await connect(await parseRegCred(text), { url: 'wss://registry.example/xlreg', member });
 */
export async function connect(registry: RegCred, options: ConnectOptions): Promise<RegistrySession> {
  const key = await registryKey(registry);
  const open = () => Link.open(registry, options.url, options.timeoutMs ?? TIMEOUT_MS);
  let link = await open();
  try {
    for (let told: bigint | undefined; ; ) {
      const token = await statedToken(options.member, registry.id, key, told);
      if (token === undefined) throw new ClockFault('the registry has a statement of this member from the future');
      const digSig = await proofOf(options.member, registry.id, link.handshakeHash, token);
      const reply = await link.exchange({ op: Op.Client, clientSpecs: token, digSig });
      if (reply.op === Op.ClientOK) return new RegistrySession(link, registry, options.member, token.seq, key);
      if (reply.recordedSeq === undefined || told !== undefined) throw refusedBy(reply);
      // The registry has a newer statement, as after a restore of this browser. Sign above it, once.
      told = reply.recordedSeq;
      link.close();
      link = await open();
    }
  } catch (error) {
    link.close();
    throw error;
  }
}

/** A signed-in session. */
export class RegistrySession {
  readonly #link: Link;
  readonly #verifier: RosterVerifier;
  readonly #seq: bigint;
  /** The member's ID. */
  readonly clientId: string;

  constructor(link: Link, registry: RegCred, member: Member, seq: bigint, key: string) {
    this.#link = link;
    this.#seq = seq;
    this.clientId = hex(member.id);
    this.#verifier = new RosterVerifier(member, registry.id, key);
  }

  /** Creates a cluster, or returns the one that has this name. */
  async create(clusterName: string, spec: { size: number; endPoints?: number }): Promise<ClusterProperties> {
    const { size: clusterSize, endPoints: endPointCount = 1 } = spec;
    return propertiesOf(await this.#ask({ op: Op.Create, clusterName, clusterSize, endPointCount }, Op.CreateReply));
  }

  /** Takes a seat, or keeps the one this member has. */
  async join(clusterName: string): Promise<ClusterProperties> {
    const cluster = propertiesOf(await this.#ask({ op: Op.Join, clusterName }, Op.JoinReply));
    await this.#verifier.acknowledge(cluster.clusterId, this.#seq);
    return cluster;
  }

  /** All members of a cluster, given by its ID, each verified or not. */
  async cluster(clusterId: string): Promise<Roster> {
    const id = fromHex(clusterId);
    if (id === undefined) throw new TypeError('a cluster ID is hexadecimal');
    const reply = await this.#ask({ op: Op.GetCluster, clusterId: id, clusterSize: 0 }, Op.ClusterMembers);
    if (reply.clusterId !== undefined && !sameBytes(reply.clusterId, id)) {
      throw new ProtocolError('the registry sent another cluster');
    }
    return await this.#verifier.roster({ ...reply, clusterId: id });
  }

  /** Ends the session in order, then closes. */
  async bye(): Promise<void> {
    await this.#ask({ op: Op.Bye }, Op.Ack);
    this.close();
  }

  close(): void {
    this.#link.close();
  }

  async #ask(request: Request, expected: number): Promise<Reply> {
    const reply = await this.#link.exchange(request);
    if (reply.op === expected) return reply;
    this.close();
    throw refusedBy(reply);
  }
}

function refusedBy(reply: Reply): Error {
  if (reply.op === Op.Error) return new RegistryRefused(reply.errDesc ?? '');
  return new ProtocolError('the registry answered another question');
}

function propertiesOf({ clusterId, clusterSize, clusterAttrs, endPointCount }: Reply): ClusterProperties {
  if (clusterId === undefined || clusterSize === undefined) throw new ProtocolError('a reply lacks a field');
  const ephemeral = ((clusterAttrs ?? 0n) & 1n) !== 0n;
  return { clusterId: hex(clusterId), size: clusterSize, endPoints: endPointCount ?? 1, ephemeral };
}
