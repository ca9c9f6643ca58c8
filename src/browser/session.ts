// A session of the sealed dialect over a WebSocket. IDs are lower-case hex. A request that fails ends the session.

import { ClockFault, ProtocolError, RegistryRefused } from '../client/errors.ts';
import { type JoinTokenSpec, requireJoinToken } from '../client/join-token-text.ts';
import { Op } from '../wire/op.ts';
import { type Bytes, fromHex, hex, sameBytes } from './bytes.ts';
import { specOf } from './join-token.ts';
import { Link } from './link.ts';
import { type Member, proofOf, statedToken } from './member.ts';
import type { Reply, Request } from './messages.ts';
import { type RegCred, registryKey } from './reg-cred.ts';
import { type Roster, RosterVerifier } from './roster.ts';
import { savedRosterFile } from './saved-roster.ts';
import { type WatchOptions, watchRosters } from './watch.ts';

const TIMEOUT_MS = 10_000;

/** A cluster as the registry has it. */
export interface ClusterProperties {
  /** Hex. */
  readonly clusterId: string;
  /** Number of seats, 2 to 64. */
  readonly size: number;
  /** Minimum of end points that each member has, 1 or 2. */
  readonly endPoints: number;
  /** True if the cluster may be lost when the registry restarts. */
  readonly ephemeral: boolean;
  /** The confirm time in milliseconds; 0 if none confirms, undefined if the registry does not tell. */
  readonly confirmMs: number | undefined;
}

/** Requested properties of a new cluster. The registry has the last word. */
export interface ClusterSpec {
  /** Seats, 2 to 64. */
  readonly size: number;
  /** End points required of each member, 1 or 2; default 1. */
  readonly endPoints?: number | undefined;
  /**
   * Milliseconds in which each member has to confirm once the last seat is taken, 15,000 to 3,600,000 (Q1). A member that
   * does not loses its seat. With 0, the default, a full cluster is complete.
   */
  readonly confirmMs?: number | undefined;
  /** The cluster then admits who brings one of these, and nobody else. At most 24. */
  readonly joinTokens?: readonly JoinTokenSpec[] | undefined;
}

