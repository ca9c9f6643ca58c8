// Messages ↔ bytes. Names are those of proto/xlreg.proto; absent fields are null or undefined.
import Long from 'long';
import { reg } from './generated/xlreg.js';

/** A decoded message, or what is to be encoded. */
export type Message = reg.XLRegMsg.$Properties;

/** Describes a member, a client or the registry. */
export type Token = reg.XLRegMsg.Token.$Properties;

/** The message types (M2). */
export const Op = {
  RegCredRequest: 1,
  RegCredReply: 2,
  Client: 3,
  ClientOK: 4,
  Create: 5,
  CreateReply: 6,
  Join: 7,
  JoinReply: 8,
  GetCluster: 9,
  ClusterMembers: 10,
  Bye: 11,
  Ack: 12,
  Error: 13,
} as const;
export type OpName = keyof typeof Op;
export type Op = (typeof Op)[OpName];

/** Name of an Op that is in range. */
export function opName(op: Op): OpName {
  return OP_NAMES[op - 1]!;
}

const OP_NAMES = Object.keys(Op) as OpName[];

/** Whether a value is one of the thirteen. */
export function isOp(value: number): value is Op {
  return value >= 1 && value <= OP_NAMES.length;
}

/** Decodes bytes that findMessage() has found to be a message; undefined if the library disagrees. */
export function decodeMessage(bytes: Uint8Array): Message | undefined {
  try {
    return reg.XLRegMsg.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The bytes of a message, unpadded. */
export function encodeMessage(message: Message): Uint8Array {
  return reg.XLRegMsg.encode(message).finish();
}

/**
 * A token as it stands in a ClusterMembers message, tag and length included: what a roster is put together from without
 * being encoded again. A DigSig is left out: whoever held it could register as that member (R10).
 */
export function encodeRosterToken(token: Token): Uint8Array {
  return reg.XLRegMsg.encode({ Tokens: [{ ...token, DigSig: null }] }).finish();
}

/** The tokens of a roster made of such pieces. */
export function decodeRoster(bytes: Uint8Array): Token[] {
  return reg.XLRegMsg.decode(bytes).Tokens ?? [];
}

/** A uint64 of the wire as a bigint; zero if absent. */
export function bigintOf(long: Long | null | undefined): bigint {
  if (long === null || long === undefined) return 0n;
  return (BigInt(long.getHighBitsUnsigned()) << 32n) | BigInt(long.getLowBitsUnsigned());
}

/** A bigint of 0 to 2^64-1 as a uint64 of the wire. */
export function longOf(value: bigint): Long {
  return Long.fromBits(Number(value & 0xffff_ffffn), Number(value >> 32n), true);
}
