// XLRegMsg's wire format, written a second time from docs/reference/protocol.md and the message set alone, to test the
// server against the page. Decoding is stricter than protobuf: an unknown, repeated or mistyped field from a registry
// is an error. The building blocks below encode anything, valid or not.

import {
  decodeForming,
  encodeForming,
  FORMING_FIELDS,
  FORMING_REPEATED,
  type FormingFields,
  type FormingInput,
} from './sealed/forming-fields.ts';
import { bytes, Fields, number, present, utf8 } from './wire-fields.ts';

/** The values of Op. */
export const OP = {
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
  Leave: 32,
  LeaveReply: 33,
  ChangeTokens: 34,
  TokensReply: 35,
  GetRoster: 36,
  SavedRoster: 37,
} as const;

/** A decoded token. */
export interface FieldToken {
  name?: string;
  attrs?: bigint;
  id?: Buffer;
  commsKey?: Buffer;
  sigKey?: Buffer;
  myEnds: string[];
  digSig?: Buffer;
  sealKey?: Buffer;
  seq?: bigint;
  statement?: Buffer;
  labels?: string;
}

/** A decoded message; `tokens` may be empty. */
export interface FieldMessage extends FormingFields {
  op: number;
  aesIv?: Buffer;
  aesKey?: Buffer;
  salt1?: Buffer;
  salt2?: Buffer;
  version?: number;
  clientName?: string;
  clientId?: Buffer;
  clientAttrs?: bigint;
  clientSpecs?: FieldToken;
  clusterId?: Buffer;
  clusterName?: string;
  clusterSize?: number;
  clusterAttrs?: bigint;
  endPointCount?: number;
  which?: bigint;
  tokens: FieldToken[];
  /** `sealed`: the bytes of each token, as they came. */
  tokenBytes?: Buffer[];
  digSig?: Buffer;
  errDesc?: string;
}

/** The fields of a token to encode. Bytes in place of a string are sent as they are. */
export interface TokenInput {
  readonly name?: string | Uint8Array | undefined;
  readonly attrs?: number | bigint | undefined;
  readonly id?: Uint8Array | undefined;
  readonly commsKey?: Uint8Array | undefined;
  readonly sigKey?: Uint8Array | undefined;
  readonly myEnds?: readonly (string | Uint8Array)[] | undefined;
  readonly digSig?: Uint8Array | undefined;
  readonly sealKey?: Uint8Array | undefined;
  readonly seq?: number | bigint | undefined;
  readonly statement?: Uint8Array | undefined;
  readonly labels?: string | Uint8Array | undefined;
}

/** The fields of a message to encode. Tokens may be encoded already; `extra` is appended as it is. */
export interface MessageInput extends FormingInput {
  readonly op?: number | bigint | undefined;
  readonly aesIv?: Uint8Array | undefined;
  readonly aesKey?: Uint8Array | undefined;
  readonly salt1?: Uint8Array | undefined;
  readonly salt2?: Uint8Array | undefined;
  readonly version?: number | bigint | undefined;
  readonly clientName?: string | Uint8Array | undefined;
  readonly clientId?: Uint8Array | undefined;
  readonly clientAttrs?: number | bigint | undefined;
  readonly clientSpecs?: Uint8Array | TokenInput | undefined;
  readonly clusterId?: Uint8Array | undefined;
  readonly clusterName?: string | Uint8Array | undefined;
  readonly clusterSize?: number | bigint | undefined;
  readonly clusterAttrs?: number | bigint | undefined;
  readonly endPointCount?: number | bigint | undefined;
  readonly which?: number | bigint | undefined;
  readonly tokens?: readonly (Uint8Array | TokenInput)[] | undefined;
  readonly digSig?: Uint8Array | undefined;
  readonly errDesc?: string | Uint8Array | undefined;
  readonly extra?: Uint8Array | undefined;
}

// ---- encoding

/** Encodes a token's fields in the order of their numbers. */
export function encodeToken(token: TokenInput): Buffer {
  const out: Buffer[] = [];
  bytes(out, 1, token.name);
  number(out, 2, token.attrs);
  bytes(out, 3, token.id);
  bytes(out, 4, token.commsKey);
  bytes(out, 5, token.sigKey);
  for (const end of token.myEnds ?? []) bytes(out, 6, end);
  bytes(out, 7, token.digSig);
  bytes(out, 32, token.sealKey);
  number(out, 33, token.seq);
  bytes(out, 34, token.statement);
  bytes(out, 35, token.labels);
  return Buffer.concat(out);
}

