// The statement of a member in the sealed dialect: its own signature over its token and the registry's ID. Also what a
// client signs to prove that it holds its SigKey, and the ID that certifies a SigKey.
//
//   S = "xlReg member 1\0" L(registry ID) L(Name) Attrs(8) L(ID) L(CommsKey) L(SigKey) count(1) L(MyEnds[i])… L(Labels)
//       SealKey(32) seq(8)                                        L(x) = length(2) x; integers are big-endian
import type { KeyObject } from 'node:crypto';
import { SEAL_KEY_BYTES } from '../limits.ts';
import { sha256 } from '../noise/short-hash.ts';
import { bigintOf, longOf, type Token } from './message.ts';
import { signPss } from './pss.ts';

const STATEMENT_PREFIX = Buffer.from('xlReg member 1\0');
const ID_PREFIX = Buffer.from('xlReg member id 1\0');
const CLIENT_PREFIX = Buffer.from('xlReg sealed client 1\0');
const RETURN_PREFIX = Buffer.from('xlReg sealed return 1\0');
const NOTHING = new Uint8Array(0);

/** A seq is a Number: at most 2^53 - 1. */
export const SEQ_MAX = Number.MAX_SAFE_INTEGER;

/** The bytes S that a member signs. Absent and empty Labels, absent and zero SealKey and Attrs give the same bytes. */
export function statementBytes(registryId: Uint8Array, token: Token): Buffer {
  const ends = (token.MyEnds ?? []).map((end) => Buffer.from(end));
  const labels = Buffer.from(token.Labels ?? '');
  const [id, commsKey, sigKey] = [token.ID ?? NOTHING, token.CommsKey ?? NOTHING, token.SigKey ?? NOTHING];
  const name = Buffer.from(token.Name ?? '');
  const parts = new Writer(
    STATEMENT_PREFIX.length +
      [registryId, name, id, commsKey, sigKey, ...ends, labels].reduce((sum, part) => sum + 2 + part.length, 0) +
      8 +
      1 +
      SEAL_KEY_BYTES +
      8,
  );
  parts.put(STATEMENT_PREFIX).field(registryId).field(name).uint64(bigintOf(token.Attrs));
  parts.field(id).field(commsKey).field(sigKey).byte(ends.length);
  for (const end of ends) parts.field(end);
  parts.field(labels).put(token.SealKey?.length ? token.SealKey : NO_SEAL_KEY);
  return parts.uint64(bigintOf(token.Seq)).bytes;
}

const NO_SEAL_KEY = new Uint8Array(SEAL_KEY_BYTES);

/** Appends to a buffer of known length. */
class Writer {
  readonly bytes: Buffer;
  #at = 0;

  constructor(length: number) {
    this.bytes = Buffer.alloc(length);
  }

  put(part: Uint8Array): this {
    this.bytes.set(part, this.#at);
    this.#at += part.length;
    return this;
  }

  field(part: Uint8Array): this {
    this.#at = this.bytes.writeUInt16BE(part.length, this.#at);
    return this.put(part);
  }

  byte(value: number): this {
    this.#at = this.bytes.writeUInt8(value, this.#at);
    return this;
  }

  uint64(value: bigint): this {
    this.#at = this.bytes.writeBigUInt64BE(value, this.#at);
    return this;
  }
}

/** SHA-256 of S: names a statement in proofs and on record. */
export function statementDigest(statement: Uint8Array): Buffer {
  return sha256(statement);
}

/** Adds Seq and Statement to a token. `seq` is 1 to SEQ_MAX. Removes the DigSig, which is none of this dialect. */
export function signStatement(registryId: Uint8Array, token: Token, seq: number, sigKey: KeyObject): Token {
  const stated: Token = { ...token, DigSig: null, Seq: longOf(BigInt(seq)) };
  return { ...stated, Statement: signPss(sigKey, statementBytes(registryId, stated)) };
}

/** Returns a token's seq; undefined if it is absent, zero or above SEQ_MAX. */
export function seqOf({ Seq }: Token): number | undefined {
  const seq = bigintOf(Seq);
  return seq >= 1n && seq <= BigInt(SEQ_MAX) ? Number(seq) : undefined;
}

/** Bytes that a client signs, besides its statement, to register in the session with this handshake hash. */
export function clientProof(handshakeHash: Uint8Array, digestOfStatement: Uint8Array): Buffer {
  return Buffer.concat([CLIENT_PREFIX, handshakeHash, digestOfStatement]);
}

/** Bytes that a client signs to return by its ID in the session with this handshake hash. */
export function returnProof(handshakeHash: Uint8Array, clientId: Uint8Array): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(clientId.length);
  return Buffer.concat([RETURN_PREFIX, handshakeHash, length, clientId]);
}

/** The ID that belongs to a SigKey alone: the hash of its SubjectPublicKeyInfo. */
export function certifiedId(sigKeySpki: Uint8Array): Buffer {
  return sha256(Buffer.concat([ID_PREFIX, sigKeySpki]));
}
