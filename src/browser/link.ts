// An encrypted connection to a registry over a WebSocket: handshake, certificate, and messages.

import { ClockFault, ProtocolError, RegistryUnreachable, RegistryUntrusted, TURNED_AWAY } from '../client/errors.ts';
import { SEAL_CERT_SKEW_SECONDS, SEALED_PART_BYTES_MAX, SEALED_REPLY_BYTES_MAX } from '../limits.ts';
import { type Bytes, concat, utf8, viewOf } from './bytes.ts';
import { decodeReply, encodeRequest, type Reply, type Request } from './messages.ts';
import { Handshake, type Transport } from './noise.ts';
import { mac1, type RegCred } from './reg-cred.ts';
import { verifyPss } from './rsa.ts';
import { MessageSocket } from './web-socket.ts';

const PROLOGUE = utf8('xlReg sealed 1\r\n');
/** Bytes of a certificate in front of its signature. */
const CERT_BODY_BYTES = 30;

/** Limits that the registry's certificate tells. */
interface Certified {
  /** Bytes of a request at most. */
  readonly maxMessage: number;
  /** Longest wait that the registry grants; 0 if it answers at once. */
  readonly maxWaitMs: number;
}

/** An encrypted connection. Two requests are under way at most; further ones queue. */
export class Link {
  readonly #socket: MessageSocket;
  readonly #transport: Transport;
  readonly #certified: Certified;
  readonly #timeoutMs: number;
  /** Settles once the last request is sent; the next two, once the replies to the last two requests have come. */
  #sent: Promise<unknown> = Promise.resolve();
  #last: Promise<unknown> = Promise.resolve();
  #lastButOne: Promise<unknown> = Promise.resolve();

  private constructor(socket: MessageSocket, transport: Transport, certified: Certified, timeoutMs: number) {
    this.#socket = socket;
    this.#transport = transport;
    this.#certified = certified;
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

  /** Longest wait that the registry grants; 0 if it answers at once. */
  get maxWaitMs(): number {
    return this.#certified.maxWaitMs;
  }

  /**
   * Sends a request and returns its reply. Requests are served in order. One may go out while the reply to another is
   * outstanding, because it ends a wait (V6).
   */
  exchange(request: Request): Promise<Reply> {
    const sent = Promise.all([this.#sent, this.#lastButOne]).then(() => this.#send(request));
    const reply = this.#last.then(() => sent).then(() => this.#receive(request.waitMs ?? 0));
    this.#sent = sent.catch(() => {});
    this.#lastButOne = this.#last;
    this.#last = reply.catch(() => {});
    return reply;
  }

  async #send(request: Request): Promise<void> {
    const bytes = encodeRequest(request);
    const { maxMessage } = this.#certified;
    if (bytes.length > maxMessage) throw new TypeError(`a request of more than ${maxMessage} bytes`);
    this.#socket.send(await this.#transport.send.encrypt(concat(Uint8Array.of(0), bytes)));
  }

  /** The next reply. A request that waits is given its wait, and as long again. */
  async #receive(waitMs: number): Promise<Reply> {
    try {
      return decodeReply(await this.#nextMessage(waitMs + Math.max(waitMs, this.#timeoutMs)));
    } catch (error) {
      this.close();
      if (error instanceof RegistryUnreachable) throw error;
      throw new ProtocolError('the registry sent what the protocol does not allow', { cause: error });
    }
  }

  async #nextMessage(timeoutMs: number): Promise<Bytes> {
    const parts: Bytes[] = [];
    for (let length = 0; length <= SEALED_REPLY_BYTES_MAX; ) {
      const plain = await this.#transport.receive.decrypt(await this.#socket.next(timeoutMs));
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

/** Checks that the registry's signature key has certified the other side. Returns its limits. */
async function checkCert(registry: RegCred, { rs, payload }: Transport): Promise<Certified> {
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
  return { maxMessage: view.getUint32(18), maxWaitMs: view.getUint32(22) };
}
