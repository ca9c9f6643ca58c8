// WebSocket frames byte by byte, for what the `ws` package rightly refuses to send. To be written to a client's socket
// with `sendUnder`.

import { randomBytes } from 'node:crypto';

/** A frame's parts; each can be wrong. */
export interface FrameOptions {
  /** 0 continuation, 1 text, 2 binary (the default), 8 close, 9 ping, 10 pong; the others are reserved. */
  readonly opcode?: number;
  readonly fin?: boolean;
  /** The three reserved bits, as a number from 0 to 7. */
  readonly rsv?: number;
  /** A client's frames must be masked; true unless told. */
  readonly masked?: boolean;
  /** The length to declare in place of the payload's own, in the shortest form that holds it. */
  readonly declaredLength?: number | bigint;
}

/** One frame (RFC 6455, section 5.2). */
export function webSocketFrame(payload: Uint8Array, options: FrameOptions = {}): Buffer {
  const masked = options.masked ?? true;
  const first = ((options.fin ?? true) ? 0x80 : 0) | ((options.rsv ?? 0) << 4) | (options.opcode ?? 2);
  const length = BigInt(options.declaredLength ?? payload.length);
  const extended = length < 126n ? 0 : length < 0x1_0000n ? 2 : 8;
  const head = Buffer.alloc(2 + extended);
  head[0] = first;
  head[1] = (masked ? 0x80 : 0) | (extended === 0 ? Number(length) : extended === 2 ? 126 : 127);
  if (extended === 2) head.writeUInt16BE(Number(length), 2);
  if (extended === 8) head.writeBigUInt64BE(length, 2);
  if (!masked) return Buffer.concat([head, payload]);
  const mask = randomBytes(4);
  return Buffer.concat([head, mask, payload.map((byte, i) => byte ^ mask[i % 4]!)]);
}
