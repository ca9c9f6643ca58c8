// Streams for a member that has joined: keeps the roster of its cluster, verified, for listener and diallers.
import { printable } from '../../wire/printable.ts';
import type { RegCred } from '../../wire/reg-cred.ts';
import type { ClusterMember, ClusterRef } from '../cluster.ts';
import { type ConnectOptions, connect } from '../connect.ts';
import type { Member } from '../member.ts';
import type { RegistrySession } from '../registry-session.ts';
import { publicSealKey } from '../statements.ts';
import { MemberStreams } from './member-streams.ts';
import type { PeerDirectory, StreamPeer } from './peer-directory.ts';

/** Milliseconds between two looks at the roster. */
const POLL_MS = 5_000;

/** Options of `openStreams`; those of a connection apply to the registry, whose dialect is `sealed`. */
export interface OpenStreamsOptions extends Omit<ConnectOptions, 'dialect' | 'signal'> {
  /** Milliseconds between two looks at the roster, so that members who leave are cut off; default 5,000. */
  readonly pollMs?: number | undefined;
}

/**
 * Opens the streams of a member in a cluster that it has joined. Fetches the roster, and goes on to fetch it until
 * `close`; while the registry is away the last roster counts. Rejects as connect() and cluster() do, and with a
 * TypeError if the member has no key for streams.
 *
 * @example
 * ```ts
 * await using streams = await openStreams(regCred, member, 'demo');
 * streams.on('stream', (stream) => stream.pipe(stream));
 * await streams.listen({ port: 0, host: '127.0.0.1' });
 * ```
 */
export async function openStreams(
  regCred: RegCred,
  member: Member,
  cluster: ClusterRef,
  options: OpenStreamsOptions = {},
): Promise<MemberStreams> {
  const roster = new LiveRoster(regCred, member, cluster, options);
  try {
    await roster.refresh();
    return new MemberStreams(roster.directory(), () => roster.close());
  } catch (error) {
    await roster.close();
    throw error;
  }
}

/** The roster of one cluster, fetched over one session, which is opened anew when it is lost. */
class LiveRoster {
  readonly #regCred: RegCred;
  readonly #member: Member;
  readonly #options: OpenStreamsOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #listeners = new Set<() => void>();
  #cluster: ClusterRef;
  #clusterId = '';
  #peers = new Map<string, StreamPeer>();
  #session: RegistrySession | undefined;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(regCred: RegCred, member: Member, cluster: ClusterRef, options: OpenStreamsOptions) {
    this.#regCred = regCred;
    this.#member = member;
    this.#cluster = cluster;
    this.#options = options;
    // A failed look changes nothing; the next one comes anyway.
    this.#timer = setInterval(() => void this.refresh().catch(() => {}), options.pollMs ?? POLL_MS).unref();
  }

  /** One fetch at a time; calls meanwhile share it. */
  refresh(): Promise<void> {
    this.#running ??= this.#fetch().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#running?.catch(() => {});
    await this.#session?.[Symbol.asyncDispose]();
  }

  directory(): PeerDirectory {
    const { id, sealKey } = this.#member;
    if (id === undefined || sealKey === undefined) {
      throw new TypeError(`member ${this.#member.name} has no key for streams: it belongs to an RSA dialect`);
    }
    return {
      registryId: this.#regCred.id,
      clusterId: Buffer.from(this.#clusterId, 'hex'),
      self: { id: Buffer.from(id, 'hex'), sealKeyPair: { privateKey: sealKey, publicKey: publicSealKey(sealKey) } },
      find: (peer) => this.#peers.get(Buffer.from(peer).toString('hex')),
      refresh: () => this.refresh(),
      members: () => [...this.#peers.values()],
      onChange: (changed) => {
        this.#listeners.add(changed);
        return () => void this.#listeners.delete(changed);
      },
    };
  }

  async #fetch(): Promise<void> {
    try {
      this.#session ??= await this.#openSession();
      const { clusterId, members } = await this.#session.cluster(this.#cluster);
      if (this.#closed) return;
      [this.#cluster, this.#clusterId] = [{ id: clusterId }, clusterId];
      this.#peers = new Map(members.map((member) => [member.id, peerOf(member)]));
      for (const changed of [...this.#listeners]) changed();
    } catch (error) {
      this.#session?.close();
      this.#session = undefined;
      throw error;
    }
  }

  async #openSession(): Promise<RegistrySession> {
    const session = await connect(this.#regCred, { ...this.#options, dialect: 'sealed' });
    try {
      await session.identify(this.#member, 'id');
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }
}

function peerOf({ name, id, endPoints, sealKey, verified }: ClusterMember): StreamPeer {
  return printable({ name, id: Buffer.from(id, 'hex'), endPoints, sealKey, verified });
}
