// The client's side of the sealed Hello: Noise NX, in which the registry's static key is certified by its signature key.
// Invariant: the client sends nothing after its Hello before it has checked that certificate.
import { RSA_BITS_MAX, SEAL_CERT_SKEW_SECONDS, SEALED_RSA_BITS_MIN } from '../limits.ts';
import { HandshakeState } from '../noise/handshake-state.ts';
import { generateKeyPair, KEY_BYTES } from '../noise/key-pair.ts';
import type { RegCred } from '../wire/reg-cred.ts';
import { mac1, mac1Key, readSealCert, SEALED_PROLOGUE, type SealCert } from '../wire/sealed-hello.ts';
import {
  ClockFault,
  HelloRefused,
  ProtocolError,
  RegistryUnreachable,
  RegistryUntrusted,
  TURNED_AWAY,
  type XlRegError,
} from './errors.ts';
import { Frames } from './frames.ts';
import type { Handshake } from './handshake.ts';
import { SealedCodec } from './sealed-codec.ts';
import type { Transport } from './transport.ts';

/** Reasons for which a registry may not reply to a sealed Hello. The client cannot tell which. */
export const NO_REPLY_CAUSES =
  'it is an old registry (--dialect prefixed or chained), has another sig key than these credentials, or ' +
  TURNED_AWAY;

/** Keys e and s, the tags of s and of the certificate, the certificate with its signature. */
const REPLY_BOUNDS = { min: 2 * KEY_BYTES + 2 * 16 + 30 + 256, max: 2 * KEY_BYTES + 2 * 16 + 30 + 512 };

/** Parts of credentials that a sealed handshake needs. */
export type SealedRegistry = Pick<RegCred, 'id' | 'sigKey'>;

/** Throws RegistryUntrusted if the registry's signature key is too small or large for the sealed dialect. */
export function assertSealable({ sigKey }: Pick<RegCred, 'sigKey'>): void {
  const bits = sigKey.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits >= SEALED_RSA_BITS_MIN && bits <= RSA_BITS_MAX) return;
  const why = `its sig key has ${bits} bits, and sealed needs ${SEALED_RSA_BITS_MIN} to ${RSA_BITS_MAX}`;
  throw new RegistryUntrusted(`${why}: use the dialect prefixed or chained`);
}

/**
 * Sends a Hello and checks the reply. Rejects with HelloRefused if none comes, with RegistryUntrusted if the registry's
 * signature key has not certified the other side, with ClockFault if the certificate is not valid now.
 */
export async function exchangeSealedHello(registry: SealedRegistry, transport: Transport): Promise<Handshake> {
  assertSealable(registry);
  const e = generateKeyPair();
  const noise = new HandshakeState('NX', 'initiator', { prologue: SEALED_PROLOGUE, e });
  const frames = new Frames(transport);
  try {
    const message1 = noise.writeMessage(mac1(mac1Key(registry.sigKey), e.publicKey));
    transport.send(Buffer.concat([SEALED_PROLOGUE, message1]));
    const reply = await frames.next(REPLY_BOUNDS).catch(asRefused);
    if (frames.waiting) throw new ProtocolError('the registry sent more than a HelloReply');
    const { maxMessage, maxWaitMs } = checkReply(noise, reply, registry);
    const { send, receive, h } = noise.split();
    const codec = new SealedCodec({ send, receive, messageBytesMax: maxMessage }, frames);
    return { dialect: 'sealed', version: undefined, codec, binding: h, maxWaitMs };
  } catch (error) {
    noise.wipe();
    throw error;
  }
}

/** Returns the certificate in a reply. Throws XlRegError if it is not the registry's, or not valid now. */
function checkReply(noise: HandshakeState, reply: Uint8Array, registry: SealedRegistry): SealCert {
  let payload: Uint8Array;
  try {
    payload = noise.readMessage(reply);
  } catch (cause) {
    throw notAnAnswer(cause);
  }
  const now = Math.floor(Date.now() / 1_000);
  const { cert, fault } = readSealCert(payload, noise.rs!, registry, now);
  if (fault === undefined) return cert!;
  throw faultOf(fault === 'clock' ? cert : undefined, fault, now);
}

function faultOf(cert: SealCert | undefined, fault: string, now: number): XlRegError {
  if (cert === undefined) {
    const why = fault === 'version' ? 'is of an unknown version' : 'is not signed by the sig key of these credentials';
    return new RegistryUntrusted(`the certificate of its key ${why}`);
  }
  const [own, from, to] = [now, cert.notBefore, cert.notAfter].map(printTime);
  const skew = `${SEAL_CERT_SKEW_SECONDS / 3_600} hours more`;
  return new ClockFault(
    `one clock is wrong: here it is ${own}, and the registry's key is valid from ${from} to ${to}, and ${skew}`,
  );
}

function notAnAnswer(cause: unknown): RegistryUntrusted {
  return new RegistryUntrusted('its HelloReply does not answer this Hello', { cause });
}

/** A time of any registry: one beyond the range of dates is printed as a number. */
function printTime(seconds: number): string {
  const date = new Date(seconds * 1_000);
  return Number.isNaN(date.getTime()) ? `${seconds} s since 1970` : date.toISOString();
}

/** Throws the meaning of a missing Reply, or of one that no registry sends. */
function asRefused(cause: unknown): never {
  if (cause instanceof ProtocolError) throw notAnAnswer(cause);
  if (!(cause instanceof RegistryUnreachable)) throw cause;
  throw new HelloRefused(`the registry closed the connection without a HelloReply: ${NO_REPLY_CAUSES}`, { cause });
}
