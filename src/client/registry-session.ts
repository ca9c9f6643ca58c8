// A session with a registry: one method for each request. IDs are lower-case hex throughout. Every request rejects with
// RegistryRefused, RegistryUnreachable or ProtocolError, and then the session has ended.
import { createPublicKey } from 'node:crypto';
import type { SessionDialect } from '../wire/hello.ts';
import { bigintOf, longOf, type Message, Op, opName } from '../wire/message.ts';
import { printable } from '../wire/printable.ts';
import type { RegCred } from '../wire/reg-cred.ts';
import { exportSpki } from '../wire/rsa-key.ts';
import { printVersion } from '../wire/version.ts';
import type { Channel } from './channel.ts';
import {
  ALL_MEMBERS,
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
import { assertSize, createFields } from './create-message.ts';
import { type Credentials, credentialsIn, isEqual } from './credentials.ts';
import { untilAborted } from './deadline.ts';
import { rememberFailed } from './end-point-order.ts';
import { isServerGone, ProtocolError } from './errors.ts';
import type { Handshake } from './handshake.ts';
import { assertHomeAllows, noteSealed } from './home-notes.ts';
import { type IdentifyBy, oldIdentity, sealedIdentity, seqToPass } from './identity-message.ts';
import { type JoinTokenState, specMessage, stateOf } from './join-token.ts';
import type { Member } from './member.ts';
import type { ReceivedMessage } from './message-codec.ts';
import { withObservedAddress } from './observed-address.ts';
import { endPromptly } from './prompt-end.ts';
import { type ChangesRequest, changesFields, changesIn, type RosterChanges } from './roster-changes.ts';
import { printableRoster, rosterJson } from './roster-json.ts';
import { RoundsToConfirm } from './rounds.ts';
import {
  type RosterMemory,
  type SavedRoster,
  SavedRosterError,
  savedRosterFile,
  verifySavedRoster,
} from './saved-roster.ts';
import { memoryOf, sealedId } from './statements.ts';
import { RosterVerifier } from './verification.ts';
import { type MemberWatch, membersOf, type WatchSource, watch } from './watch.ts';
import type { WatchOptions } from './watch-members.ts';

/** The client's identity, as the registry confirms it. */
export interface ClientIdentity {
  /** Hex, 40 or 64 digits (T3). */
  readonly id: string;
  /** Bits: 1 ephemeral, 2 admin, 4 solo (T9). */
  readonly attrs: bigint;
  /** The end points presented, if the member has `auto:` ones. */
  readonly endPoints?: readonly string[];
}

/** A roster to keep. */
export interface FetchedRoster {
  /** The file, for verifySavedRoster(). */
  readonly bytes: Uint8Array;
  /** The same roster, verified. */
  readonly roster: SavedRoster;
}

/** A connection after its handshake. */
export interface Link {
  readonly handshake: Handshake;
  readonly channel: Channel;
}

/** One session, from Hello to Bye; opened by connect(). A pending request keeps the process alive, an idle session does not. */
export class RegistrySession {
  /** Address where the registry was reached: `HOST:PORT` or a WebSocket URL. */
  readonly address: string;
  /** The dialect that both sides speak. */
  readonly dialect: SessionDialect;
  /** Protocol version of the registry, from its HelloReply (H5); undefined in `sealed`, where credentials() tells it. */
  readonly version: string | undefined;
  readonly #regCred: RegCred;
  readonly #reopen: () => Promise<Link>;
  /** Field of Join, GetCluster and GetRoster. */
  readonly #joinToken: Pick<Message, 'JoinToken'>;
  #link: Link;
  /** Verifies rosters, in `sealed`, once the client is identified. */
  #verifier: RosterVerifier | undefined;
  /** The seq that this session has registered; undefined if it has not registered a statement. */
  #seq: number | undefined;
  /** Settles when identify() has, so that later requests come behind it. Never rejects. */
  #identifying: Promise<unknown> = Promise.resolve();
  #closed = false;
  /**
   * Clusters that this session created or joined. Older servers neither find them by name nor tell their size (R7,
   * R11).
   */
  readonly #idsByName = new Map<string, string>();
  readonly #sizesById = new Map<string, number>();
  readonly #rounds = new RoundsToConfirm();
  /** The client's ID, once it is identified. */
  #clientId: string | undefined;

  /** `reopen` opens another connection to the same address. */
  constructor(regCred: RegCred, link: Link, address: string, reopen: () => Promise<Link>, joinToken?: Uint8Array) {
    const { dialect, version } = link.handshake;
    this.address = address;
    this.dialect = dialect;
    this.version = version === undefined ? undefined : printVersion(version);
    this.#regCred = regCred;
    this.#link = link;
    this.#reopen = reopen;
    this.#joinToken = joinToken ? { JoinToken: joinToken } : {};
  }

  /**
   * Requests the registry's credentials (S6). Rejects with RegistryUntrusted unless ID and signature key match the
   * client's credentials and, in the RSA dialects, that key has signed the reply. The reply may announce a new comms key.
   * Allowed at any time.
   */
  async credentials(): Promise<Credentials> {
    await this.#identifying;
    return await this.#credentialsNow();
  }

  /**
   * Identifies the client: once a session, before any request but credentials().
   * By `token`, the default: a new member is registered. A member with an ID returns with its current name, end points
   * and attrs (T3, T11). By `id`: a member returns as the registry knows it (T10). Throws TypeError for `id` if the
   * member has no ID. In `sealed`, if the registry has a newer statement of the member, connects and signs once more.
   * Rejects with MemberHomeError if the member's home forbids this session, with EndPointUnknown for an `auto:` end point
   * that no address can replace.
   */
  identify(member: Member, by: IdentifyBy = 'token'): Promise<ClientIdentity> {
    const identity = this.#identifying.then(() => this.#identifyNow(member, by));
    this.#identifying = identity.catch(() => {});
    return identity;
  }

  async #identifyNow(member: Member, by: IdentifyBy): Promise<ClientIdentity> {
    if (by === 'id' && member.id === undefined) throw new TypeError(`member ${member.name} has no ID yet`);
    if (member.id !== undefined) idBytes(member.id);
    await assertHomeAllows(member, this.#regCred, this.dialect);
    const presented = await withObservedAddress(member, this.dialect, () => this.#credentialsNow());
    const sealed = this.dialect === 'sealed';
    const { ClientID, ClientAttrs } = sealed
      ? await this.#identifySealed(presented, by)
      : await this.#askNow(Op.Client, Op.ClientOK, oldIdentity(presented, by, this.#link.handshake.binding));
    const id = sealed ? sealedId(presented) : presented.id;
    const { endPoints } = presented;
    const identity = this.#checked(() => {
      if (id !== undefined && !isEqual(ClientID, idBytes(id)))
        throw new ProtocolError('the registry confirmed another ID than the one presented');
      const attrs = ClientAttrs ? bigintOf(ClientAttrs) : member.attrs;
      return printable({ id: hexId(ClientID), attrs, ...(presented !== member && { endPoints }) });
    });
    this.#clientId = identity.id;
    if (sealed) await this.#identified(presented, identity.id);
    return identity;
  }

  /**
   * Creates a cluster, or finds the one of this name; `existed` tells which in `sealed` (R15). The result may differ from
   * the spec (R1, R4). Rejects with ClusterDiffers if a cluster of this name has another size. By default in `sealed`
   * each member confirms within 30 s (Q1): set `confirmMs` to 0 if members do not watch.
   */
  async create(name: string, spec: ClusterSpec): Promise<ClusterProperties> {
    if (spec.joinTokens?.length) this.#assertSealed('join tokens');
    const fields = createFields(name, spec, this.dialect);
    const cluster = this.#remember(name, await this.#ask(Op.Create, Op.CreateReply, fields));
    assertSize(name, spec.size, cluster);
    return cluster;
  }

  /**
   * Joins a cluster; a repeated Join keeps the seat. The membership is on the registry's disk when this resolves (R6).
   */
  async join(cluster: ClusterRef): Promise<ClusterProperties> {
    const id = this.#idOf(cluster);
    const fields = { ...fieldsOf(cluster), ...this.#rounds.fieldsFor(id), ...this.#joinToken };
    const reply = await this.#ask(Op.Join, Op.JoinReply, fields);
    const joined = this.#remember(typeof cluster === 'string' ? cluster : undefined, reply);
    this.#rounds.told(joined.clusterId, reply);
    if (this.#seq !== undefined) await this.#verifier?.acknowledge(joined.clusterId, this.#seq);
    return joined;
  }

  /**
   * Gives the own seat in a cluster back (A8). No error if there is none. The seat is empty on the registry's disk when
   * this resolves. Rejects with TypeError unless the session is of the dialect `sealed`.
   */
  async leave(cluster: ClusterRef): Promise<void> {
    this.#assertSealed('Leave');
    await this.#ask(Op.Leave, Op.LeaveReply, fieldsOf(cluster));
  }

  /**
   * Adds join tokens to a cluster that this member made with join tokens, at most 24 at once, or revokes tokens by their
   * hashes of 64 hex digits; with neither it changes nothing (A7). Resolves to the tokens that the cluster then has. Equal
   * when repeated. Rejects with TypeError unless the session is of the dialect `sealed`.
   */
  async changeJoinTokens(
    cluster: ClusterRef,
    { add = [], revoke = [] }: { readonly add?: ClusterSpec['joinTokens']; readonly revoke?: readonly string[] } = {},
  ): Promise<JoinTokenState[]> {
    this.#assertSealed('join tokens');
    const reply = await this.#ask(Op.ChangeTokens, Op.TokensReply, {
      ...fieldsOf(cluster),
      JoinTokens: add.map(specMessage),
      TokenHashes: revoke.map((hash) => Buffer.from(hash, 'hex')),
    });
    return this.#checked(() => (reply.JoinTokens ?? []).map(stateOf));
  }

  /**
   * Returns the members of a cluster. Without `which`, all of them, in as many GetClusters as necessary. With `which`,
   * one GetCluster for these seats, whose reply may not have room for all (R9). Bit i of `which` is seat i. A name
   * finds clusters that this session created or joined; on this project's registry it finds every cluster. In `sealed`
   * each member has a verdict, and the newest statements are in the home when this resolves.
   */
  async cluster(cluster: ClusterRef, which?: bigint): Promise<Roster> {
    if (which === undefined)
      return printableRoster(await wholeRoster((seats) => this.cluster(cluster, seats)), rosterJson);
    const id = this.#idOf(cluster);
    const fields = id === undefined ? fieldsOf(cluster) : fieldsOf({ id });
    const reply = await this.#ask(Op.GetCluster, Op.ClusterMembers, {
      ...fields,
      ClusterSize: 0,
      Which: longOf(which),
      ...this.#rounds.fieldsFor(id),
      ...this.#joinToken,
    });
    const roster = this.#checked(() => rosterOf(reply, id, this.#sizeOf(id)));
    this.#rounds.told(roster.clusterId, reply, roster, this.#clientId);
    return printableRoster((await this.#verifier?.verify(roster, reply.Tokens ?? [])) ?? roster);
  }

  /** Longest wait of changes() in milliseconds; 0: the registry answers at once. */
  get maxWaitMs(): number {
    return this.#link.handshake.maxWaitMs;
  }

  /**
   * Asks what is newer than a version of a cluster, and may wait for it (V5). Only in the sealed dialect. Any later
   * request of this session ends the wait.
   */
  async changes(cluster: ClusterRef, request: ChangesRequest): Promise<RosterChanges> {
    const { known, waitMs } = request;
    const id = known?.clusterId ?? this.#idOf(cluster);
    const named = id === undefined ? fieldsOf(cluster) : fieldsOf({ id });
    const carried = { ...this.#rounds.fieldsFor(id), ...this.#joinToken };
    const asked = { ...named, ...changesFields(request), ...carried, ClusterSize: 0, Which: longOf(ALL_MEMBERS) };
    const reply = await this.#ask(Op.GetCluster, Op.ClusterMembers, asked, known && waitMs);
    const roster = this.#checked(() => rosterOf(reply, id, this.#sizeOf(id)));
    this.#rounds.told(roster.clusterId, reply, roster, this.#clientId);
    const verified = (await this.#verifier?.verify(roster, reply.Tokens ?? [])) ?? roster;
    return printableRoster(changesIn(reply, verified));
  }

  #idOf(cluster: ClusterRef): string | undefined {
    return typeof cluster === 'string' ? this.#idsByName.get(cluster) : cluster.id.toLowerCase();
  }

  #sizeOf(id: string | undefined): number | undefined {
    return id === undefined ? undefined : this.#sizesById.get(id);
  }

  /**
   * Fetches the signed roster of a complete cluster (W3) and verifies it as verifySavedRoster() does. `sealed` only.
   * A higher term makes older statements of its members a warning (ClusterMember.restored). Rejects with SavedRosterError,
   * too; the RegistryRefused of a cluster that is not complete is retryable.
   */
  async savedRoster(cluster: ClusterRef, memory?: RosterMemory): Promise<FetchedRoster> {
    this.#assertSealed('GetRoster');
    const reply = await this.#ask(Op.GetRoster, Op.SavedRoster, { ...fieldsOf(cluster), ...this.#joinToken });
    const bytes = savedRosterFile(reply);
    // Noted only if it is of the cluster that was asked for.
    const { cluster: name, clusterId } = await verifySavedRoster(bytes, this.#regCred);
    if (typeof cluster === 'string' ? name !== cluster : clusterId !== cluster.id.toLowerCase()) {
      throw new SavedRosterError('registry', 'the registry sent the roster of another cluster');
    }
    const roster = await verifySavedRoster(bytes, this.#regCred, memory);
    await this.#verifier?.learnTerm(clusterId, roster.term);
    return { bytes, roster };
  }

  /**
   * Yields members as they appear, and again when their tokens change (R6). Ends when the cluster is full and each seat
   * has been read since. If the size is unknown (see Roster.size), continues until aborted. An evicted member's
   * successor is yielded with the same index (R14). So the last member yielded for an index holds the seat. onLeft
   * receives seats that become empty. With memberId, rejects with NoLongerMember once that ID has left.
   */
  members(cluster: ClusterRef, options: WatchOptions = {}): MemberWatch {
    return endPromptly(options.signal, (signal) => {
      const source: WatchSource = {
        isSealed: this.dialect === 'sealed',
        maxWaitMs: this.maxWaitMs,
        cluster: (which) => untilAborted(this.cluster(cluster, which), signal),
        changes: (request) => untilAborted(this.changes(cluster, request), signal),
      };
      return membersOf(watch(source, { ...options, signal }));
    });
  }

  /** Sends Bye, waits for the Ack (R12), then closes. */
  async bye(): Promise<void> {
    await this.#ask(Op.Bye, Op.Ack);
    this.close();
  }

  /** Closes at once. Pending and later requests reject with RegistryUnreachable. */
  close(): void {
    this.#closed = true;
    this.#link.channel.close();
  }

  /** For `using`: closes at once, without Bye. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** For `await using`: sends Bye if still possible, then closes. Never rejects. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.bye().catch(() => {});
    this.close();
  }

  #assertSealed(what: string): void {
    if (this.dialect !== 'sealed') throw new TypeError(`the dialect ${this.dialect} has no ${what}; sealed has`);
  }

  async #ask(op: Op, expected: Op, fields?: Message, waitMs?: number): Promise<ReceivedMessage> {
    await this.#identifying;
    return await this.#askNow(op, expected, fields, waitMs);
  }

  async #credentialsNow(): Promise<Credentials> {
    const reply = await this.#askNow(Op.RegCredRequest, Op.RegCredReply);
    return this.#checked(() => credentialsIn(reply, this.#regCred, this.dialect));
  }

  async #askNow(op: Op, expected: Op, fields?: Message, waitMs?: number): Promise<ReceivedMessage> {
    const reply = await this.#link.channel.exchange({ ...fields, Op: op }, waitMs).catch((error: unknown) => {
      // The next session with these credentials begins at another end point.
      if (isServerGone(error)) rememberFailed(this.#regCred, this.address);
      throw error;
    });
    if (reply.Op === expected) return reply;
    return this.#checked(() => {
      throw new ProtocolError(`the registry answered ${opName(op)} with ${opName(reply.Op as Op)}`);
    });
  }

  /** Sends Client. If the registry has a newer statement, connects again and signs above it, once. */
  async #identifySealed(member: Member, by: IdentifyBy): Promise<Message> {
    for (let told: number | undefined; ; ) {
      const { fields, seq } = await sealedIdentity(member, by, this.#regCred, this.#link.handshake.binding, told);
      try {
        const reply = await this.#askNow(Op.Client, Op.ClientOK, fields);
        this.#seq = seq;
        return reply;
      } catch (error) {
        const recorded = seqToPass(error, seq);
        if (told !== undefined || recorded === undefined) throw error;
        told = recorded;
      }
      this.#link = await this.#reopen();
      if (this.#closed) this.#link.channel.close();
    }
  }

  async #identified(member: Member, id: string): Promise<void> {
    await noteSealed(member, this.#regCred);
    const sigKey = exportSpki(createPublicKey(member.sigKey));
    this.#verifier = new RosterVerifier({ registryId: this.#regCred.id, id, sigKey, memory: memoryOf(member) });
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
      this.#link.channel.close(error);
      throw error;
    }
  }
}

function fieldsOf(cluster: ClusterRef): Message {
  return typeof cluster === 'string' ? { ClusterName: cluster } : { ClusterID: idBytes(cluster.id) };
}
