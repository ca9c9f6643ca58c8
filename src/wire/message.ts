// Messages ↔ bytes. Names are those of proto/xlreg.proto; absent fields are null or undefined. Part of stages 2
// (decode) and 5 (encode) of the data path, parallel in the workers.
import Long from 'long';
import { reg } from './generated/xlreg.js';

export { isOldOp, isOp, Op, type OpName, opName } from './op.ts';

/** A decoded message, or one to encode. */
export type Message = reg.XLRegMsg.$Properties;

/** Describes a member, a client or the registry. */
export type Token = reg.XLRegMsg.Token.$Properties;

/** Describes a join token. */
export type TokenSpec = reg.XLRegMsg.TokenSpec.$Properties;

/** Decodes bytes in which findMessage() has found a message; undefined if the protobuf library rejects them. */
export function decodeMessage(bytes: Uint8Array): Message | undefined {
  try {
    return reg.XLRegMsg.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Encodes a message, without padding. */
export function encodeMessage(message: Message): Uint8Array {
  return reg.XLRegMsg.encode(message).finish();
}

/**
 * Encodes a token as a ClusterMembers message contains it, tag and length included. Rosters concatenate such tokens
 * without encoding them again. Omits the DigSig: its holder could register as that member (R10).
 * Omits the fields of the sealed dialect, which are kept apart (encodeSealedFields). A literal of all fields encodes in
 * a third of the time of a spread.
 */
export function encodeRosterToken({ Name, Attrs, ID, CommsKey, SigKey, MyEnds }: Token): Uint8Array {
  const token = {
    Name: Name ?? null,
    Attrs: Attrs ?? null,
    ID: ID ?? null,
    CommsKey: CommsKey ?? null,
    SigKey: SigKey ?? null,
    MyEnds: MyEnds ?? null,
  };
  return reg.XLRegMsg.encode({ Tokens: [token] }).finish();
}

/** Encodes a token's fields 32 to 35, as they follow the others in a token for a reader of the sealed dialect. */
export function encodeSealedFields({ SealKey, Seq, Statement, Labels }: Token): Uint8Array {
  const fields = { SealKey: SealKey ?? null, Seq: Seq ?? null, Statement: Statement ?? null, Labels: Labels ?? null };
  return reg.XLRegMsg.Token.encode(fields).finish();
}

/** Decodes a token's fields 32 to 35. */
export function decodeSealedFields(bytes: Uint8Array): Pick<Token, 'SealKey' | 'Seq' | 'Statement' | 'Labels'> {
  return reg.XLRegMsg.Token.decode(bytes);
}

/** Encodes a token as a message of its own, without DigSig, with the fields of the sealed dialect. */
export function encodeToken(token: Token): Uint8Array {
  return reg.XLRegMsg.Token.encode({ ...token, DigSig: null }).finish();
}

/** Decodes a token that is a message of its own; undefined if the protobuf library rejects the bytes. */
export function decodeToken(bytes: Uint8Array): Token | undefined {
  try {
    return reg.XLRegMsg.Token.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Decodes concatenated roster tokens. */
export function decodeRoster(bytes: Uint8Array): Token[] {
  return reg.XLRegMsg.decode(bytes).Tokens ?? [];
}

/** Converts a uint64 of the wire to a bigint; absent is zero. */
export function bigintOf(long: Long | null | undefined): bigint {
  if (long === null || long === undefined) return 0n;
  return (BigInt(long.getHighBitsUnsigned()) << 32n) | BigInt(long.getLowBitsUnsigned());
}

/** Converts a bigint of 0 to 2^64-1 to a uint64 of the wire. */
export function longOf(value: bigint): Long {
  return Long.fromBits(Number(value & 0xffff_ffffn), Number(value >> 32n), true);
}
