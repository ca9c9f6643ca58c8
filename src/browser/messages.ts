// XLRegMsg ↔ bytes: the fields of proto/xlreg.proto that the sealed dialect uses. Unknown fields are skipped (M5).
import type { JoinTokenSpec } from '../client/join-token-text.ts';
import { CLUSTER_SIZE_MAX } from '../limits.ts';
import { type Bytes, concat, utf8 } from './bytes.ts';

/** A token's fields; those of type uint64 are bigints. */
export interface Token {
  /** The member's name. */
  readonly name: string;
  /** Bits: 1 ephemeral, 2 admin, 4 solo (T9). */
  readonly attrs: bigint;
  /** 20 or 32 bytes. */
  readonly id: Bytes;
  /** SubjectPublicKeyInfo of the key for encryption. */
  readonly commsKey: Bytes;
  /** SubjectPublicKeyInfo of the key for signatures. */
  readonly sigKey: Bytes;
  /** `host:port` each, 0 to 4. */
  readonly endPoints: readonly string[];
  /** 32 bytes; empty if absent. */
  readonly sealKey: Bytes;
  /** Rises with each statement of the member; 0 without one. */
  readonly seq: bigint;
  /** Empty if absent. */
  readonly statement: Bytes;
  /** Lines of `key=value`. */
  readonly labels: string;
}

/** The description of a join token. */
export interface TokenSpec extends Omit<JoinTokenSpec, 'token'> {
  /** SHA-256 of the token. */
  readonly hash: Bytes;
}

/** A message to send. */
export interface Request {
  readonly op: number;
  readonly clientId?: Bytes;
  readonly clientSpecs?: Token;
  readonly clusterId?: Bytes;
  readonly clusterName?: string;
  readonly clusterSize?: number;
  readonly clusterAttrs?: bigint;
  readonly endPointCount?: number;
  readonly which?: bigint;
  readonly digSig?: Bytes;
  readonly waitFor?: number;
  readonly confirmMs?: number | undefined;
  readonly round?: Bytes | undefined;
  readonly knownVersion?: bigint | undefined;
  readonly history?: Bytes | undefined;
  readonly waitMs?: number;
  readonly joinToken?: Bytes | undefined;
  readonly joinTokens?: readonly TokenSpec[];
}

/** A received message. Absent fields are undefined. */
export interface Reply {
  readonly op: number;
  readonly clientId?: Bytes | undefined;
  readonly clientSpecs?: Token | undefined;
  readonly clusterId?: Bytes | undefined;
  readonly clusterSize?: number | undefined;
  readonly clusterAttrs?: bigint | undefined;
  readonly endPointCount?: number | undefined;
  readonly which?: bigint | undefined;
  readonly tokens: readonly Token[];
  /** The bytes of each token, as they came. */
  readonly tokenBytes: readonly Bytes[];
  readonly errDesc?: string | undefined;
  readonly code?: number | undefined;
  readonly retryable?: boolean | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly recordedSeq?: bigint | undefined;
  readonly clusterVersion?: bigint | undefined;
  readonly confirmMs?: number | undefined;
  readonly round?: Bytes | undefined;
  readonly confirmed?: bigint | undefined;
  readonly epoch?: bigint | undefined;
  readonly history?: Bytes | undefined;
  readonly emptied?: bigint | undefined;
  readonly rosterHash?: Bytes | undefined;
  readonly yourSeat?: number | undefined;
  readonly rosterBody?: Bytes | undefined;
  readonly rosterSignature?: Bytes | undefined;
}

const NOTHING: Bytes = new Uint8Array(0);

// ---- encoding