/** Options of `connect`. */
export interface ConnectOptions {
  /** `wss://host/xlreg`, or `ws:` to localhost. From a page over https only `wss:` works. */
  readonly url: string;
  /** The member that signs in. */
  readonly member: Member;
  /** The text of a join token, for clusters that admit by tokens. */
  readonly joinToken?: string | undefined;
  /** Milliseconds to connect, and to wait for each reply; default 10,000. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Signs in at the registry of these credentials. Rejects with RegistryUnreachable, RegistryUntrusted, ClockFault or
 * RegistryRefused.
 *
 * @example
 * ```ts
 * const session = await connect(regCred, { url: 'wss://registry.example/xlreg', member });
 * await session.create('demo', { size: 2 });
 * const { clusterId } = await session.join('demo');
 * const { full, members } = await session.cluster(clusterId);
 * console.log(full, members.length);
 * await session.bye();
 * ```
 */
export async function connect(registry: RegCred, options: ConnectOptions): Promise<RegistrySession> {
  const joinToken = options.joinToken === undefined ? undefined : requireJoinToken(options.joinToken);
  const key = await registryKey(registry);
  const open = () => Link.open(registry, options.url, options.timeoutMs ?? TIMEOUT_MS);
  let link = await open();
  try {
    for (let told: bigint | undefined; ; ) {
      const token = await statedToken(options.member, registry.id, key, told);
      if (token === undefined) throw new ClockFault('the registry has a statement of this member from the future');
      const digSig = await proofOf(options.member, registry.id, link.handshakeHash, token);
      const reply = await link.exchange({ op: Op.Client, clientSpecs: token, digSig });
      if (reply.op === Op.ClientOK) {
        return new RegistrySession(link, registry, { member: options.member, seq: token.seq, key, joinToken });
      }
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
  readonly #joinToken: Bytes | undefined;
  /** Clusters that the member has joined in this session, by ID, with the round that it has still to confirm. */
  readonly #joined = new Map<string, Bytes | undefined>();
  #isWatching = false;
  /** The member's ID. */
  readonly clientId: string;

  constructor(link: Link, registry: RegCred, { member, seq, key, joinToken }: SignedIn) {
    this.#link = link;
    this.#seq = seq;
    this.#joinToken = joinToken;
    this.clientId = hex(member.id);
    this.#verifier = new RosterVerifier(member, registry.id, key);
  }

  /** Creates a cluster, or returns the one that has this name. */
  async create(clusterName: string, spec: ClusterSpec): Promise<ClusterProperties> {
    const { size: clusterSize, endPoints: endPointCount = 1, confirmMs } = spec;
    const joinTokens = await Promise.all((spec.joinTokens ?? []).map(specOf));
    const request = { op: Op.Create, clusterName, clusterSize, endPointCount, confirmMs, joinTokens };
    return propertiesOf(await this.#ask(request, Op.CreateReply));
  }

  /** Takes a seat, or keeps the one this member has. */
  async join(clusterName: string): Promise<ClusterProperties> {
    return await this.#join({ clusterName });
  }

  /** Gives the seat back, if there is one. The member may join again. */
  async leave(clusterName: string): Promise<void> {
    const { clusterId } = await this.#ask({ op: Op.Leave, clusterName }, Op.LeaveReply);
    if (clusterId !== undefined) this.#joined.delete(hex(clusterId));
  }

  /**
   * All members of a cluster, given by its ID, each verified or not. Confirms for this member if the cluster is forming,
   * the second time it is called: the first one tells the round.
   */
  async cluster(clusterId: string): Promise<Roster> {
    const id = idOf(clusterId);
    return await this.#verifier.roster({ ...(await this.#members(id)), clusterId: id });
  }

  /**
   * Yields the roster of a cluster, given by its ID, at once and after each change, until the cluster is complete. Confirms
   * for this member meanwhile. The registry holds its answers back until there is news; one that cannot is polled. A
   * session has one watch at a time; another request of the session passes it. A member whose round has passed without it
   * joins again, which throws RegistryRefused if its seat is taken. Throws NoLongerMember after any other loss.
   *
   * @example
   * for await (const { members, complete } of session.watch(clusterId)) console.log(members.length, complete);
   */
  async *watch(clusterId: string, options: WatchOptions = {}): AsyncGenerator<Roster, void, void> {
    const id = idOf(clusterId);
    if (this.#isWatching) throw new TypeError('this session watches a cluster already');
    this.#isWatching = true;
    const source = {
      maxWaitMs: this.#link.maxWaitMs,
      isMember: () => this.#joined.has(hex(id)),
      ask: (fields: Omit<Request, 'op'>) => this.#members(id, fields),
      rejoin: async () => void (await this.#join({ clusterId: id })),
    };
    try {
      for await (const reply of watchRosters(source, id, options)) yield await this.#verifier.roster(reply);
    } finally {
      this.#isWatching = false;
    }
  }

  /**
   * The file of a complete cluster's roster, signed by the registry. verifySavedRoster() and `xlreg verify` check it
   * without the registry.
   */
  async savedRoster(clusterId: string): Promise<Bytes> {
    const request = { op: Op.GetRoster, clusterId: idOf(clusterId), joinToken: this.#joinToken };
    return savedRosterFile(await this.#ask(request, Op.SavedRoster));
  }

  /** Ends the session in order, then closes. */
  async bye(): Promise<void> {
    await this.#ask({ op: Op.Bye }, Op.Ack);
    this.close();
  }

  /** Closes the connection at once. Pending requests reject with RegistryUnreachable. */
  close(): void {
    this.#link.close();
  }

  async #join(cluster: Pick<Request, 'clusterName' | 'clusterId'>): Promise<ClusterProperties> {
    const reply = await this.#ask({ op: Op.Join, ...cluster, joinToken: this.#joinToken }, Op.JoinReply);
    const joined = propertiesOf(reply);
    this.#joined.set(joined.clusterId, reply.round);
    await this.#verifier.acknowledge(joined.clusterId, this.#seq);
    return joined;
  }

  /** Sends a GetCluster, which confirms the last round that was told until the own bit is set (Q4). */
  async #members(clusterId: Bytes, fields: Omit<Request, 'op'> = {}): Promise<Reply> {
    const key = hex(clusterId);
    const common = { op: Op.GetCluster, clusterId, clusterSize: 0, joinToken: this.#joinToken };
    const reply = await this.#ask({ ...common, round: this.#joined.get(key), ...fields }, Op.ClusterMembers);
    if (reply.clusterId !== undefined && !sameBytes(reply.clusterId, clusterId)) {
      throw new ProtocolError('the registry sent another cluster');
    }
    const { yourSeat = 0, confirmed = 0n, round } = reply;
    const isConfirmed = ((confirmed >> BigInt(yourSeat)) & 1n) === 1n;
    if (this.#joined.has(key)) this.#joined.set(key, isConfirmed ? undefined : round);
    return reply;
  }

  async #ask(request: Request, expected: number): Promise<Reply> {
    const reply = await this.#link.exchange(request);
    if (reply.op === expected) return reply;
    this.close();
    throw refusedBy(reply);
  }
}

/** The member of a session, and its secrets. */
interface SignedIn {
  readonly member: Member;
  /** Sequence number of the statement that it has signed in with. */
  readonly seq: bigint;
  /** Names the registry in stores. */
  readonly key: string;
  readonly joinToken: Bytes | undefined;
}

/** Throws TypeError. */
function idOf(clusterId: string): Bytes {
  const id = fromHex(clusterId);
  if (id === undefined) throw new TypeError('a cluster ID is hexadecimal');
  return id;
}

function refusedBy({ op, errDesc = '', code, retryable, retryAfterMs }: Reply): Error {
  if (op === Op.Error) return new RegistryRefused(errDesc, { code, retryable, retryAfterMs });
  return new ProtocolError('the registry answered another question');
}

function propertiesOf({ clusterId, clusterSize, clusterAttrs, endPointCount, confirmMs }: Reply): ClusterProperties {
  if (clusterId === undefined || clusterSize === undefined) throw new ProtocolError('a reply lacks a field');
  const ephemeral = ((clusterAttrs ?? 0n) & 1n) !== 0n;
  return { clusterId: hex(clusterId), size: clusterSize, endPoints: endPointCount ?? 1, ephemeral, confirmMs };
}
