// The client's side of the sealed dialect, with minimal overhead. Sessions of a process share one ephemeral key, and
// each certificate is verified once. A real client does neither: here no secret is at stake.
import { HelloRefused, RegistryUnreachable } from '../../src/client/errors.ts';
import { Frames } from '../../src/client/frames.ts';
import type { Transport } from '../../src/client/transport.ts';
import { SEALED_FRAME_BYTES_MAX } from '../../src/limits.ts';
import { HandshakeState } from '../../src/noise/handshake-state.ts';
import { generateKeyPair } from '../../src/noise/key-pair.ts';
import { decodeMessage, encodeMessage, type Message, Op } from '../../src/wire/message.ts';
import type { RegCred } from '../../src/wire/reg-cred.ts';
import { encryptRequest, FrameAssembly } from '../../src/wire/sealed-frame.ts';
import { mac1, mac1Key, readSealCert, SEALED_PROLOGUE } from '../../src/wire/sealed-hello.ts';
import { type Exchange, expectOp } from './exchange.ts';

const FRAME_BOUNDS = { min: 1, max: SEALED_FRAME_BYTES_MAX };

/** The process's ephemeral key and, by registry, its Hello and the last certificate that was verified. */
const e = generateKeyPair();
const hellos = new WeakMap<RegCred, { readonly mac: Uint8Array; verified: Uint8Array }>();

/** Does the handshake. Rejects with HelloRefused if the server closes the connection at the Hello. */
export async function greetSealed(regCred: RegCred, transport: Transport): Promise<Exchange> {
  const noise = new HandshakeState('NX', 'initiator', { prologue: SEALED_PROLOGUE, e });
  const frames = new Frames(transport);
  transport.send(Buffer.concat([SEALED_PROLOGUE, noise.writeMessage(helloOf(regCred).mac)]));
  const reply = await frames.next(FRAME_BOUNDS).catch((cause: Error) => {
    throw cause instanceof RegistryUnreachable ? new HelloRefused(`at the Hello: ${cause.message}`, { cause }) : cause;
  });
  verify(regCred, noise.readMessage(reply), noise.rs!);
  const { send, receive, h } = noise.split();
  const ask = async (message: Message): Promise<Uint8Array> => {
    transport.send(encryptRequest(send, encodeMessage(message), transport.name === 'tcp'));
    const assembly = new FrameAssembly();
    for (;;) {
      const plain = assembly.add(receive.decrypt(await frames.next(FRAME_BOUNDS)));
      if (plain === 'bad') throw new Error('the registry sent a frame with a wrong flag or length');
      if (plain !== 'more') return plain;
    }
  };
  const exchange = async (message: Message, expected: Op): Promise<Message> =>
    expectOp(decodeMessage(await ask(message))!, expected);
  const unopened = async (message: Message, plainBytes: number): Promise<void> => {
    const { length } = await ask(message);
    if (length !== plainBytes) throw new Error(`a reply of ${length} bytes instead of ${plainBytes}`);
  };
  const identify: Exchange['identify'] = async ({ token, prove }) => {
    await exchange({ Op: Op.Client, ClientSpecs: token, DigSig: prove!(h) }, Op.ClientOK);
  };
  return Object.assign(exchange, { identify, unopened, close: () => transport.close() });
}

function helloOf(regCred: RegCred): { readonly mac: Uint8Array; verified: Uint8Array } {
  const known = hellos.get(regCred);
  if (known) return known;
  const made = { mac: mac1(mac1Key(regCred.sigKey), e.publicKey), verified: new Uint8Array(0) };
  hellos.set(regCred, made);
  return made;
}

function verify(regCred: RegCred, cert: Uint8Array, s: Uint8Array): void {
  const hello = helloOf(regCred);
  const certified = Buffer.concat([s, cert]);
  if (certified.equals(hello.verified)) return;
  const { fault } = readSealCert(cert, s, regCred, Math.floor(Date.now() / 1_000));
  if (fault) throw new Error(`the registry's certificate has a wrong ${fault}`);
  hello.verified = certified;
}