function tokenBytes(token: Uint8Array | TokenInput | undefined): Uint8Array | undefined {
  return token === undefined || token instanceof Uint8Array ? token : encodeToken(token);
}

/** Encodes a message's fields in the order of their numbers. */
export function encodeMessage(message: MessageInput): Buffer {
  const out: Buffer[] = [];
  number(out, 1, message.op);
  bytes(out, 2, message.aesIv);
  bytes(out, 3, message.aesKey);
  bytes(out, 4, message.salt1);
  bytes(out, 5, message.salt2);
  number(out, 6, message.version);
  bytes(out, 8, message.clientName);
  bytes(out, 9, message.clientId);
  number(out, 10, message.clientAttrs);
  bytes(out, 11, tokenBytes(message.clientSpecs));
  bytes(out, 13, message.clusterId);
  bytes(out, 14, message.clusterName);
  number(out, 15, message.clusterSize);
  number(out, 16, message.clusterAttrs);
  number(out, 17, message.endPointCount);
  number(out, 20, message.which);
  for (const token of message.tokens ?? []) bytes(out, 21, tokenBytes(token));
  bytes(out, 22, message.digSig);
  bytes(out, 23, message.errDesc);
  encodeForming(out, message);
  if (message.extra !== undefined) out.push(Buffer.from(message.extra));
  return Buffer.concat(out);
}

// ---- decoding

const TOKEN_FIELDS = [1, 2, 3, 4, 5, 6, 7];
const MESSAGE_FIELDS = [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 13, 14, 15, 16, 17, 20, 21, 22, 23];
const SEALED_MESSAGE_FIELDS = [...MESSAGE_FIELDS, ...FORMING_FIELDS];
const SEALED_TOKEN_FIELDS = [...TOKEN_FIELDS, 32, 33, 34, 35];

/** Decodes a token; throws on anything outside the message set. `sealed` adds the fields that only that dialect has. */
export function decodeToken(source: Uint8Array, sealed = false): FieldToken {
  const fields = new Fields(source, sealed ? SEALED_TOKEN_FIELDS : TOKEN_FIELDS, [6]);
  return present<FieldToken>({
    name: fields.text(1),
    attrs: fields.uint64(2),
    id: fields.bytes(3),
    commsKey: fields.bytes(4),
    sigKey: fields.bytes(5),
    myEnds: fields.all(6).map(utf8),
    digSig: fields.bytes(7),
    sealKey: fields.bytes(32),
    seq: fields.uint64(33),
    statement: fields.bytes(34),
    labels: fields.text(35),
  });
}

/** Decodes a message; throws on anything outside the message set, and without an Op. */
export function decodeMessage(source: Uint8Array, sealed = false): FieldMessage {
  const fields = new Fields(source, sealed ? SEALED_MESSAGE_FIELDS : MESSAGE_FIELDS, [21, ...FORMING_REPEATED]);
  const op = fields.uint32(1);
  if (op === undefined) throw new Error('no Op');
  const specs = fields.bytes(11);
  return present<FieldMessage>({
    op,
    aesIv: fields.bytes(2),
    aesKey: fields.bytes(3),
    salt1: fields.bytes(4),
    salt2: fields.bytes(5),
    version: fields.uint32(6),
    clientName: fields.text(8),
    clientId: fields.bytes(9),
    clientAttrs: fields.uint64(10),
    clientSpecs: specs === undefined ? undefined : decodeToken(specs, sealed),
    clusterId: fields.bytes(13),
    clusterName: fields.text(14),
    clusterSize: fields.uint32(15),
    clusterAttrs: fields.uint64(16),
    endPointCount: fields.uint32(17),
    which: fields.uint64(20),
    tokens: fields.all(21).map((token) => decodeToken(token, sealed)),
    digSig: fields.bytes(22),
    errDesc: fields.text(23),
    ...(sealed ? { tokenBytes: fields.all(21), ...decodeForming(fields) } : {}),
  });
}
