// Rosters to keep, read and checked a second time, from the protocol's page alone (W2 to W5).

import { createPublicKey, type KeyObject } from 'node:crypto';
import { decodeToken, encodeToken, type FieldToken } from '../protobuf.ts';
import { bytesField } from '../wire-fields.ts';
import { sha256 } from './noise.ts';
import { pssVerify, statementBytes } from './statement.ts';

/** A seat of a roster body. */
export interface BodySeat {
  /** 0 empty, 1 a statement, 2 without a statement. */
  readonly kind: number;
  readonly digest: Buffer;
}

/** A roster body's fields. */
export interface Body {
  readonly registryId: Buffer;
  readonly clusterId: Buffer;
  readonly name: string;
  readonly term: bigint;
  readonly epoch: bigint;
  /** Milliseconds since 1970. */
  readonly time: bigint;
  /** SHA-256 of the body before; zeros if there is none. */
  readonly before: Buffer;
  readonly seats: readonly BodySeat[];
}

const MAGIC = Buffer.from('xlReg roster body 1\0');
const NUMBER_MAX = 2n ** 53n - 1n;

/** Parses a roster body; throws on anything but one whole body. */
export function parseBody(bytes: Buffer): Body {
  let at = 0;
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw new Error('truncated body');
    at += length;
    return bytes.subarray(at - length, at);
  };
  const counted = (): Buffer => take(take(2).readUInt16BE());
  const counter = (least: bigint): bigint => {
    const value = take(8).readBigUInt64BE();
    if (value < least || value > NUMBER_MAX) throw new Error(`a number of ${value}`);
    return value;
  };
  if (!take(MAGIC.length).equals(MAGIC)) throw new Error('no roster body');
  const [registryId, clusterId] = [counted(), counted()];
  const name = counted().toString();
  const size = take(1)[0]!;
  const [term, epoch, time] = [counter(1n), counter(1n), counter(0n)];
  const before = take(32);
  const seats = Array.from({ length: size }, () => ({ kind: take(1)[0]!, digest: take(32) }));
  if (at !== bytes.length) throw new Error('bytes behind the body');
  return { registryId, clusterId, name, term, epoch, time, before, seats };
}

/** The digest that a body has for a member (W2). */
export function seatDigest(registryId: Uint8Array, token: FieldToken): BodySeat {
  if (token.statement !== undefined) return { kind: 1, digest: sha256(statementBytes(registryId, token)) };
  return { kind: 2, digest: sha256(bytesField(21, encodeToken(token))) };
}

/** The registry that a reader trusts. */
export interface TrustedRegistry {
  readonly id: Buffer;
  readonly sigKey: KeyObject;
}

/** A roster as the registry or a file gives it. */
export interface KeptRoster {
  readonly body: Buffer;
  readonly signature: Buffer;
  readonly tokens: readonly FieldToken[];
}

/** Checks a roster without the registry, and returns its body's fields. */
export function verifyRoster(registry: TrustedRegistry, { body, signature, tokens }: KeptRoster): Body {
  const parsed = parseBody(body);
  if (!parsed.registryId.equals(registry.id)) throw new Error('of another registry');
  const signed = Buffer.concat([Buffer.from('xlReg roster 1\0'), sha256(body)]);
  if (!pssVerify(registry.sigKey, signed, signature)) throw new Error('not signed by the registry');
  const taken = parsed.seats.filter(({ kind }) => kind !== 0);
  if (taken.length !== tokens.length) throw new Error(`${taken.length} seats, ${tokens.length} tokens`);
  taken.forEach((seat, place) => {
    const token = tokens[place]!;
    const digest = seatDigest(registry.id, token);
    if (digest.kind !== seat.kind || !digest.digest.equals(seat.digest)) throw new Error(`another ${token.name}`);
    if (token.statement === undefined) return;
    const sigKey = createPublicKey({ key: token.sigKey!, format: 'der', type: 'spki' });
    if (!pssVerify(sigKey, statementBytes(registry.id, token), token.statement)) {
      throw new Error(`${token.name} has not signed its entry`);
    }
  });
  for (const { kind, digest } of parsed.seats) {
    if (kind > 2 || (kind === 0 && digest.some((byte) => byte !== 0))) throw new Error('an odd seat');
  }
  return parsed;
}

/** Reads the file of a saved roster (W5). */
export function parseFile(bytes: Buffer): KeptRoster {
  if (bytes.length > 524_288) throw new Error('the file is too long');
  const file = JSON.parse(bytes.toString()) as { format: string; body: string; signature: string; tokens: string[] };
  if (file.format !== 'xlReg saved roster 1') throw new Error(`a format of ${file.format}`);
  const base64 = (text: string): Buffer => {
    const value = Buffer.from(text, 'base64');
    if (value.toString('base64') !== text) throw new Error('no base64 with padding');
    return value;
  };
  const tokens = file.tokens.map((token) => {
    const encoded = base64(token);
    const decoded = decodeToken(encoded, true);
    if (!encodeToken(decoded).equals(encoded)) throw new Error('fields out of order');
    if (decoded.digSig !== undefined) throw new Error('a DigSig');
    return decoded;
  });
  return { body: base64(file.body), signature: base64(file.signature), tokens };
}

/** A reader's memory: the highest (term, epoch) of each cluster (W4). */
export class SeenEpochs {
  readonly #seen = new Map<string, { term: bigint; epoch: bigint; hash: Buffer }>();

  /** Takes note of a verified body. Throws if a newer one was seen, or another of the same epoch. */
  note(bytes: Buffer): void {
    const { registryId, clusterId, term, epoch } = parseBody(bytes);
    const name = `${registryId.toString('hex')}/${clusterId.toString('hex')}`;
    const seen = this.#seen.get(name);
    const hash = sha256(bytes);
    if (seen !== undefined) {
      const older = term === seen.term ? epoch < seen.epoch : term < seen.term;
      if (older) throw new Error(`(${term}, ${epoch}) is older than (${seen.term}, ${seen.epoch})`);
      if (term === seen.term && epoch === seen.epoch && !hash.equals(seen.hash)) throw new Error('another body');
    }
    this.#seen.set(name, { term, epoch, hash });
  }
}
