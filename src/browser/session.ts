// A session of the sealed dialect over a WebSocket. IDs are lower-case hex. A request that fails ends the session.

import {
  ClockFault,
  ProtocolError,
  RegistryRefused,
  RegistryUnreachable,
  RegistryUntrusted,
  TURNED_AWAY,
} from '../client/errors.ts';
import { SEAL_CERT_SKEW_SECONDS, SEALED_PART_BYTES_MAX, SEALED_REPLY_BYTES_MAX } from '../limits.ts';
import { Op } from '../wire/op.ts';
import { type Bytes, concat, fromHex, hex, sameBytes, utf8, viewOf } from './bytes.ts';
import { type Member, proofOf, statedToken } from './member.ts';
import { decodeReply, encodeRequest, type Reply, type Request } from './messages.ts';
import { Handshake, type Transport } from './noise.ts';
import { mac1, type RegCred, registryKey } from './reg-cred.ts';
import { type Roster, RosterVerifier } from './roster.ts';
import { verifyPss } from './rsa.ts';
import { MessageSocket } from './web-socket.ts';

const PROLOGUE = utf8('xlReg sealed 1\r\n');
/** Bytes of a certificate in front of its signature. */
const CERT_BODY_BYTES = 30;
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

/** An encrypted connection: one exchange at a time, the others queue. */
class Link {
  readonly #socket: MessageSocket;
  readonly #transport: Transport;
  readonly #maxMessage: number;
  readonly #timeoutMs: number;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(socket: MessageSocket, transport: Transport, maxMessage: number, timeoutMs: number) {
    this.#socket = socket;
    this.#transport = transport;
    this.#maxMessage = maxMessage;
    this.#timeoutMs = timeoutMs;
  }

  static async open(registry: RegCred, url: string, timeoutMs: number): Promise<Link> {
    const socket = await MessageSocket.open(url, timeoutMs);
    try {
      const handshake = await Handshake.begin(PROLOGUE);
      const message1 = await handshake.writeMessage1(await mac1(registry, handshake.e));
      socket.send(concat(PROLOGUE, message1));
      const message2 = await socket.next(timeoutMs).catch((cause: unknown) => {
        const why = `it is an old registry, has another sig key than these credentials, or ${TURNED_AWAY}`;
        throw new RegistryUnreachable(`no reply to the Hello: ${why}`, { cause });
      });
      const transport = await handshake.readMessage2(message2).catch((cause: unknown) => {
        throw new RegistryUntrusted('its HelloReply does not answer this Hello', { cause });
      });
      return new Link(socket, transport, await checkCert(registry, transport), timeoutMs);
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  get handshakeHash(): Bytes {
    return this.#transport.h;
  }

  /** Sends a request and returns its reply. Calls are served in order. */
  exchange(request: Request): Promise<Reply> {
    const exchange = this.#last.then(() => this.#exchangeNow(request));
    this.#last = exchange.catch(() => {});
    return exchange;
  }

  async #exchangeNow(request: Request): Promise<Reply> {
    const bytes = encodeRequest(request);
    if (bytes.length > this.#maxMessage) throw new TypeError(`a request of more than ${this.#maxMessage} bytes`);
    try {
      this.#socket.send(await this.#transport.send.encrypt(concat(Uint8Array.of(0), bytes)));
      return decodeReply(await this.#nextMessage());
    } catch (error) {
      this.close();
      if (error instanceof RegistryUnreachable) throw error;
      throw new ProtocolError('the registry sent what the protocol does not allow', { cause: error });
    }
  }

  async #nextMessage(): Promise<Bytes> {
    const parts: Bytes[] = [];
    for (let length = 0; length <= SEALED_REPLY_BYTES_MAX; ) {
      const plain = await this.#transport.receive.decrypt(await this.#socket.next(this.#timeoutMs));
      const [flag] = plain;
      const part = plain.subarray(1);
      if (flag !== 0 && (flag !== 1 || part.length !== SEALED_PART_BYTES_MAX))
        throw new Error('a frame breaks the rules');
      length += part.length;
      parts.push(part);
      if (flag === 0) return concat(...parts);
    }
    throw new Error('a reply is too long');
  }

  close(): void {
    this.#socket.close();
  }
}

/** Checks that the registry's signature key has certified the other side. Returns the bound of a message. */
async function checkCert(registry: RegCred, { rs, payload }: Transport): Promise<number> {
  const body = payload.subarray(0, CERT_BODY_BYTES);
  const length = Uint8Array.of(0, registry.id.length);
  const signed = concat(utf8('xlReg sealed key 1\0'), length, registry.id, rs, body);
  const genuine =
    payload.length > CERT_BODY_BYTES &&
    body[0] === 1 &&
    (await verifyPss(registry.sigKey, signed, payload.subarray(CERT_BODY_BYTES)));
  if (!genuine) throw new RegistryUntrusted('the sig key of these credentials has not certified it');
  const view = viewOf(body);
  const [notBefore, notAfter] = [Number(view.getBigUint64(2)), Number(view.getBigUint64(10))];
  const now = Math.floor(Date.now() / 1_000);
  if (now < notBefore - SEAL_CERT_SKEW_SECONDS || now > notAfter + SEAL_CERT_SKEW_SECONDS) {
    const [own, from, to] = [now, notBefore, notAfter].map((seconds) => new Date(seconds * 1_000).toISOString());
    throw new ClockFault(
      `one clock is wrong: here it is ${own}, and the registry's key is valid from ${from} to ${to}`,
    );
  }
  return view.getUint32(18);
}
