// Stages 2 and 5 of the sealed dialect, worker, parallel: a Hello becomes a reply and the session's keys, a frame becomes
// a message. Stateless but for s, which all workers share.
import type { Fault } from '../errors.ts';
import { HandshakeState } from '../noise/handshake-state.ts';
import { generateKeyPair } from '../noise/key-pair.ts';
import { NoiseError } from '../noise/noise-error.ts';
import type { Session } from '../session/session.ts';
import type { RandomBytes } from '../wire/dialect.ts';
import { decodeMessage, isOp, type Message } from '../wire/message.ts';
import { checkWholeMessage } from '../wire/message-structure.ts';
import { isMac1, SEALED_HELLO_BYTES, SEALED_PROLOGUE } from '../wire/sealed-hello.ts';
import { openRequest, type SealedKeys, sealedKeys } from '../wire/sealed-keys.ts';
import type { Job, WorkerResult } from './job.ts';
import type { SealKeyReader } from './seal-key.ts';

/** A worker's part for sealed Hellos. */
export interface SealedContext {
  readonly mac1Key: Uint8Array;
  readonly sealKey: SealKeyReader;
}

const NOTHING = new Uint8Array(0);
const EPHEMERAL_AT = SEALED_PROLOGUE.length;
const MAC1_AT = EPHEMERAL_AT + 32;

/** Bytes of a sealed Hello's job: the Hello, then the client's address as the registry sees it. */
export function sealedHelloJob(hello: Uint8Array, address: string): Uint8Array {
  return Buffer.concat([hello, Buffer.from(address, 'latin1')]);
}

/** Answers a sealed Hello. A wrong mac1 costs no curve operation. */
export function serveSealedHello(job: Job, context: SealedContext, random: RandomBytes): WorkerResult {
  const hello = job.bytes.subarray(0, SEALED_HELLO_BYTES);
  const address = Buffer.from(job.bytes.subarray(SEALED_HELLO_BYTES)).toString('latin1');
  if (!isMac1(context.mac1Key, hello.subarray(EPHEMERAL_AT, MAC1_AT), hello.subarray(MAC1_AT))) {
    return silent('hello-mac-wrong');
  }
  const { s, cert } = context.sealKey.current;
  const handshake = new HandshakeState('NX', 'responder', { prologue: SEALED_PROLOGUE, s, e: generateKeyPair(random) });
  let message: Buffer;
  try {
    handshake.readMessage(hello.subarray(EPHEMERAL_AT));
    message = handshake.writeMessage(cert);
  } catch (error) {
    handshake.wipe();
    if (error instanceof NoiseError) return silent('hello-key-invalid');
    throw error;
  }
  const keys = sealedKeys(handshake.split(), address);
  const session: Session = { state: 'anonymous', keys, salt2: NOTHING };
  const bytes = job.transport === 'ws' ? message : withLength(message);
  const client = { clientName: undefined, clientEnds: undefined };
  const reply = {
    op: 0,
    ...client,
    dialect: 'sealed',
    bytes,
    consumed: hello.length,
    session,
    why: undefined,
  } as const;
  return { kind: 'reply', rsaOperations: 0, previousKey: false, ...reply };
}

/** Decrypts and decodes one frame; the silent close if it is no message. */
export function openSealed(
  keys: SealedKeys,
  frame: Uint8Array,
): { readonly keys: SealedKeys; readonly op: number; readonly message: Message | undefined } | WorkerResult {
  const opened = openRequest(keys, frame);
  if (typeof opened === 'string') return silent(opened);
  const op = checkWholeMessage(opened.plain);
  if (op === undefined) return silent('message-undecodable');
  if (!isOp(op)) return { keys: opened.keys, op: 0, message: undefined };
  const message = decodeMessage(opened.plain);
  return message ? { keys: opened.keys, op, message } : silent('message-undecodable');
}

function silent(why: Fault): WorkerResult {
  return { kind: 'silent', why, rsaOperations: 0 };
}

function withLength(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(2 + message.length);
  bytes.writeUInt16BE(message.length);
  bytes.set(message, 2);
  return bytes;
}
