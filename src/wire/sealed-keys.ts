// State of a sealed session between messages, and one step of it: opens a request, encrypts a reply.
// Part of stages 2 and 5 of the data path, parallel in the workers. Stateless like the other dialects.
import { CipherState } from '../noise/cipher-state.ts';
import type { Transport } from '../noise/handshake-state.ts';
import { NoiseError } from '../noise/noise-error.ts';
import { encryptFrames, LAST } from './sealed-frame.ts';

/** Keys and counters of a session. */
export interface SealedKeys {
  readonly dialect: 'sealed';
  /** AES-256 keys of the two directions, as the registry sees them. */
  readonly receiveKey: Uint8Array;
  readonly sendKey: Uint8Array;
  /** Frames so far. */
  readonly received: number;
  readonly sent: number;
  /** The handshake hash, which the client signs. Empty once the client is identified. */
  readonly h: Uint8Array;
  /** The client's address as the registry sees it; empty if unknown. */
  readonly observedAddress: string;
}

export function sealedKeys({ receive, send, h }: Transport, observedAddress: string): SealedKeys {
  const [receiveKey, sendKey] = [receive.key!, send.key!];
  return { dialect: 'sealed', receiveKey, sendKey, received: receive.n, sent: send.n, h, observedAddress };
}

/** Decrypts a client's frame. Returns its message, or the fault. */
export function openRequest(
  keys: SealedKeys,
  frame: Uint8Array,
): { readonly plain: Uint8Array; readonly keys: SealedKeys } | 'frame-forged' | 'message-undecodable' {
  const receive = new CipherState(keys.receiveKey, keys.received);
  let plain: Buffer;
  try {
    plain = receive.decrypt(frame);
  } catch (error) {
    if (error instanceof NoiseError) return 'frame-forged';
    throw error;
  }
  if (plain[0] !== LAST) return 'message-undecodable';
  return { plain: plain.subarray(1), keys: { ...keys, received: receive.n } };
}

/** Encrypts a reply, given in pieces, as one run of frames. On WebSocket they lack their length. */
export function encryptReply(
  keys: SealedKeys,
  transport: 'tcp' | 'ws',
  ...plain: readonly Uint8Array[]
): { readonly bytes: Buffer; readonly keys: SealedKeys } {
  const send = new CipherState(keys.sendKey, keys.sent);
  const frames = encryptFrames(send, plain, transport === 'tcp');
  const bytes = frames.length === 1 ? frames[0]! : Buffer.concat(frames);
  return { bytes, keys: { ...keys, sent: send.n } };
}
