// The handshake of a stream (Noise IK), as bytes: prologue, message 1, message 2.
import { HandshakeState, type Transport } from '../../noise/handshake-state.ts';
import { NoiseError } from '../../noise/noise-error.ts';
import { type PeerDirectory, sameBytes } from './peer-directory.ts';

/** The first bytes of a connection, and of the prologue. */
export const STREAM_MAGIC = Buffer.from('xlReg member 1\r\n');
/** Bytes of a length in front of a message or frame. */
export const LENGTH_BYTES = 2;
/** Bytes of message 1: e(32), s(32 + 16), L(ID)(2 + 20 or 32), tag(16). */
export const MESSAGE_1_BYTES: readonly number[] = [118, 130];
/** Bytes of message 2: e(32), tag(16). */
export const MESSAGE_2_BYTES = 48;

const NOTHING = new Uint8Array(0);

/** uint16 length ‖ bytes. */
export function counted(bytes: Uint8Array): Buffer {
  const whole = Buffer.allocUnsafe(LENGTH_BYTES + bytes.length);
  whole.writeUInt16BE(bytes.length);
  whole.set(bytes, LENGTH_BYTES);
  return whole;
}

/** Both sides bind the handshake to registry, cluster and listener: a message 1 fits no other listener. */
function prologueOf({ registryId, clusterId }: PeerDirectory, responderId: Uint8Array): Buffer {
  return Buffer.concat([STREAM_MAGIC, counted(registryId), counted(clusterId), counted(responderId)]);
}

/** The dialler's side. */
export class Dial {
  readonly #state: HandshakeState;
  readonly #ownId: Uint8Array;

  constructor(directory: PeerDirectory, responderId: Uint8Array, sealKey: Uint8Array) {
    this.#ownId = directory.self.id;
    this.#state = new HandshakeState('IK', 'initiator', {
      prologue: prologueOf(directory, responderId),
      s: directory.self.sealKeyPair,
      rs: sealKey,
    });
  }

  /** The bytes to send first. */
  message1(): Buffer {
    return Buffer.concat([STREAM_MAGIC, counted(this.#state.writeMessage(counted(this.#ownId)))]);
  }

  /** Reads message 2. Throws NoiseError unless the holder of the SealKey made it for this handshake. */
  readMessage2(message: Uint8Array): Transport {
    if (this.#state.readMessage(message).length > 0) throw new NoiseError('message 2 has a payload');
    return this.#state.split();
  }
}

/** The listener's side. */
export class Answer {
  readonly #state: HandshakeState;
  readonly #initiatorId: Uint8Array;

  /** Reads message 1. Throws NoiseError unless it was made for this listener; it may be a replay nevertheless. */
  constructor(directory: PeerDirectory, message1: Uint8Array) {
    this.#state = new HandshakeState('IK', 'responder', {
      prologue: prologueOf(directory, directory.self.id),
      s: directory.self.sealKeyPair,
    });
    const payload = this.#state.readMessage(message1);
    const length = payload.length < LENGTH_BYTES ? -1 : payload.readUInt16BE();
    if (length !== payload.length - LENGTH_BYTES || (length !== 20 && length !== 32)) {
      throw new NoiseError('message 1 names no ID');
    }
    this.#initiatorId = payload.subarray(LENGTH_BYTES);
  }

  /** The ID that the initiator claims. */
  get initiatorId(): Uint8Array {
    return this.#initiatorId;
  }

  /** Tells whether the initiator has proved to hold this SealKey. */
  isBy(sealKey: Uint8Array): boolean {
    return this.#state.rs !== undefined && sameBytes(this.#state.rs, sealKey);
  }

  /** Makes message 2, which ends the handshake. */
  message2(): { readonly bytes: Buffer; readonly transport: Transport } {
    const bytes = counted(this.#state.writeMessage(NOTHING));
    return { bytes, transport: this.#state.split() };
  }
}