function varint(value: bigint): Bytes {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

function numberField(field: number, value: number | bigint | undefined): Bytes {
  return value === undefined ? NOTHING : concat(varint(BigInt(field << 3)), varint(BigInt(value)));
}

function bytesField(field: number, value: Uint8Array | string | undefined): Bytes {
  if (value === undefined) return NOTHING;
  const bytes = typeof value === 'string' ? utf8(value) : value;
  return concat(varint(BigInt((field << 3) | 2)), varint(BigInt(bytes.length)), bytes);
}

function encodeToken(token: Token): Bytes {
  return concat(
    bytesField(1, token.name),
    numberField(2, token.attrs),
    bytesField(3, token.id),
    bytesField(4, token.commsKey),
    bytesField(5, token.sigKey),
    ...token.endPoints.map((endPoint) => bytesField(6, endPoint)),
    bytesField(32, token.sealKey.length > 0 ? token.sealKey : undefined),
    numberField(33, token.seq),
    bytesField(34, token.statement),
    bytesField(35, token.labels === '' ? undefined : token.labels),
  );
}

function encodeSpec({ hash, uses, ttlMs, forName, replace, observer }: TokenSpec): Bytes {
  return concat(
    bytesField(1, hash),
    numberField(2, uses),
    numberField(3, ttlMs),
    bytesField(4, forName),
    numberField(5, replace ? 1 : undefined),
    numberField(6, observer ? 1 : undefined),
  );
}

/** The field Tokens with these bytes, tag and length included. */
export function tokenField(token: Bytes): Bytes {
  return bytesField(21, token);
}

export function encodeRequest(request: Request): Bytes {
  const { clientSpecs } = request;
  return concat(
    numberField(1, request.op),
    bytesField(9, request.clientId),
    bytesField(11, clientSpecs && encodeToken(clientSpecs)),
    bytesField(13, request.clusterId),
    bytesField(14, request.clusterName),
    numberField(15, request.clusterSize),
    numberField(16, request.clusterAttrs),
    numberField(17, request.endPointCount),
    numberField(20, request.which),
    bytesField(22, request.digSig),
    numberField(38, request.waitFor),
    numberField(40, request.confirmMs),
    bytesField(41, request.round),
    numberField(44, request.knownVersion),
    bytesField(45, request.history),
    numberField(46, request.waitMs),
    bytesField(50, request.joinToken),
    ...(request.joinTokens ?? []).map((spec) => bytesField(51, encodeSpec(spec))),
  );
}

// ---- decoding

type Value = bigint | Bytes;

/** Reads a message field by field. Throws on bytes that are no message. */
class Reader {
  readonly #bytes: Bytes;
  #at = 0;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  /** The fields by number, each with its values in order. */
  fields(): Map<number, Value[]> {
    const fields = new Map<number, Value[]>();
    while (this.#at < this.#bytes.length) {
      const tag = this.#varint();
      const field = Number(tag >> 3n);
      const value = this.#value(Number(tag & 7n));
      const values = fields.get(field);
      if (values === undefined) fields.set(field, [value]);
      else values.push(value);
    }
    return fields;
  }

  #value(wireType: number): Value {
    if (wireType === 0) return this.#varint();
    if (wireType === 1) return this.#take(8);
    if (wireType === 2) return this.#take(Number(this.#varint()));
    if (wireType === 5) return this.#take(4);
    throw new Error(`a field of wire type ${wireType}`);
  }

  #varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const [byte] = this.#take(1);
      value |= BigInt(byte! & 0x7f) << shift;
      if (byte! < 0x80) return BigInt.asUintN(64, value);
    }
    throw new Error('a number of more than 10 bytes');
  }

  #take(count: number): Bytes {
    if (count > this.#bytes.length - this.#at) throw new Error('a message is cut off');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }
}

/** Typed access to fields. Of a field that may occur once, the last counts. */
class Fields {
  readonly #values: ReadonlyMap<number, readonly Value[]>;

  constructor(bytes: Bytes) {
    this.#values = new Reader(bytes).fields();
  }

  all(field: number): Bytes[] {
    return (this.#values.get(field) ?? []).map((value) => {
      if (typeof value === 'bigint') throw new Error(`field ${field} is a number`);
      return value;
    });
  }

  bytes(field: number): Bytes | undefined {
    return this.all(field).at(-1);
  }

  text(field: number): string | undefined {
    const bytes = this.bytes(field);
    return bytes && decodeText(bytes);
  }

  number(field: number): bigint | undefined {
    const value = this.#values.get(field)?.at(-1);
    if (typeof value === 'object') throw new Error(`field ${field} is no number`);
    return value;
  }

  /** A uint32, of which a longer number gives the low bits. */
  uint32(field: number): number | undefined {
    const value = this.number(field);
    return value === undefined ? undefined : Number(BigInt.asUintN(32, value));
  }

  bool(field: number): boolean | undefined {
    const value = this.number(field);
    return value === undefined ? undefined : value !== 0n;
  }
}

function decodeText(bytes: Bytes): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

/** Throws on bytes that are no token. */
export function decodeToken(bytes: Bytes): Token {
  const fields = new Fields(bytes);
  return {
    name: fields.text(1) ?? '',
    attrs: fields.number(2) ?? 0n,
    id: fields.bytes(3) ?? NOTHING,
    commsKey: fields.bytes(4) ?? NOTHING,
    sigKey: fields.bytes(5) ?? NOTHING,
    endPoints: fields.all(6).map(decodeText),
    sealKey: fields.bytes(32) ?? NOTHING,
    seq: fields.number(33) ?? 0n,
    statement: fields.bytes(34) ?? NOTHING,
    labels: fields.text(35) ?? '',
  };
}

/** Throws on bytes that are no message. */
export function decodeReply(bytes: Bytes): Reply {
  const fields = new Fields(bytes);
  const op = fields.uint32(1);
  const tokens = fields.all(21);
  if (op === undefined) throw new Error('a message without its type');
  if (tokens.length > CLUSTER_SIZE_MAX) throw new Error(`a message with ${tokens.length} tokens`);
  const specs = fields.bytes(11);
  return {
    op,
    clientId: fields.bytes(9),
    clientSpecs: specs && decodeToken(specs),
    clusterId: fields.bytes(13),
    clusterSize: fields.uint32(15),
    clusterAttrs: fields.number(16),
    endPointCount: fields.uint32(17),
    which: fields.number(20),
    tokens: tokens.map(decodeToken),
    tokenBytes: tokens,
    errDesc: fields.text(23),
    code: fields.uint32(32),
    retryable: fields.bool(33),
    retryAfterMs: fields.uint32(34),
    recordedSeq: fields.number(36),
    clusterVersion: fields.number(37),
    confirmMs: fields.uint32(40),
    round: fields.bytes(41),
    confirmed: fields.number(42),
    epoch: fields.number(43),
    history: fields.bytes(45),
    emptied: fields.number(47),
    rosterHash: fields.bytes(48),
    yourSeat: fields.uint32(49),
    rosterBody: fields.bytes(60),
    rosterSignature: fields.bytes(61),
  };
}
