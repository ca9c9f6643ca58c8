// A third party changes the registry's side of a sealed session on the network: the client refuses each changed bit,
// each cut, each reflected, repeated or reordered frame. The server's side is in test/bad-input.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { RegistryUnreachable, XlRegError } from '../../src/client/errors.ts';
import { exchangeSealedHello } from '../../src/client/sealed-handshake.ts';
import { Arrivals, type Transport } from '../../src/client/transport.ts';
import { HandshakeState } from '../../src/noise/handshake-state.ts';
import { generateKeyPair } from '../../src/noise/key-pair.ts';
import { encodeMessage, Op } from '../../src/wire/message.ts';
import { encryptFrames } from '../../src/wire/sealed-frame.ts';
import { encodeSealCert, SEALED_PROLOGUE } from '../../src/wire/sealed-hello.ts';

const sk = generateKeyPairSync('rsa', { modulusLength: 2048 });
const registry = { id: randomBytes(32), sigKey: sk.publicKey };
const s = generateKeyPair();
const now = Math.floor(Date.now() / 1000);
const facts = { flags: 0, notBefore: now - 3_600, notAfter: now + 169_200, maxMessage: 16_367, maxWaitMs: 0 };
const cert = encodeSealCert(facts, s.publicKey, registry.id, sk.privateKey);
/** Keys e and s, two tags, the certificate with its signature. */
const REPLY_BYTES = 2 * 32 + 2 * 16 + 30 + 256;
const ACK = [encodeMessage({ Op: Op.Ack })];

type Way = 'tcp' | 'ws';
/** Returns the bytes that the client gets in place of these. */
type Change = (bytes: Buffer) => Uint8Array;
const same: Change = (bytes) => bytes;

/** A registry whose Reply is changed on its way. The connection ends behind a changed one. */
class ChangedWire implements Transport {
  readonly name: Way;
  readonly replyBytesMax = 65_537;
  readonly arrivals = new Arrivals(200_000);
  readonly #change: Change;
  /** The registry's keys of the session. */
  session: ReturnType<HandshakeState['split']> | undefined;
  /** Bytes that the client sent after its Hello. */
  readonly sent: Uint8Array[] = [];

  constructor(name: Way, change: Change) {
    this.name = name;
    this.#change = change;
  }

  hold(): void {}

  send(bytes: Uint8Array): void {
    if (this.session) {
      this.sent.push(bytes);
      return;
    }
    const handshake = new HandshakeState('NX', 'responder', { prologue: SEALED_PROLOGUE, s });
    handshake.readMessage(bytes.subarray(SEALED_PROLOGUE.length));
    const message = handshake.writeMessage(cert);
    this.session = handshake.split();
    const length = Buffer.alloc(this.name === 'tcp' ? 2 : 0);
    if (this.name === 'tcp') length.writeUInt16BE(message.length);
    this.arrivals.add(this.#change(Buffer.concat([length, message])));
    if (this.#change !== same) this.close();
  }

  close(): void {
    this.arrivals.end(new RegistryUnreachable('the connection ended'));
  }

  /** The registry's next message as bytes. */
  frame(message: readonly Uint8Array[] = ACK): Buffer {
    return Buffer.concat(encryptFrames(this.session!.send, message, this.name === 'tcp'));
  }
}

const flip =
  (bit: number): Change =>
  (bytes) => {
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    return bytes;
  };
const range = (end: number) => Array.from({ length: end }, (_, at) => at);

describe.each(['tcp', 'ws'] as const)('over %s the client', (name) => {
  const headBytes = name === 'tcp' ? 2 : 0;
  const frameBytes = headBytes + 1 + ACK[0]!.length + 16;

  async function begin(change: Change = same) {
    const wire = new ChangedWire(name, change);
    return { wire, handshake: await exchangeSealedHello(registry, wire) };
  }

  /** The end of a session in which these bytes come in place of an Ack. */
  async function receive(make: (wire: ChangedWire) => readonly Uint8Array[], ask = true): Promise<unknown> {
    const { wire, handshake } = await begin();
    if (ask) wire.send(await handshake.codec.encrypt({ Op: Op.Bye }, wire));
    for (const bytes of make(wire)) wire.arrivals.add(bytes);
    wire.close();
    return await Promise.resolve(handshake.codec.receive(wire)).catch((error: unknown) => error);
  }

  it('refuses a Reply with a bit of any byte changed, and sends nothing after it (Z4)', async () => {
    expect(await begin()).toMatchObject({ handshake: { dialect: 'sealed' } });
    for (const at of range(headBytes + REPLY_BYTES)) {
      // Every bit of the length and of e, whose top bit the curve ignores; one bit of each byte of what is encrypted.
      const bits = at < headBytes + 32 ? range(8) : [Math.floor(Math.random() * 8)];
      for (const bit of bits) {
        const wire = new ChangedWire(name, flip(at * 8 + bit));
        const end = await exchangeSealedHello(registry, wire).catch((error: unknown) => error);
        expect(end, `byte ${at}, bit ${bit}`).toBeInstanceOf(XlRegError);
        expect(wire.sent).toEqual([]);
      }
    }
  });

  it('refuses a Reply that is cut at any byte, or has more behind it (Z4)', async () => {
    const changes = range(headBytes + REPLY_BYTES).map(
      (at): Change =>
        (bytes) =>
          bytes.subarray(0, at),
    );
    for (const change of [...changes, (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(1)])]) {
      await expect(begin(change)).rejects.toBeInstanceOf(XlRegError);
    }
  });

  it('refuses a reply with any one bit changed, or cut at any byte (Z5)', async () => {
    expect(await receive((wire) => [wire.frame()])).toMatchObject({ Op: Op.Ack });
    for (const bit of range(frameBytes * 8)) {
      expect(await receive((wire) => [flip(bit)(wire.frame())]), `bit ${bit}`).toBeInstanceOf(XlRegError);
    }
    for (const at of range(frameBytes)) {
      expect(await receive((wire) => [wire.frame().subarray(0, at)])).toBeInstanceOf(XlRegError);
    }
  });

  it('refuses its own frame, a later frame, a frame of another session and two in place of one (Z5)', async () => {
    const other = (await begin()).wire;
    const changed: readonly ((wire: ChangedWire) => readonly Uint8Array[])[] = [
      (wire) => wire.sent,
      (wire) => [[wire.frame(), wire.frame()][1]!],
      () => [other.frame()],
      (wire) => range(2).map(() => wire.frame()),
    ];
    for (const make of changed) expect(await receive(make)).toBeInstanceOf(XlRegError);
  });
});
